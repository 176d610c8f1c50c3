import { existsSync } from 'node:fs'
import type { RestrictBody } from '../../../protocol/bodies/restrictAppExecution.ts'
import { digestJson } from '../../../protocol/canonical.ts'
import type { JsonObject } from '../../../protocol/decode.ts'
import { formatInstant } from '../../../protocol/instants.ts'
import type { Proof, ProofCheck } from '../../../protocol/result.ts'
import { GuardError } from '../../guard/control.ts'
import { chooseMounts, chooseNoexec, listMissing, readMounts } from '../../guard/mounts.ts'
import { leftMs, type RestrictionRecord, readRestriction, writeRestriction } from '../../guard/record.ts'
import {
  closeMounts,
  describeRestriction,
  type GuardAnswer,
  liftRestriction,
  listOpen,
} from '../../guard/restriction.ts'
import { readBootId } from '../../host/facts.ts'
import { type ActionDeps, type ActionOrder, type ActionOutcome, describeFailure } from '../action.ts'
import { describeAllowed, listAllowed } from './allowed.ts'
import { type Canaries, nameCanaries, placeCanaries, tryFolder, tryProgram } from './canary.ts'
import { rehearseRestriction } from './rehearse.ts'

/** What passes the guard, as far as it is known; part of every proof. @source design actions.md 8.5 */
const gaps = [
  'what runs already; sh script and ld.so program outside of noexec mounts; programs without a file (memfd)',
  'network file systems; containers on overlays; while the guard is gone everything starts, until the agent has it back',
]
/** What a check can hold, so that a host with many mounts still has a proof. */
const MAX_CHECK_TEXT = 190
const MAX_NAME = 60
const MAX_TRIED = 40

/**
 * Lets only programs start that an installed package brought unchanged, or that owner or tenant allow: the guard, then `noexec` on mounts where
 * anybody may write, then a test by a pair of programs. When the test does not hold, everything is taken back and the outcome is
 * `NotEffective`. The same restriction twice is `already` and starts the lease anew.
 * @source design actions.md 7.6, 8.5, 10.6
 */
export async function restrictAppExecution(
  deps: ActionDeps,
  order: ActionOrder,
  _body: RestrictBody,
): Promise<ActionOutcome> {
  const record = readRestriction(deps.state)
  const guard = await deps.guard.ask()
  const before = order.resumedFrom ?? describeRestriction(record, guard)
  const missing = listMissing(readMounts(), deps.config.guard)
  if (missing.length > 0) {
    const detail = `nothing is mounted at ${missing.join(', ')} (agent.conf, guard)`
    return describeFailure('failed', 'BadConfiguration', detail, { before, after: before })
  }
  if (order.dryRun) return rehearseRestriction(deps, before)
  if (order.resumedFrom === null) order.begin(before)
  deps.failpoint('before-apply')
  if (record !== undefined && isInForce(deps, record, guard)) {
    const next = { ...record, leaseSeconds: order.leaseSeconds, until: endOfLease(deps, order.leaseSeconds) }
    writeRestriction(deps.state, next)
    return conclude(deps, next, before, await testRestriction(deps, next))
  }
  try {
    const next = await apply(deps, order, record)
    return await settle(deps, { next, previous: record, before })
  } catch (error) {
    // Whatever went wrong, a restriction nobody has tested must not stay.
    const problem = error instanceof Error ? error.message.slice(0, 500) : 'unknown error'
    return rollBack(deps, { previous: record, before }, problem, [])
  }
}

/** Starts the lease anew when less than three quarters of it are left. Only for a host whose server still holds the restriction. */
export function renewRestriction(deps: Pick<ActionDeps, 'state' | 'clock'>): boolean {
  const record = readRestriction(deps.state)
  if (record === undefined || !record.tested) return false
  const left = leftMs(deps.clock, record)
  if (left <= 0 || left > record.leaseSeconds * 750) return false
  writeRestriction(deps.state, { ...record, until: endOfLease(deps, record.leaseSeconds) })
  return true
}

/** Builds the proof of a restriction or its end out of what was read back. */
export function proveRestriction(deps: ActionDeps, after: JsonObject, checks: readonly ProofCheck[]): Proof {
  return {
    level: 'observed',
    method: 'guard+canary',
    observedAt: formatInstant(deps.clock.nowMs()),
    observedBy: `agent:${deps.deviceId}`,
    digest: digestJson(after),
    checks,
  }
}

interface Applied {
  readonly next: RestrictionRecord
  /** What was in force before and comes back when the test fails. */
  readonly previous: RestrictionRecord | undefined
  readonly before: JsonObject
}

async function apply(
  deps: ActionDeps,
  order: ActionOrder,
  record: RestrictionRecord | undefined,
): Promise<RestrictionRecord> {
  await deps.guard.stop()
  const mounts = readMounts()
  const guarded = chooseMounts(mounts, deps.config.guard)
  const canaries = placeCanaries(deps.state.path, guarded, mounts)
  if (canaries === undefined) throw new GuardError('no guarded file system has room to try a program')
  // What an earlier run closed already is remembered as it was before that.
  const closed = record?.noexec ?? []
  const opened = chooseNoexec(guarded).filter((mount) => !closed.some((one) => one.mountPoint === mount.mountPoint))
  const next: RestrictionRecord = {
    commandId: order.commandId,
    leaseSeconds: order.leaseSeconds,
    until: endOfLease(deps, order.leaseSeconds),
    bootId: readBootId(),
    tested: false,
    mounts: deps.config.guard,
    allow: listAllowed(deps).all,
    noexec: [...closed, ...opened],
    canary: canaries.allowed,
  }
  writeRestriction(deps.state, next)
  await deps.guard.start()
  deps.failpoint('after-guard')
  await closeMounts(deps, next)
  deps.failpoint('after-apply')
  return next
}

async function settle(deps: ActionDeps, applied: Applied): Promise<ActionOutcome> {
  const { next, before } = applied
  const test = await testRestriction(deps, next)
  if (!test.holds) return rollBack(deps, applied, 'the self-test did not hold', test.checks)
  writeRestriction(deps.state, { ...next, tested: true })
  deps.failpoint('after-self-test')
  return conclude(deps, next, before, test)
}

interface SelfTest {
  readonly holds: boolean
  readonly guard: GuardAnswer
  readonly checks: readonly ProofCheck[]
}

/** Tries the pair, the second layer, and reads the guard's own counts: what it did not see it did not decide. */
async function testRestriction(deps: ActionDeps, record: RestrictionRecord): Promise<SelfTest> {
  const { allowed, denied }: Canaries = nameCanaries(record.canary ?? '')
  const first = await deps.guard.ask()
  const checks: ProofCheck[] = []
  if (typeof first === 'object') {
    checks.push({ name: 'canaryDenied', want: 'EPERM', got: await tryProgram(denied) })
    checks.push({ name: 'canaryAllowed', want: 'ran', got: await tryProgram(allowed) })
    for (const { mountPoint } of record.noexec.slice(0, MAX_TRIED)) {
      checks.push({ name: `noexec ${mountPoint}`.slice(0, MAX_NAME), want: 'EACCES', got: await tryFolder(mountPoint) })
    }
  }
  const guard = await deps.guard.ask()
  const alive = typeof guard === 'object'
  const saw = alive && typeof first === 'object' && guard.denied > first.denied && guard.allowed > first.allowed
  checks.push({ name: 'guard', want: 'alive', got: alive ? 'alive' : guard })
  checks.push({ name: 'decidedByGuard', want: 'both', got: saw ? 'both' : 'not both' })
  const holds = checks.every(({ want, got }) => want === got)
  const notes = [
    { name: 'fileSystems', want: 'any', got: alive ? guard.marked.join(' ').slice(0, MAX_CHECK_TEXT) : 'none' },
    { name: 'notGuarded', want: 'any', got: alive ? guard.unmarked.join('; ').slice(0, MAX_CHECK_TEXT) : 'everything' },
    { name: 'allowedBeside', want: 'any', got: describeAllowed(listAllowed(deps)) },
    ...gaps.map((got) => ({ name: 'gap', want: 'any', got })),
  ]
  return { holds, guard, checks: [...checks, ...notes] }
}

function conclude(deps: ActionDeps, record: RestrictionRecord, before: JsonObject, test: SelfTest): ActionOutcome {
  const after = describeRestriction(record, test.guard)
  const proof = proveRestriction(deps, after, test.checks)
  if (!test.holds) {
    // Nothing is taken back: this restriction belongs to an earlier command, and its lease ends it.
    const detail = 'already restricted, but the self-test failed'
    return describeFailure('failed', 'NotEffective', detail, { before, after, proof })
  }
  const changed = before.restricted !== true
  const state = changed ? ('succeeded' as const) : ('already' as const)
  return { state: 'succeeded', target: { state, changed }, code: null, detail: null, before, after, proof }
}

async function rollBack(
  deps: ActionDeps,
  { previous, before }: Pick<Applied, 'previous' | 'before'>,
  problem: string,
  checks: readonly ProofCheck[],
): Promise<ActionOutcome> {
  await liftRestriction(deps, readRestriction(deps.state))
  const standing = previous?.tested === true && leftMs(deps.clock, previous) > 0 ? previous : undefined
  if (standing !== undefined) await restorePrevious(deps, standing)
  const after = describeRestriction(standing, await deps.guard.ask())
  const detail = `${problem}; the restriction was taken back`
  return describeFailure('failed', 'NotEffective', detail, {
    before,
    after,
    proof: proveRestriction(deps, after, checks),
  })
}

async function restorePrevious(deps: ActionDeps, record: RestrictionRecord): Promise<void> {
  const mounts = readMounts()
  const canaries = placeCanaries(deps.state.path, chooseMounts(mounts, record.mounts), mounts)
  const next = { ...record, canary: canaries?.allowed ?? null }
  writeRestriction(deps.state, next)
  await deps.guard.start()
  await closeMounts(deps, next)
}

function isInForce(deps: ActionDeps, record: RestrictionRecord, guard: GuardAnswer): boolean {
  return (
    record.tested &&
    record.canary !== null &&
    existsSync(record.canary) &&
    typeof guard === 'object' &&
    leftMs(deps.clock, record) > 0 &&
    listOpen(record).length === 0 &&
    record.mounts.join('\n') === deps.config.guard.join('\n') &&
    record.allow.join('\n') === listAllowed(deps).all.join('\n')
  )
}

function endOfLease(deps: Pick<ActionDeps, 'clock'>, leaseSeconds: number): string {
  return formatInstant(deps.clock.nowMs() + leaseSeconds * 1000)
}
