import type { readFanOut } from '../../../agents/fan-out.ts'
import type { Proof, TargetOutcome } from '../../../model/execution.ts'
import { digestJson } from '../../../protocol/canonical.ts'
import { decode, type JsonObject } from '../../../protocol/decode.ts'
import { type CommandResult, decodeResult } from '../../../protocol/result.ts'

/** A host that recorded a command and reported nothing for this long may have done it or not. */
export const silentMs: number = 5 * 60_000
/** When the hosts of an order that is under way are looked at again. */
export const lookAgainSeconds = 10
/** Hosts that a proof names at most. */
export const maxListed = 50

/** One command of an execution that goes to several hosts, as the store lists it. */
export type HostCommand = Awaited<ReturnType<typeof readFanOut>>[number]

/** What a host reported; null before. */
export function readReport({ result }: Pick<HostCommand, 'result'>): CommandResult | null {
  return result === null ? null : decode(decodeResult, JSON.parse(result))
}

/** What became of an order on one of its hosts. */
export function describeHost(command: HostCommand): TargetOutcome {
  const { agentId, hostname, state } = command
  const host = { ref: `device:${agentId}`, displayName: hostname }
  const [reported] = readReport(command)?.targets ?? []
  const { code = null, detail = null } = reported ?? {}
  switch (state) {
    case 'queued': {
      const away = 'the host is away; it gets the command when it comes back'
      return { ...host, state: 'timedOut', code: 'Offline', detail: away }
    }
    case 'given':
      return { ...host, state: 'unknown', code: 'ContactLost', detail: 'the host was given the command and is silent' }
    case 'acked':
      return { ...host, state: 'unknown', code: 'ContactLost', detail: 'the host recorded the command and fell silent' }
    case 'succeeded':
      return { ...host, state: reported?.state === 'already' ? 'already' : 'succeeded', code, detail }
    case 'refused':
      return { ...host, state: code === 'Unsupported' ? 'unsupported' : 'refused', code, detail }
    case 'unverified':
      return { ...host, state: 'failed', code: 'Unverified', detail: 'the host claims it without proof' }
    case 'partial':
    case 'failed':
      return { ...host, state: 'failed', code, detail }
    case 'expired':
    case 'cancelled':
      return { ...host, state: 'timedOut', code: state === 'expired' ? 'Expired' : 'Cancelled', detail }
  }
}

/**
 * The proofs of all hosts in one.
 * @param done how many of them are done
 * @param after what the order came to, which the proof is about
 */
export function proveByHosts(
  observedAt: string,
  commands: readonly HostCommand[],
  done: number,
  after: JsonObject,
): Proof {
  return {
    level: 'observed',
    method: 'host-proofs',
    observedAt,
    digest: digestJson(after),
    checks: [
      { name: 'hosts', want: String(commands.length), got: String(done) },
      ...commands.slice(0, maxListed).map((command) => ({
        name: `host ${command.hostname}`.slice(0, 64),
        want: 'proved',
        got: describeHostProof(command),
      })),
    ],
  }
}

/** What the host itself read back, in one line. */
function describeHostProof(command: HostCommand): string {
  if (command.state !== 'succeeded') return command.state
  const checks = readReport(command)?.proof?.checks ?? []
  return ['proved', ...checks.map(({ name, got }) => `${name} ${got}`)].join(', ').slice(0, 200)
}
