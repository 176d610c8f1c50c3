import type { readFanOut } from '../../../agents/fan-out.ts'
import type { TargetOutcome } from '../../../model/execution.ts'
import { decode } from '../../../protocol/decode.ts'
import { type CommandResult, decodeResult } from '../../../protocol/result.ts'

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

/** What the host itself read back, in one line. */
export function describeHostProof(command: HostCommand): string {
  if (command.state !== 'succeeded') return command.state
  const checks = readReport(command)?.proof?.checks ?? []
  return ['proved', ...checks.map(({ name, got }) => `${name} ${got}`)].join(', ').slice(0, 200)
}
