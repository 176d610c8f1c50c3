import type { ActionDeps } from '../actions/action.ts'
import { listEgressInterfaces, remainingSeconds } from '../actions/isolateDevice.ts'
import { applyIsolation, type ObservedIsolation, observeIsolation, removeIsolation } from '../actions/nftables.ts'
import { readBootId } from '../host/facts.ts'
import { type IsolationRecord, readIsolation, stateFiles, writeState } from '../state.ts'
import { isReleasedByCode } from './break-glass.ts'

/** What bringing an isolation back needs. */
export type RestoreDeps = Pick<ActionDeps, 'run' | 'clock' | 'state' | 'egressHook'>

/** How the isolation the agent remembers stands to what the kernel holds. */
export type Restoration =
  /** Nothing is remembered. */
  | { readonly kind: 'none' }
  | { readonly kind: 'inForce'; readonly until: string }
  /** It was loaded again; `lost` says what had become of it. */
  | { readonly kind: 'restored'; readonly until: string; readonly lost: 'reboot' | 'removed' | 'newInterface' }
  /** Its time is over; the record and what was left of the tables are gone. */
  | { readonly kind: 'ended'; readonly until: string }
  /** Released by a one-time code; what was left of it is gone. */
  | { readonly kind: 'released' }
  /** Loaded by a command that was cut short before its test: the command itself decides. */
  | { readonly kind: 'untested' }

// A kernel timer and the clock agree to about a second.
const NEARLY_OVER_MS = 2_000

/**
 * Makes the kernel hold what the agent remembers: an isolation that a reboot, `nft flush ruleset` or a program took away is loaded again
 * for the time it has left, and an interface that came later gets its egress chain. What has ended is cleared away.
 * @throws RulesetError
 * @source design actions.md 8.2
 */
export async function restoreIsolation(deps: RestoreDeps): Promise<Restoration> {
  const record = readIsolation(deps.state)
  if (record === undefined) return { kind: 'none' }
  const { until } = record
  const observed = await observeIsolation(deps.run)
  if (isReleasedByCode(deps.state, record.commandId)) {
    await clear(deps, observed)
    return { kind: 'released' }
  }
  const egress = deps.egressHook ? listEgressInterfaces() : []
  if (observed.isolated && egress.every((name) => observed.egress.includes(name))) return { kind: 'inForce', until }
  if (record.rulesetSha256 === null) return { kind: 'untested' }
  if (Date.parse(until) - deps.clock.nowMs() <= NEARLY_OVER_MS) {
    await clear(deps, observed)
    return { kind: 'ended', until }
  }
  return reload(deps, record, observed, egress)
}

async function clear(deps: RestoreDeps, observed: ObservedIsolation): Promise<void> {
  if (observed.tables.length > 0) await removeIsolation(deps.run, observed.tables)
  deps.state.remove(stateFiles.isolation)
}

async function reload(
  deps: RestoreDeps,
  record: IsolationRecord,
  observed: ObservedIsolation,
  egress: readonly string[],
): Promise<Restoration> {
  const plan = { ...record.plan, egress }
  const leaseSeconds = remainingSeconds(deps, record)
  await applyIsolation(deps.run, plan, leaseSeconds, observed.tables)
  const now = await observeIsolation(deps.run)
  const bootId = readBootId()
  const lost = observed.isolated ? 'newInterface' : bootId === record.bootId ? 'removed' : 'reboot'
  writeState(deps.state, stateFiles.isolation, { ...record, plan, bootId, rulesetSha256: now.rulesetSha256 })
  return { kind: 'restored', until: record.until, lost }
}
