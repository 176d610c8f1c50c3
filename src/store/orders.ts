import type { Db } from './db.ts'

/** A signed command of an execution, with the host it was written for and what that host reported. */
export interface SignedOrder {
  readonly id: string
  readonly agentId: string
  readonly hostname: string
  readonly state: string
  readonly jws: string
  readonly createdAt: string
  readonly deliveredAt: string | null
  readonly ackedAt: string | null
  readonly finishedAt: string | null
  /** The host's report as JSON. */
  readonly result: string | null
}

/** The first commands of an execution by host name, and how many there are. */
export async function readOrdersOfExecution(
  db: Db,
  tenantId: string,
  executionId: string,
  limit: number,
): Promise<{ readonly orders: readonly SignedOrder[]; readonly count: number }> {
  const of = db
    .selectFrom('commands')
    .where('commands.tenant_id', '=', tenantId)
    .where('commands.execution_id', '=', executionId)
  const counted = await of.select((eb) => eb.fn.countAll().as('count')).executeTakeFirst()
  const rows = await of
    .innerJoin('agents', 'agents.id', 'commands.agent_id')
    .select(['commands.id', 'commands.agent_id', 'agents.hostname', 'commands.state', 'commands.jws'])
    .select(['commands.created_at', 'commands.delivered_at', 'commands.acked_at', 'commands.finished_at'])
    .select('commands.result')
    .orderBy('agents.hostname')
    .orderBy('commands.id')
    .limit(limit)
    .execute()
  const orders = rows.map((row) => ({
    id: row.id,
    agentId: row.agent_id,
    hostname: row.hostname,
    state: row.state,
    jws: row.jws,
    createdAt: row.created_at,
    deliveredAt: row.delivered_at,
    ackedAt: row.acked_at,
    finishedAt: row.finished_at,
    result: row.result,
  }))
  return { orders, count: Number(counted?.count ?? 0) }
}
