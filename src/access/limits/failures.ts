import { isIPv6 } from 'node:net'
import type { Clock } from '../../io/clock.ts'
import type { Logger } from '../../io/log.ts'
import type { Store } from '../../store/db.ts'
import { type Actor, recordChange } from '../../store/record.ts'

/** A failed attempt to show who one is. */
export interface Failure {
  /** Network address of the caller, as the server knows it. */
  readonly address: string
  readonly action: 'authenticate' | 'issueToken' | 'signIn'
  /** Error code as the caller sees it. */
  readonly code: string
  readonly reason: string
  /** Tenant the attempt was aimed at; absent when nobody knows. */
  readonly tenantId?: string
  /** Application or person it claimed to be; a GUID. */
  readonly claimedId?: string
  readonly requestId: string
  readonly clientRequestId: string
}

/** Counts failures per address and leaves a bounded trace of them in the audit log. */
export interface FailureGuard {
  /** Integer seconds until the address may try again, or null while it is within its limit. */
  waitSeconds(address: string): number | null
  /** Counts a failure and records it. @returns what {@link FailureGuard.waitSeconds} then says */
  note(failure: Failure): Promise<number | null>
  /** Writes the count of what was left out and stops the timer. */
  stop(): Promise<void>
}

/** What the guard needs of the rest. */
export interface FailureDeps {
  readonly store: Pick<Store, 'transaction'>
  readonly clock: Clock
  readonly log: Logger
  /** Tenant whose log takes failures aimed at no known tenant: the operator's, which is the first. */
  readonly firstTenantId: string
  /** Failures per minute and address before 429; default 100. */
  readonly perMinute?: number
  /** Audit entries per second; what exceeds them is counted only. Default 10. */
  readonly recordedPerSecond?: number
}

interface Window {
  startedAtMs: number
  count: number
}

const minuteMs = 60_000
/** Distinct addresses remembered; the oldest is forgotten first. */
const maxAddresses = 10_000

/** Makes the one guard of a server. */
export function createFailureGuard(deps: FailureDeps): FailureGuard {
  const perMinute = deps.perMinute ?? 100
  const windows = new Map<string, Window>()
  const recorder = createRecorder(deps)

  const waitSeconds = (address: string): number | null => {
    const window = windows.get(networkOf(address))
    const restMs = window === undefined ? 0 : window.startedAtMs + minuteMs - deps.clock.nowMs()
    if (window === undefined || window.count <= perMinute || restMs <= 0) return null
    return Math.max(1, Math.ceil(restMs / 1_000))
  }
  return {
    waitSeconds,
    note: async (failure) => {
      countFailure(windows, networkOf(failure.address), deps.clock.nowMs())
      await recorder.record(failure)
      return waitSeconds(failure.address)
    },
    stop: () => recorder.stop(),
  }
}

/** What is counted of an address: an IPv6 customer holds a whole /64. */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address
  const [head = '', tail] = address.split('%', 1)[0]?.split('::', 2) ?? []
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const middle = tail === undefined ? [] : Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0')
  return [...front, ...middle, ...back]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}

function countFailure(windows: Map<string, Window>, network: string, nowMs: number): void {
  const window = windows.get(network)
  if (window !== undefined && nowMs - window.startedAtMs < minuteMs) {
    window.count++
    return
  }
  // Deleted first, so that the map's order is that of the windows' beginnings.
  windows.delete(network)
  if (windows.size >= maxAddresses) {
    const oldest = windows.keys().next().value
    if (oldest !== undefined) windows.delete(oldest)
  }
  windows.set(network, { startedAtMs: nowMs, count: 1 })
}

interface Recorder {
  record(failure: Failure): Promise<void>
  stop(): Promise<void>
}

/** A flood must not fill the log or keep the writer busy: beyond so many entries a second failures are only counted. */
function createRecorder(deps: FailureDeps): Recorder {
  const perSecond = deps.recordedPerSecond ?? 10
  const second: Window = { startedAtMs: 0, count: 0 }
  let leftOut = 0
  let timer: NodeJS.Timeout | undefined

  const write = async (actor: Actor, failure: Pick<Failure, 'action' | 'code' | 'reason'>, details: object) => {
    const audit = { ...failure, objectType: 'access', objectId: actor.id, decision: 'refused', details: { ...details } }
    try {
      await deps.store.transaction((tx) =>
        recordChange(tx, { at: deps.clock.now(), actor, audit: { ...audit, decision: 'refused' } }),
      )
    } catch (cause) {
      // The refusal stands without its trace; the operator's log then is the only place that knows.
      deps.log.error({ err: cause, ...audit }, 'a refused sign-in could not be recorded')
    }
  }
  const flush = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    if (leftOut === 0) return
    const count = leftOut
    leftOut = 0
    const actor: Actor = { tenantId: deps.firstTenantId, id: 'access', kind: 'system', name: 'Cordon' }
    await write(actor, { action: 'authenticate', code: 'Flood', reason: 'further failures, not listed' }, { count })
  }
  return {
    record: async (failure) => {
      const nowMs = deps.clock.nowMs()
      if (nowMs - second.startedAtMs >= 1_000) Object.assign(second, { startedAtMs: nowMs, count: 0 })
      if (++second.count > perSecond) {
        leftOut++
        timer ??= setTimeout(() => void flush(), 1_000).unref()
        return
      }
      const { action, code, reason, address } = failure
      await write(actorOf(deps, failure), { action, code, reason }, { address })
    },
    stop: flush,
  }
}

function actorOf(deps: FailureDeps, failure: Failure): Actor {
  return {
    tenantId: failure.tenantId ?? deps.firstTenantId,
    id: failure.claimedId ?? 'anonymous',
    // What was claimed was not proved, so the entry never reads as if that application or person had acted.
    kind: 'system',
    name: 'unauthenticated',
    requestId: failure.requestId,
    clientRequestId: failure.clientRequestId,
  }
}
