import type { IsolateDeviceBody } from '../../protocol/body.ts'
import { canonicalJson, digestJson } from '../../protocol/canonical.ts'
import type { JsonObject } from '../../protocol/decode.ts'
import { formatInstant } from '../../protocol/instants.ts'
import type { Proof, ProofCheck } from '../../protocol/result.ts'
import { listConnections } from '../host/connections.ts'
import { listInterfaceNames, readBootId, readDhcpServers, readGateways } from '../host/facts.ts'
import { type IsolationRecord, readIsolation, stateFiles, writeState } from '../state.ts'
import { type ActionDeps, type ActionOrder, type ActionOutcome, describeFailure } from './action.ts'
import { type Endpoint, isInNetworks, reduceNetworks } from './addresses.ts'
import {
  applyIsolation,
  type ObservedIsolation,
  observeIsolation,
  RulesetError,
  rehearseIsolation,
  removeIsolation,
  renewIsolation,
} from './nftables.ts'
import { chooseProbes, type ForbiddenProbe, probeBaseline } from './probes.ts'
import { type IsolationPlan, isUsableInterface } from './ruleset.ts'
import { type ControlProbe, probeControlBaseline, testIsolation } from './self-test.ts'

/**
 * Isolates the host: one nft transaction, then a test from both sides; when the test does not hold in time, the transaction is taken
 * back and the outcome is `ChannelLost` or `NotEffective`. The same isolation twice is `already` and only starts the lease anew.
 * @source design actions.md 7.1, 8.2, 10.6
 */
export async function isolateDevice(
  deps: ActionDeps,
  order: ActionOrder,
  body: IsolateDeviceBody,
): Promise<ActionOutcome> {
  const plan = await planIsolation(deps, body)
  // The firewall is read by a program of its own; meanwhile the forbidden addresses can answer.
  const probing = typeof plan === 'string' || order.dryRun ? [] : probeBaseline(chooseForbidden(deps, plan))
  const observed = await observeIsolation(deps.run)
  const record = readIsolation(deps.state)
  const before = order.resumedFrom ?? describeState(observed, record)
  if (typeof plan === 'string') return describeFailure('failed', 'BadArguments', plan, { before, after: before })
  if (plan.control.length === 0) {
    const detail = 'the address of the server is not known, so it could not stay open'
    return describeFailure('failed', 'ChannelLost', detail, { before, after: before })
  }
  if (order.dryRun) return rehearse(deps, order, plan, before)
  if (record !== undefined && isInForce(observed, record, plan)) {
    if (order.resumedFrom === null) order.begin(before)
    const { leaseSeconds } = order
    return extend(deps, order, { ...record, leaseSeconds, until: endOfLease(deps, leaseSeconds) }, observed, before)
  }
  const state = { isolated: observed.isolated, until: record?.until ?? null }
  const [forbidden, control] = await Promise.all([probing, probeControlBaseline(deps, plan.control, state)])
  order.begin(before)
  deps.failpoint('before-apply')
  const next: IsolationRecord = {
    commandId: order.commandId,
    plan,
    leaseSeconds: order.leaseSeconds,
    until: endOfLease(deps, order.leaseSeconds),
    bootId: readBootId(),
    rulesetSha256: null,
    reachedBefore: listReached(forbidden),
  }
  writeState(deps.state, stateFiles.isolation, next)
  try {
    await applyIsolation(deps.run, plan, order.leaseSeconds, observed.tables)
  } catch (error) {
    restoreRecord(deps, record)
    if (!(error instanceof RulesetError)) throw error
    return describeFailure('failed', 'RulesetRefused', error.message, { before, after: before })
  }
  deps.failpoint('after-apply')
  const applied = { next, previous: observed.isolated ? record : undefined, before, forbidden, control }
  try {
    return await settle(deps, order, applied)
  } catch (error) {
    // Whatever went wrong, an isolation nobody has tested must not stay.
    const detail = error instanceof Error ? error.message.slice(0, 500) : 'unknown error'
    return rollBack(deps, applied, 'AgentError', `${detail}; the isolation was taken back`, [])
  }
}

/** Starts the lease anew when less than three quarters of it are left. Only for a host whose server still holds the isolation. */
export async function renewLease(deps: ActionDeps): Promise<boolean> {
  const record = readIsolation(deps.state)
  if (record === undefined) return false
  const observed = await observeIsolation(deps.run)
  const remaining = observed.remainingSeconds
  if (remaining === null || remaining > (record.leaseSeconds * 3) / 4) return false
  await renewIsolation(deps.run, observed.egress, record.leaseSeconds)
  writeState(deps.state, stateFiles.isolation, { ...record, until: endOfLease(deps, record.leaseSeconds) })
  return true
}

/** The host's isolation in the form of a result's `before` and `after`. */
export function describeState(observed: ObservedIsolation, record: IsolationRecord | undefined): JsonObject {
  if (!observed.isolated) return { isolated: false }
  return {
    isolated: true,
    mode: observed.mode,
    until: record?.until ?? null,
    rulesetSha256: observed.rulesetSha256,
    egressHook: observed.egress.length > 0,
    permitted: [...(record?.plan.allow4 ?? []), ...(record?.plan.allow6 ?? [])],
  }
}

/** Builds the proof of an isolation or release out of what was read back. */
export function writeProof(deps: ActionDeps, after: JsonObject, checks: readonly ProofCheck[]): Proof {
  return {
    level: 'observed',
    method: 'nft-list+probe',
    observedAt: formatInstant(deps.clock.nowMs()),
    observedBy: `agent:${deps.deviceId}`,
    digest: digestJson(after),
    checks,
  }
}

interface Applied {
  readonly next: IsolationRecord
  /** What was in force before and comes back when the test fails. */
  readonly previous: IsolationRecord | undefined
  readonly before: JsonObject
  readonly forbidden: readonly ForbiddenProbe[]
  readonly control: readonly ControlProbe[]
}

async function settle(deps: ActionDeps, order: ActionOrder, applied: Applied): Promise<ActionOutcome> {
  const { next, before } = applied
  const state = { isolated: true, until: next.until }
  // Most of a test is waiting for silence; the listing fits in there, unless the test took longer.
  const [test, seen] = await Promise.all([
    testIsolation(deps, applied.control, applied.forbidden, state, order.selfTestSeconds),
    observeIsolation(deps.run),
  ])
  const observed = test.tries === 1 ? seen : await observeIsolation(deps.run)
  if (test.failure !== null || !observed.isolated) {
    const lost = test.failure === 'ChannelLost'
    const detail = lost
      ? 'the server could not be reached through the isolation; it was taken back'
      : 'a forbidden address was still reachable; the isolation was taken back'
    return rollBack(deps, applied, test.failure ?? 'NotEffective', detail, test.checks)
  }
  const record = { ...next, rulesetSha256: observed.rulesetSha256 }
  writeState(deps.state, stateFiles.isolation, record)
  deps.failpoint('after-self-test')
  const after = describeState(observed, record)
  return {
    state: 'succeeded',
    target: { state: 'succeeded', changed: !isSameState(before, after) },
    code: null,
    detail: null,
    before,
    after,
    proof: writeProof(deps, after, [...test.checks, ...describeRuleset(deps, observed, next.plan)]),
  }
}

async function rollBack(
  deps: ActionDeps,
  applied: Applied,
  code: string,
  detail: string,
  checks: readonly ProofCheck[],
): Promise<ActionOutcome> {
  const { previous, before } = applied
  const present = await observeIsolation(deps.run)
  if (previous === undefined) await removeIsolation(deps.run, present.tables)
  else await applyIsolation(deps.run, previous.plan, remainingSeconds(deps, previous), present.tables)
  restoreRecord(deps, previous)
  const after = describeState(await observeIsolation(deps.run), previous)
  return describeFailure('failed', code, detail, { before, after, proof: writeProof(deps, after, checks) })
}

// The rules are in force already: probing the forbidden addresses anew would prove nothing they do not.
async function extend(
  deps: ActionDeps,
  order: ActionOrder,
  record: IsolationRecord,
  observed: ObservedIsolation,
  before: JsonObject,
): Promise<ActionOutcome> {
  await renewIsolation(deps.run, observed.egress, order.leaseSeconds)
  writeState(deps.state, stateFiles.isolation, record)
  const control = await probeControlBaseline(deps, record.plan.control, { isolated: true, until: record.until })
  const test = await testIsolation(deps, control, [], { isolated: true, until: record.until }, order.selfTestSeconds)
  const now = await observeIsolation(deps.run)
  const after = describeState(now, record)
  if (test.failure !== null || !now.isolated) {
    const proof = writeProof(deps, after, test.checks)
    // Nothing is taken back: this isolation belongs to an earlier command, and its lease ends it.
    return describeFailure('failed', test.failure ?? 'NotEffective', 'already isolated, but the self-test failed', {
      before,
      after,
      proof,
    })
  }
  const changed = before.isolated !== true
  return {
    state: 'succeeded',
    target: { state: changed ? 'succeeded' : 'already', changed },
    code: null,
    detail: null,
    before,
    after,
    proof: writeProof(deps, after, [...test.checks, ...describeRuleset(deps, now, record.plan)]),
  }
}

async function rehearse(
  deps: ActionDeps,
  order: ActionOrder,
  plan: IsolationPlan,
  before: JsonObject,
): Promise<ActionOutcome> {
  try {
    await rehearseIsolation(deps.run, plan, order.leaseSeconds)
  } catch (error) {
    if (!(error instanceof RulesetError)) throw error
    return describeFailure('failed', 'RulesetRefused', error.message, { before, after: before })
  }
  return {
    state: 'succeeded',
    target: { state: before.isolated === true ? 'already' : 'succeeded', changed: false },
    code: 'DryRun',
    detail: `would isolate (${plan.mode}) and leave ${plan.control.map(({ address }) => address).join(', ')} open`,
    before: { ...before, connections: describeCut(plan) },
    after: before,
    proof: null,
  }
}

const MAX_LISTED = 50

/** The connections that an isolation would end: all but those to the server and to what stays open. */
function describeCut({ control, allow4, allow6 }: IsolationPlan): JsonObject {
  const cut = listConnections().filter(
    ({ remote }) =>
      !control.some(({ address, port }) => address === remote.address && port === remote.port) &&
      !isInNetworks(remote.address, [...allow4, ...allow6]),
  )
  const write = ({ address, port }: Endpoint): string =>
    address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
  const listed = cut.slice(0, MAX_LISTED).map(({ local, remote }) => `tcp ${write(local)} -> ${write(remote)}`)
  return { total: cut.length, listed }
}

/** @returns the plan, or what is wrong with the body */
async function planIsolation(deps: ActionDeps, body: IsolateDeviceBody): Promise<IsolationPlan | string> {
  const allow4 = reduceNetworks(body.permitted?.ipv4_net ?? [], 4)
  const allow6 = reduceNetworks(body.permitted?.ipv6_net ?? [], 6)
  if (allow4 === undefined || allow6 === undefined)
    return 'permitted_addresses holds something that is no usable network'
  return {
    mode: body.permitted === undefined ? 'full' : 'selective',
    control: await deps.resolveControl(),
    allow4,
    allow6,
    egress: deps.egressHook ? listEgressInterfaces() : [],
    dhcp4: readDhcpServers(),
  }
}

function chooseForbidden(deps: ActionDeps, plan: IsolationPlan): readonly Endpoint[] {
  return chooseProbes(deps.config.probes, readGateways(), plan)
}

function isInForce(observed: ObservedIsolation, record: IsolationRecord, plan: IsolationPlan): boolean {
  return (
    observed.isolated &&
    record.rulesetSha256 !== null &&
    record.rulesetSha256 === observed.rulesetSha256 &&
    canonicalJson(record.plan) === canonicalJson(plan)
  )
}

function isSameState(before: JsonObject, after: JsonObject): boolean {
  return before.isolated === after.isolated && before.rulesetSha256 === after.rulesetSha256
}

function describeRuleset(deps: ActionDeps, observed: ObservedIsolation, plan: IsolationPlan): readonly ProofCheck[] {
  const covered = plan.egress.every((name) => observed.egress.includes(name))
  const rawSocket = !deps.egressHook
    ? 'not covered: the kernel has no egress hook'
    : covered
      ? 'not probed: egress chain listed on every interface'
      : 'not covered: an egress chain is missing'
  return [
    { name: 'ruleset', want: 'listed', got: observed.tables.join('+') },
    { name: 'dropCounter', want: 'more than 0', got: String(observed.droppedPackets) },
    { name: 'rawSocket', want: 'fail', got: rawSocket },
  ]
}

function endOfLease(deps: ActionDeps, leaseSeconds: number): string {
  return formatInstant(deps.clock.nowMs() + leaseSeconds * 1000)
}

/** Interfaces that an isolation loaded now would cover with an egress chain. */
export function listEgressInterfaces(): readonly string[] {
  return listInterfaceNames().filter(isUsableInterface)
}

/**
 * Seconds a recorded isolation still has, at least 1. A clock that stands before the lease began (a board without a battery) gives it the
 * whole lease: too long is mended by the server, open is not.
 */
export function remainingSeconds(deps: Pick<ActionDeps, 'clock'>, record: IsolationRecord): number {
  const leftMs = Date.parse(record.until) - deps.clock.nowMs()
  return Math.min(record.leaseSeconds, Math.max(1, Math.ceil(leftMs / 1000)))
}

function restoreRecord(deps: ActionDeps, record: IsolationRecord | undefined): void {
  if (record === undefined) deps.state.remove(stateFiles.isolation)
  else writeState(deps.state, stateFiles.isolation, record)
}

function listReached(probes: readonly ForbiddenProbe[]): readonly string[] {
  return probes
    .filter(({ before }) => before?.reached === true)
    .map(({ endpoint: { address, port } }) => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`))
}
