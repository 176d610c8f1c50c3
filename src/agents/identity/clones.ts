import type { Clock } from '../../io/clock.ts'
import { decode, id, list } from '../../protocol/decode.ts'
import { markCloned, readAgentForUpdate, writeAgentRuns } from '../../store/agent-identity.ts'
import { recordChange } from '../../store/record.ts'
import type { GroupCommit } from '../group-commit.ts'
import { type Device, refusedClone } from './authenticate.ts'
import { lookAtOpenCommands } from './enroll.ts'

/** What telling a host from its copy needs. */
export interface CloneDeps {
  readonly clock: Clock
  readonly together: GroupCommit
}

/** Runs that are remembered of each agent. */
const maxRuns = 16
const decodeRuns = list(id, maxRuns)

/**
 * Notes which run of an agent speaks. Every start of an agent is a run of its own, and one that has ended never speaks again: when one comes
 * back after a later one, two hosts are alive with the same key, which is what a copied machine looks like. Nobody can tell which of them
 * is the right one, so neither is heard any more, and the host's key is worth nothing.
 * @param runId as the agent names it in a request that was found to be newer than all before
 * @throws CordonError DeviceCloned
 */
export async function noteRun(deps: CloneDeps, device: Device, runId: string): Promise<void> {
  if (readRuns(device.runIds).at(-1) === runId) return
  const isCloned = await deps.together.run(device.id, async (tx) => {
    const row = await readAgentForUpdate(tx, device.id)
    const runs = row === null || row.revoked_at !== null ? null : readRuns(row.run_ids)
    if (runs === null || runs.at(-1) === runId) return false
    if (!runs.includes(runId)) {
      await writeAgentRuns(tx, device.id, JSON.stringify([...runs, runId].slice(-maxRuns)))
      return false
    }
    const now = deps.clock.now()
    await markCloned(tx, device.id, now)
    await recordChange(tx, {
      at: now,
      actor: { tenantId: device.tenantId, id: device.id, kind: 'agent', name: device.hostname },
      audit: {
        action: 'detectClone',
        objectType: 'agent',
        objectId: device.id,
        decision: 'refused',
        code: 'DeviceCloned',
        reason: `Two hosts use the key of ${device.hostname}. Remove the state directory of both and enrol each anew.`,
        details: { hostname: device.hostname, run: runId, after: runs.at(-1) ?? null },
      },
      events: [{ change: 'updated', resource: 'agent', objectId: device.id }],
      jobs: await lookAtOpenCommands(tx, [device.id]),
    })
    return true
  })
  if (isCloned) throw refusedClone()
}

function readRuns(stored: string): readonly string[] {
  return decode(decodeRuns, JSON.parse(stored))
}
