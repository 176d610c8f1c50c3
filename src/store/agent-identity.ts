import { holdRows, type Tx } from './db.ts'
import type { AgentRow } from './schema.ts'

/**
 * Puts a new device key in the place of the one in force.
 * @returns false when the agent has another key by now, or is revoked
 */
export async function replaceAgentKey(
  tx: Tx,
  agentId: string,
  keys: { readonly from: string; readonly to: string },
  now: string,
): Promise<boolean> {
  const done = await tx
    .updateTable('agents')
    .set({ public_key: keys.to, key_since: now })
    .where('id', '=', agentId)
    .where('public_key', '=', keys.from)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

/** One agent, held until the transaction ends. */
export async function readAgentForUpdate(tx: Tx, id: string): Promise<AgentRow | null> {
  return (await holdRows(tx, tx.selectFrom('agents').selectAll().where('id', '=', id)).executeTakeFirst()) ?? null
}

/** Writes the ids of an agent's last runs. */
export async function writeAgentRuns(tx: Tx, id: string, runIds: string): Promise<void> {
  await tx.updateTable('agents').set({ run_ids: runIds }).where('id', '=', id).execute()
}

/** Ends the right of two hosts with one key to speak. */
export async function markCloned(tx: Tx, id: string, now: string): Promise<void> {
  await tx.updateTable('agents').set({ revoked_at: now, cloned_at: now }).where('id', '=', id).execute()
}
