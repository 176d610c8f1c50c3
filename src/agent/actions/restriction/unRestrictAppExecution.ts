import type { UnRestrictBody } from '../../../protocol/bodies/restrictAppExecution.ts'
import type { ProofCheck } from '../../../protocol/result.ts'
import { MountError, readMounts, reopenMounts } from '../../guard/mounts.ts'
import { type RestrictionRecord, readRestriction } from '../../guard/record.ts'
import { describeRestriction, liftRestriction } from '../../guard/restriction.ts'
import { type ActionDeps, type ActionOrder, type ActionOutcome, describeFailure } from '../action.ts'
import { nameCanaries, tryProgram } from './canary.ts'
import { proveRestriction } from './restrictAppExecution.ts'

/**
 * Takes a restriction back for every task that wanted it: the guard ends, the mounts get their options back, and the program that was
 * denied is tried again. Nothing to take back is `already`.
 * @source design actions.md 7.7
 */
export async function unRestrictAppExecution(
  deps: ActionDeps,
  order: ActionOrder,
  _body: UnRestrictBody,
): Promise<ActionOutcome> {
  const record = readRestriction(deps.state)
  const before = order.resumedFrom ?? describeRestriction(record, await deps.guard.ask())
  // A record without a guard is a restriction whose guard died a moment ago.
  const was = before.restricted === true || record !== undefined
  const target = { state: was ? ('succeeded' as const) : ('already' as const), changed: was }
  if (order.dryRun) {
    const unchanged = { ...target, changed: false }
    return { state: 'succeeded', target: unchanged, code: 'DryRun', detail: null, before, after: before, proof: null }
  }
  if (order.resumedFrom === null) order.begin(before)
  try {
    await deps.guard.stop()
    deps.failpoint('after-release')
    if (record !== undefined) await reopenMounts(deps.run, record.noexec)
    const checks = record === undefined ? [] : await checkOpen(record)
    await liftRestriction(deps, record)
    const guard = await deps.guard.ask()
    const after = describeRestriction(readRestriction(deps.state), guard)
    const gone: ProofCheck = { name: 'guard', want: 'dead', got: typeof guard === 'object' ? 'alive' : guard }
    const all = [gone, ...checks]
    const proof = proveRestriction(deps, after, all)
    const missed = all.find(({ want, got }) => want !== got)
    if (missed !== undefined) {
      const detail = `${missed.name} is ${missed.got} instead of ${missed.want}`
      return describeFailure('failed', 'NotEffective', detail, { before, after, proof })
    }
    return { state: 'succeeded', target, code: null, detail: null, before, after, proof }
  } catch (error) {
    if (!(error instanceof MountError)) throw error
    return describeFailure('failed', 'MountRefused', error.message, { before, after: before })
  }
}

/** The program that was denied runs, and every mount is as it was. What is mounted elsewhere by now is nobody's loss. */
async function checkOpen({ canary, noexec }: RestrictionRecord): Promise<readonly ProofCheck[]> {
  const present = readMounts()
  const mounts = noexec.slice(0, 40).flatMap(({ mountPoint, device, options }) => {
    const mount = present.find((one) => one.mountPoint === mountPoint && one.device === device)
    return mount === undefined ? [] : [{ name: `mount ${mountPoint}`.slice(0, 60), want: options, got: mount.options }]
  })
  if (canary === null) return mounts
  return [{ name: 'canaryDenied', want: 'ran', got: await tryProgram(nameCanaries(canary).denied) }, ...mounts]
}
