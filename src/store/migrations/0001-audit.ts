import { sql } from 'kysely'
import { index, keyed, type Target, table } from './tables.ts'

/**
 * The audit log. The database itself refuses to change or take back an entry: that stops mistakes, ours and others'. Whoever owns the
 * database can take the refusal away; what he then does shows against the checkpoints.
 */
export async function createAuditTables(target: Target): Promise<void> {
  await keyed(target, 'audit', {
    tenant_id: 'text',
    seq: 'int',
    at: 'text',
    actor_id: 'text',
    actor_kind: 'text',
    actor_name: 'text',
    action: 'text',
    object_type: 'text',
    object_id: 'text',
    decision: 'text',
    code: 'text?',
    reason: 'text?',
    request_id: 'text?',
    client_request_id: 'text?',
    before_digest: 'text?',
    after_digest: 'text?',
    details: 'text?',
    hash: 'text',
  })
    .addPrimaryKeyConstraint('audit_pk', ['tenant_id', 'seq'])
    .execute()
  await index(target, 'audit', ['tenant_id', 'object_type', 'object_id', 'seq'])
  await table(target, 'audit_heads', { tenant_id: 'text', size: 'int', hash: 'text' })
    .addPrimaryKeyConstraint('audit_heads_pk', ['tenant_id'])
    .execute()
  await (target.dialect === 'postgres' ? guardOnPostgres(target) : guardOnSqlite(target))
}

async function guardOnSqlite({ db }: Target): Promise<void> {
  for (const change of ['update', 'delete']) {
    await sql`
      create trigger ${sql.ref(`audit_no_${change}`)} before ${sql.raw(change)} on audit
      begin select raise(abort, 'audit entries are never changed'); end
    `.execute(db)
  }
}

async function guardOnPostgres({ db }: Target): Promise<void> {
  await sql`
    create function audit_refuse_change() returns trigger language plpgsql as $$
    begin raise exception 'audit entries are never changed' using errcode = 'restrict_violation'; end $$
  `.execute(db)
  await sql`
    create trigger audit_no_change before update or delete or truncate on audit
    for each statement execute function audit_refuse_change()
  `.execute(db)
}
