import type { Device } from '../../agents/identity/authenticate.ts'
import { noteRun } from '../../agents/identity/clones.ts'
import type { AgentChannel } from '../../agents/open.ts'
import { answerPoll } from '../../agents/poll.ts'
import { acceptReports } from '../../agents/results.ts'
import { CordonError } from '../../model/errors.ts'
import type { RefusedReport } from '../../protocol/messages.ts'
import { DEFAULT_POLL_SECONDS, MAX_POLL_SECONDS } from '../../protocol/version.ts'
import type { Answer, Call, OpenHandler } from '../route.ts'
import { answerJson, forDevice } from './signed-call.ts'

/** `GET /api/v1/agent/commands?wait=55`: held until there is a command; 200, or 204 when there is nothing to say. */
export function pollCommands(channel: AgentChannel): OpenHandler {
  return forDevice(channel, (device, _message, call) => poll(channel, device, call, async () => []))
}

/** `POST` on the same path: a poll that brings reports. They are stored before it is held; 400 when they are not understood as a whole. */
export function reportAndPoll(channel: AgentChannel): OpenHandler {
  return forDevice(channel, (device, message, call) =>
    poll(channel, device, call, () => acceptReports(channel, device, message)),
  )
}

async function poll(
  channel: AgentChannel,
  device: Device,
  call: Call,
  takeReports: () => Promise<readonly RefusedReport[]>,
): Promise<Answer> {
  const { rawQuery } = call
  const waitSeconds = readWait(rawQuery)
  const asked = {
    policy: readHeld(rawQuery),
    listensForKey: readKey(rawQuery) === 'held',
    begins: readBegin(rawQuery) === 'listed',
  }
  const runId = readRun(rawQuery)
  if (runId !== null) await noteRun(channel, device, runId)
  const answer = await answerPoll(
    channel,
    device,
    waitSeconds,
    { ...asked, refused: await takeReports() },
    call.onClose,
  )
  return answer === null ? { status: 204 } : answerJson(200, answer)
}

/** Version of the policy the host has; agents of before say nothing. */
function readHeld(rawQuery: string): number | null {
  const text = new URLSearchParams(rawQuery).get('policy')
  if (text === null) return null
  if (!/^\d{1,15}$/.test(text)) throw new CordonError('BadRequest', 'policy is a whole number.', { target: 'policy' })
  return Number(text)
}

/** `held`: the key is as it should be. `wanted`: another is asked for already. Agents of before say nothing. */
function readKey(rawQuery: string): 'held' | 'wanted' | null {
  const text = new URLSearchParams(rawQuery).get('key')
  if (text === null || text === 'held' || text === 'wanted') return text
  throw new CordonError('BadRequest', 'key is held or wanted.', { target: 'key' })
}

/** `listed`: the agent begins what the answer's `begin` names without asking. Agents of before say nothing, and ask. */
function readBegin(rawQuery: string): 'listed' | null {
  const text = new URLSearchParams(rawQuery).get('begin')
  if (text === null || text === 'listed') return text
  throw new CordonError('BadRequest', 'begin is listed, or left out.', { target: 'begin' })
}

/** Which run of the agent asks; agents of before say nothing. */
function readRun(rawQuery: string): string | null {
  const text = new URLSearchParams(rawQuery).get('run')
  if (text === null || /^[0-9a-f-]{8,36}$/.test(text)) return text
  throw new CordonError('BadRequest', 'run is 8 to 36 hexadecimal digits.', { target: 'run' })
}

function readWait(rawQuery: string): number {
  const text = new URLSearchParams(rawQuery).get('wait') ?? String(DEFAULT_POLL_SECONDS)
  if (!/^\d{1,3}$/.test(text) || Number(text) > MAX_POLL_SECONDS) {
    throw new CordonError('BadRequest', `wait is a whole number of seconds from 0 to ${MAX_POLL_SECONDS}.`, {
      target: 'wait',
    })
  }
  return Number(text)
}
