import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Channel, openChannel } from '../../src/agent/channel.ts'
import { chooseBackoff } from '../../src/agent/loop.ts'
import { ChannelError, openTransport } from '../../src/agent/transport.ts'
import { type Command, readCommand } from '../../src/protocol/command.ts'
import { isObject } from '../../src/protocol/decode.ts'
import { peekPayload, readPrivateKey } from '../../src/protocol/jws.ts'
import type { PollAnswer, Report } from '../../src/protocol/messages.ts'
import { DEFAULT_POLL_SECONDS, messageLimits } from '../../src/protocol/version.ts'
import { makeResult } from '../../test/support/device.ts'

/** An enrolled device, as its simulated agent needs it. */
export interface FlockAgent {
  readonly id: string
  readonly token: string
  readonly keyPem: string
}

/** What the process of the agents is told first. */
export interface FlockOrder {
  readonly url: string
  readonly ca: string
  readonly agents: readonly FlockAgent[]
}

/** What it says: an agent was answered for the first time, or again after it had lost the server; a command came. Times are of one clock. */
export type FlockNews =
  | { readonly kind: 'back'; readonly atMs: number }
  | { readonly kind: 'lost'; readonly atMs: number }
  | { readonly kind: 'command'; readonly taskId: string; readonly atMs: number }

// A process of its own, forked by run.ts: thousands of agents with the real protocol, channel and back-off. They do nothing to any host.
process.once('message', (order) => {
  // Our own parent: the form is that of the type.
  const { url, ca, agents } = order as FlockOrder
  const waiting = [...agents]
  // Hosts of a fleet are installed one after the other; how they come back all at once is measured later.
  const startNext = (): void => {
    const agent = waiting.shift()
    if (agent !== undefined) void live(url, ca, agent, startNext)
  }
  for (let count = 0; count < atOnce; count++) startNext()
})
process.once('disconnect', () => process.exit(0))

/** Agents that make their first contact at one time. */
const atOnce = 50

function tell(news: FlockNews): void {
  process.send?.(news)
}

function now(): number {
  return performance.timeOrigin + performance.now()
}

async function live(url: string, ca: string, agent: FlockAgent, onFirst: () => void): Promise<void> {
  const transport = openTransport(url, ca, { read: () => [], write: () => {}, onlyPinned: () => false })
  let seq = Date.now()
  const channel = openChannel({
    transport,
    deviceId: agent.id,
    token: agent.token,
    key: readPrivateKey(agent.keyPem),
    nextSeq: () => ++seq,
    nowMs: Date.now,
    runId: randomUUID(),
  })
  let failures = 0
  let back = false
  let known = false
  let policy = 0
  let reports: readonly Report[] = []
  for (;;) {
    try {
      const waitSeconds = back ? Math.floor(DEFAULT_POLL_SECONDS * (0.9 + 0.1 * Math.random())) : 0
      const asked = { waitSeconds, heldPolicy: policy, key: 'held', reports } as const
      const outcome = await channel.poll(asked, new AbortController().signal)
      if (outcome.kind === 'notTaken') throw new Error(`reports were not taken: ${outcome.status} ${outcome.code}`)
      if (outcome.kind === 'nothing') reports = []
      else {
        reports = await work(channel, outcome.answer)
        policy = outcome.answer.policy === null ? policy : readVersion(outcome.answer.policy)
      }
      if (!back) tell({ kind: 'back', atMs: now() })
      if (!known) onFirst()
      known = true
      back = true
      failures = 0
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error
      if (back) tell({ kind: 'lost', atMs: now() })
      back = false
      failures += 1
      await sleep(chooseBackoff(failures, Math.random()))
    }
  }
}

/** Takes commands in as an agent does, and has done them in no time. @returns what the next poll carries */
async function work(channel: Channel, { commands, begin = [] }: PollAnswer): Promise<Report[]> {
  const reports: Report[] = []
  for (const jws of commands) {
    const command = readPayload(jws)
    tell({ kind: 'command', taskId: command.taskId, atMs: now() })
    const result = makeResult(command)
    if (begin.includes(command.commandId)) {
      reports.push({ journalSeq: 1, result })
      continue
    }
    await channel.acknowledge({ commandId: command.commandId, journalSeq: 1 })
    await channel.sendResult(result)
  }
  return reports
}

function readVersion(policy: string): number {
  const payload = peekPayload(policy, messageLimits.policyBytes)
  if (!isObject(payload) || typeof payload.v !== 'number') throw new Error('a policy without a version')
  return payload.v
}

function readPayload(jws: string): Command {
  return readCommand(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8'))
}
