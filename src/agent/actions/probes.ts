import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { ProofCheck } from '../../protocol/result.ts'
import { addressFamily, type Endpoint, isInNetworks } from './addresses.ts'
import type { IsolationPlan } from './ruleset.ts'

/** What a probe saw. `reached`: the far side answered, by accepting or by refusing the connection. */
export interface ProbeOutcome {
  readonly reached: boolean
  /** `reached`, `timeout` or the system's error code. */
  readonly got: string
  readonly ms: number
}

/** Addresses that must be out of reach under an isolation, each with what it answered before. */
export interface ForbiddenProbe {
  readonly endpoint: Endpoint
  readonly before: ProbeOutcome | undefined
}

// Documentation addresses (RFC 5737, RFC 3849): never in use, so a probe that did get out would reach nobody.
const nowhere = { 4: '192.0.2.1', 6: '2001:db8::1' } as const

const DEFAULT_PORT = 443
const DISCARD_PORT = 9
const BASELINE_TIMEOUT_MS = 400
const MIN_TIMEOUT_MS = 60
const MAX_PROBES = 8

/**
 * Chooses the addresses a self-test tries: the owner's, else the default gateways; never one the isolation leaves open.
 * @param configured from agent.conf
 */
export function chooseProbes(
  configured: readonly Endpoint[],
  gateways: readonly string[],
  plan: IsolationPlan,
): readonly Endpoint[] {
  const candidates = configured.length > 0 ? configured : gateways.map((address) => ({ address, port: DEFAULT_PORT }))
  const open = [...plan.allow4, ...plan.allow6]
  return candidates
    .filter(({ address }) => !isInNetworks(address, open))
    .filter(({ address, port }) => !plan.control.some((kept) => kept.address === address && kept.port === port))
    .slice(0, MAX_PROBES)
}

/** Tries every address at once, before the isolation. */
export async function probeBaseline(endpoints: readonly Endpoint[]): Promise<readonly ForbiddenProbe[]> {
  return Promise.all(
    endpoints.map(async (endpoint) => ({ endpoint, before: await probeTcp(endpoint, BASELINE_TIMEOUT_MS) })),
  )
}

/** Tries every address again, and one datagram per family that the kernel must refuse to send. */
export async function probeForbidden(probes: readonly ForbiddenProbe[]): Promise<readonly ProofCheck[]> {
  const far = probes.map(async ({ endpoint, before }, index) => {
    const family = addressFamily(endpoint.address)
    const earlier = probes.slice(0, index).filter((other) => addressFamily(other.endpoint.address) === family).length
    const name = `forbidden${family}${earlier === 0 ? '' : `-${earlier + 1}`}`
    const after = await probeTcp(endpoint, chooseTimeout(before))
    const known = after.reached || before?.reached === true
    return { name, want: 'fail', got: known ? after.got : 'unreachable-before', ms: after.ms }
  })
  const near = ([4, 6] as const).map(async (family) => {
    const address = probes.find(({ endpoint }) => addressFamily(endpoint.address) === family)?.endpoint.address
    const { got, ms } = await probeDatagram(address ?? nowhere[family], family)
    return { name: `local${family}`, want: 'fail', got, ms }
  })
  return Promise.all([...far, ...near])
}

/** Tells whether a check that wanted a failure saw traffic leave. */
export function isBreach(check: ProofCheck): boolean {
  return check.want === 'fail' && (check.got === 'reached' || check.got === 'sent')
}

/** Opens a TCP connection and drops it at once. */
export function probeTcp(endpoint: Endpoint, timeoutMs: number): Promise<ProbeOutcome> {
  const start = performance.now()
  return new Promise((resolve) => {
    const socket = connect({ host: endpoint.address, port: endpoint.port })
    const end = (got: string): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ reached: got === 'reached', got, ms: Math.ceil(performance.now() - start) })
    }
    // A process that stood still hears of its timer before its connection: taken at its word, an isolation would seem to hold that does not.
    const timer = setTimeout(() => setImmediate(() => end('timeout')), timeoutMs)
    socket.on('connect', () => end('reached'))
    // A refusal is an answer of the far side; everything else means that nobody was reached.
    socket.on('error', (error) => end(readCode(error) === 'ECONNREFUSED' ? 'reached' : readCode(error)))
  })
}

/** Hands one datagram to the kernel: `sent`, or the code of its refusal (EPERM when a firewall rule drops it on the way out). */
export function probeDatagram(address: string, family: 4 | 6): Promise<{ readonly got: string; readonly ms: number }> {
  const start = performance.now()
  return new Promise((resolve) => {
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6')
    const end = (got: string): void => {
      socket.close()
      resolve({ got, ms: Math.ceil(performance.now() - start) })
    }
    socket.on('error', (error) => end(readCode(error)))
    socket.send('', DISCARD_PORT, address, (error) => end(error === null ? 'sent' : readCode(error)))
  })
}

// Silence proves something only when the address used to answer much faster than we now wait.
function chooseTimeout(before: ProbeOutcome | undefined): number {
  if (before === undefined || !before.reached) return MIN_TIMEOUT_MS
  return Math.min(BASELINE_TIMEOUT_MS, Math.max(MIN_TIMEOUT_MS, before.ms * 8))
}

function readCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'error'
}
