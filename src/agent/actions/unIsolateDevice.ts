import type { UnIsolateDeviceBody } from '../../protocol/body.ts'
import type { ProofCheck } from '../../protocol/result.ts'
import { readIsolation, stateFiles } from '../state.ts'
import { type ActionDeps, type ActionOrder, type ActionOutcome, describeFailure } from './action.ts'
import { addressFamily, type Endpoint, parseEndpoint } from './addresses.ts'
import { describeState, writeProof } from './isolateDevice.ts'
import { observeIsolation, RulesetError, removeIsolation } from './nftables.ts'
import { probeTcp } from './probes.ts'
import { type ControlProbe, checkControls } from './self-test.ts'

const PROBE_TIMEOUT_MS = 1_000

/**
 * Takes an isolation back: both tables go in one transaction. Nothing to take back is `already`. The control channel and the addresses
 * that answered before the isolation are tried afterwards; their silence is shown in the proof and fails nothing, because what keeps
 * them silent is then not ours.
 * @source design actions.md 7.2, 8.2
 */
export async function unIsolateDevice(
  deps: ActionDeps,
  order: ActionOrder,
  body: UnIsolateDeviceBody,
): Promise<ActionOutcome> {
  const observed = await observeIsolation(deps.run)
  const record = readIsolation(deps.state)
  const before = order.resumedFrom ?? describeState(observed, record)
  const detail = body.killFlows ? 'kill_flows is not available: flows from before the isolation may resume' : null
  const wasIsolated = before.isolated === true
  if (order.dryRun) {
    const target = { state: wasIsolated ? ('succeeded' as const) : ('already' as const), changed: false }
    return { state: 'succeeded', target, code: 'DryRun', detail, before, after: before, proof: null }
  }
  if (order.resumedFrom === null) order.begin(before)
  try {
    if (observed.tables.length > 0) await removeIsolation(deps.run, observed.tables)
  } catch (error) {
    if (!(error instanceof RulesetError)) throw error
    return describeFailure('failed', 'RulesetRefused', error.message, { before, after: before })
  }
  deps.failpoint('after-release')
  deps.state.remove(stateFiles.isolation)
  const now = await observeIsolation(deps.run)
  const after = describeState(now, undefined)
  if (now.tables.length > 0) {
    return describeFailure('failed', 'NotEffective', 'the tables are still there', { before, after })
  }
  const reached = (record?.reachedBefore ?? []).map(parseEndpoint).filter((endpoint) => endpoint !== undefined)
  const [control, open] = await Promise.all([
    checkControls(deps, groupControl(await deps.resolveControl()), { isolated: false, until: null }, PROBE_TIMEOUT_MS),
    Promise.all(reached.map(checkReopened)),
  ])
  const ruleset: ProofCheck = { name: 'ruleset', want: 'absent', got: 'absent' }
  return {
    state: 'succeeded',
    target: { state: wasIsolated ? 'succeeded' : 'already', changed: wasIsolated },
    code: null,
    detail,
    before,
    after,
    proof: writeProof(deps, after, [ruleset, ...control, ...open]),
  }
}

function groupControl(control: readonly Endpoint[]): readonly ControlProbe[] {
  return ([4, 6] as const).flatMap((family) => {
    const addresses = control.map(({ address }) => address).filter((address) => addressFamily(address) === family)
    return addresses.length === 0 ? [] : [{ family, addresses, required: false }]
  })
}

async function checkReopened(endpoint: Endpoint): Promise<ProofCheck> {
  const { reached, got, ms } = await probeTcp(endpoint, PROBE_TIMEOUT_MS)
  return { name: `reopened${addressFamily(endpoint.address)}`, want: 'pass', got: reached ? 'pass' : got, ms }
}
