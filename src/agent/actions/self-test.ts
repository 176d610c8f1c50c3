import type { ProofCheck } from '../../protocol/result.ts'
import type { ActionDeps, IsolatedState } from './action.ts'
import { addressFamily, type Endpoint } from './addresses.ts'
import { type ForbiddenProbe, isBreach, probeForbidden } from './probes.ts'

/** Outcome of a self-test of an isolation. */
export interface SelfTest {
  /** Null when it held. */
  readonly failure: 'ChannelLost' | 'NotEffective' | null
  /** How often it was tried. */
  readonly tries: number
  readonly checks: readonly ProofCheck[]
}

/** The control channel's addresses of one family, and whether they answered before. */
export interface ControlProbe {
  readonly family: 4 | 6
  readonly addresses: readonly string[]
  /** False: silent already before the isolation, so its silence afterwards is nobody's fault. */
  readonly required: boolean
}

const CONTROL_TIMEOUT_MS = 2_000
const RETRY_PAUSE_MS = 300

/**
 * Groups the control addresses by family and finds out which family must keep working: the one that answers now.
 * @param isolated state to report while probing
 */
export async function probeControlBaseline(
  deps: ActionDeps,
  control: readonly Endpoint[],
  isolated: IsolatedState,
): Promise<readonly ControlProbe[]> {
  const probes = ([4, 6] as const).flatMap((family): ControlProbe[] => {
    const addresses = control.map(({ address }) => address).filter((address) => addressFamily(address) === family)
    return addresses.length === 0 ? [] : [{ family, addresses, required: true }]
  })
  const checks = await checkControls(deps, probes, isolated, CONTROL_TIMEOUT_MS / 2)
  return probes.map((probe, index) => ({ ...probe, required: checks[index]?.got === 'pass' }))
}

/**
 * Tests an isolation from both sides until it holds or the time is up: the control channel must answer in every family that answered
 * before (in at least one when none was known), every forbidden address must be silent.
 * @param seconds how long to go on trying
 * @source design actions.md 10.6
 */
export async function testIsolation(
  deps: ActionDeps,
  control: readonly ControlProbe[],
  forbidden: readonly ForbiddenProbe[],
  isolated: IsolatedState,
  seconds: number,
): Promise<SelfTest> {
  const deadlineMs = performance.now() + seconds * 1000
  for (let tries = 1; ; tries += 1) {
    // A last try that begins in time gets the chance of any other: a busy host needs more than half a second for an encrypted request.
    const [passing, failing] = await Promise.all([
      checkControls(deps, control, isolated, CONTROL_TIMEOUT_MS),
      probeForbidden(forbidden),
    ])
    const checks = [...passing, ...failing]
    const lost = isChannelLost(control, passing)
    const failure = lost ? 'ChannelLost' : failing.some(isBreach) ? 'NotEffective' : null
    if (failure === null || performance.now() >= deadlineMs) return { failure, tries, checks }
    await deps.sleep(Math.min(RETRY_PAUSE_MS, Math.max(1, deadlineMs - performance.now())))
  }
}

/**
 * Tries the control channel once per family, at once. Of two requests the one with the lower number may arrive later and be refused for it;
 * a refusal over the pinned TLS is an answer of the server all the same.
 */
export async function checkControls(
  deps: ActionDeps,
  control: readonly ControlProbe[],
  isolated: IsolatedState,
  timeoutMs: number,
): Promise<readonly ProofCheck[]> {
  return Promise.all(control.map((probe) => checkControl(deps, probe, isolated, timeoutMs)))
}

function isChannelLost(control: readonly ControlProbe[], checks: readonly ProofCheck[]): boolean {
  const passed = (family: 4 | 6): boolean =>
    checks.some(({ name, got }) => name === `control${family}` && got === 'pass')
  const required = control.filter((probe) => probe.required)
  return required.length === 0
    ? !control.some(({ family }) => passed(family))
    : !required.every(({ family }) => passed(family))
}

async function checkControl(
  deps: ActionDeps,
  probe: ControlProbe,
  isolated: IsolatedState,
  timeoutMs: number,
): Promise<ProofCheck> {
  const start = performance.now()
  let got = 'no-address'
  for (const address of probe.addresses) {
    try {
      await deps.probeControl(address, timeoutMs, isolated)
      got = 'pass'
      break
    } catch (error) {
      got = `no-answer: ${error instanceof Error ? error.message.slice(0, 120) : 'unknown'}`
    }
  }
  const want = probe.required ? 'pass' : 'any'
  return { name: `control${probe.family}`, want, got, ms: Math.ceil(performance.now() - start) }
}
