import type { Cordon } from '../support/cordon.ts'

/** A row as text columns; what stands in `doc` is parsed. */
export type Row = Readonly<Record<string, unknown>>

/** Everything of one tenant that a request may change. */
export interface Snapshot {
  readonly incidents: readonly Row[]
  readonly alerts: readonly Row[]
  readonly tasks: readonly Row[]
  readonly executions: readonly Row[]
  readonly commands: readonly Row[]
  readonly agents: readonly Row[]
}

const tables = ['incidents', 'alerts', 'tasks', 'executions', 'commands', 'agents'] as const

/** Reads a tenant. What every request may change (an agent's last call) is left out. */
export async function readSnapshot(cordon: Cordon, tenantId: string): Promise<Snapshot> {
  const read = async (table: (typeof tables)[number]): Promise<Row[]> => {
    const rows = await cordon.store.read
      .selectFrom(table)
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .orderBy('id')
      .execute()
    return rows.map((row) => ('doc' in row ? { ...row, doc: JSON.parse(row.doc) } : withoutCalls(row)))
  }
  const [incidents = [], alerts = [], tasks = [], executions = [], commands = [], agents = []] = await Promise.all(
    tables.map(read),
  )
  return { incidents, alerts, tasks, executions, commands, agents }
}

function withoutCalls(row: object): Row {
  const { last_seq: _seq, last_seen_at: _seen, facts: _facts, ...rest } = row as Record<string, unknown>
  return rest
}

/** Audit entries of refused requests with that id, whoever's they are. */
export async function countRefusals(cordon: Cordon, requestId: string): Promise<number> {
  const rows = await cordon.store.read
    .selectFrom('audit')
    .select('seq')
    .where('request_id', '=', requestId)
    .where('decision', '=', 'refused')
    .execute()
  return rows.length
}
