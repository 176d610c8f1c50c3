import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from '../../src/protocol/command.ts'
import type { CommandResult } from '../../src/protocol/result.ts'
import { type Ending, onEnd } from '../support/cleanup.ts'
import { type AgentSide, enrolDevice, type FakeDevice, makeResult, readCommands } from '../support/device.ts'

/** A host that does what it is told, whatever happens to the server, and counts what it did. */
export interface CountingHost {
  /** How often each command took effect, by command id. */
  readonly effects: ReadonlyMap<string, number>
}

interface Recorded {
  readonly command: Command
  /** The server let it begin; its result goes with a poll. */
  readonly given: boolean
  acknowledged: boolean
  /** Set from the effect on. */
  result: CommandResult | null
  delivered: boolean
}

/**
 * Enrols a host and lets it work until the test ends. Like the real agent it keeps what it has received, acknowledges before the first
 * effect unless the server let it begin, and sends a result until it is taken.
 */
export async function startHost(
  t: Ending,
  server: AgentSide & { readonly tenantId: string },
  hostname: string,
  can: readonly string[] = ['isolateDevice', 'unIsolateDevice'],
): Promise<CountingHost> {
  const capabilities = can.map((actionType) => ({ actionType, supported: true }))
  const device = await enrolDevice(server, server.tenantId, hostname, { capabilities })
  const journal = new Map<string, Recorded>()
  const effects = new Map<string, number>()
  let stopped = false
  const work = async (): Promise<void> => {
    while (!stopped) {
      try {
        await turn(device, journal, effects)
      } catch {
        // The server is away; whatever was under way is done again.
      }
      await sleep(40)
    }
  }
  const done = work()
  onEnd(t, async () => {
    stopped = true
    await done
  })
  return { effects }
}

async function turn(device: FakeDevice, journal: Map<string, Recorded>, effects: Map<string, number>): Promise<void> {
  const carried = [...journal.values()].filter(({ given, delivered }) => given && !delivered)
  const reply = await device.poll(carried.flatMap(({ result }) => (result === null ? [] : [{ journalSeq: 1, result }])))
  if (reply.status >= 300 || reply.body?.refused !== undefined) throw new Error(`not taken: ${reply.text}`)
  for (const entry of carried) entry.delivered = true
  const begin: readonly string[] = reply.body?.begin ?? []
  for (const command of readCommands(reply)) {
    const known = journal.get(command.commandId)
    const given = begin.includes(command.commandId)
    if (known === undefined) {
      journal.set(command.commandId, { command, given, acknowledged: given, result: null, delivered: false })
    } else if (known.result === null) known.acknowledged = false
    else known.delivered = false
  }
  for (const entry of journal.values()) await carryOn(device, entry, effects)
}

async function carryOn(device: FakeDevice, entry: Recorded, effects: Map<string, number>): Promise<void> {
  const { command } = entry
  if (entry.result === null && !entry.acknowledged) {
    const reply = await device.acknowledge(command.commandId)
    if (reply.status !== 204) throw new Error(`not acknowledged: ${reply.status} ${reply.text}`)
    entry.acknowledged = true
  }
  if (entry.result === null) {
    effects.set(command.commandId, (effects.get(command.commandId) ?? 0) + 1)
    entry.result = makeResult(command)
  }
  if (entry.delivered || entry.given) return
  const reply = await device.report(entry.result)
  if (reply.status !== 200) throw new Error(`the result was not taken: ${reply.status} ${reply.text}`)
  entry.delivered = true
}
