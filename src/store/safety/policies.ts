import { CordonError } from '../../model/errors.ts'
import { defaultPolicy, type SafetyPolicy } from '../../model/safety/policy.ts'
import { readPolicy } from '../../model/safety/read-policy.ts'
import type { Db, Tx } from '../db.ts'
import { prepareOnce } from '../prepared.ts'
import { holdName } from './locks.ts'

/** A tenant's policy as it holds now. */
export interface StoredPolicy {
  readonly policy: SafetyPolicy
  /** Counts changes; 1 while the default holds. */
  readonly version: number
  readonly updatedAt: string | null
  readonly updatedBy: string | null
}

/**
 * The policy of a tenant; the default one when its admin has changed nothing.
 * @throws CordonError ServiceUnavailable when what is stored cannot be understood: nothing is done on a guess
 */
export async function readStoredPolicy(db: Db, tenantId: string): Promise<StoredPolicy> {
  const row = await db.selectFrom('policies').selectAll().where('tenant_id', '=', tenantId).executeTakeFirst()
  if (row === undefined) return { policy: defaultPolicy, version: 1, updatedAt: null, updatedBy: null }
  return { policy: readDoc(row.doc), version: row.version, updatedAt: row.updated_at, updatedBy: row.updated_by }
}

/** The version of a tenant's policy; 1 while the default holds. */
export async function readPolicyVersion(db: Db, tenantId: string): Promise<number> {
  const [row] = await selectVersion(db, tenantId)
  return row?.version ?? 1
}

const selectVersion = prepareOnce((db, tenantId: string) =>
  db.selectFrom('policies').select('version').where('tenant_id', '=', tenantId),
)

/**
 * As {@link readStoredPolicy}, for a transaction that acts by it: the policy cannot change before the transaction ends.
 */
export async function holdPolicy(tx: Tx, tenantId: string): Promise<StoredPolicy> {
  await holdName(tx, nameOf(tenantId), 'shared')
  return readStoredPolicy(tx, tenantId)
}

/** The policy that stands before a change; null where it cannot be understood. */
export type PolicyBefore = Omit<StoredPolicy, 'policy'> & { readonly policy: SafetyPolicy | null }

/**
 * As {@link readStoredPolicy}, for a transaction that changes it: waits for everybody who acts by the present one. One that cannot be
 * understood may be replaced.
 */
export async function readPolicyForUpdate(tx: Tx, tenantId: string): Promise<PolicyBefore> {
  await holdName(tx, nameOf(tenantId), 'alone')
  const row = await tx.selectFrom('policies').selectAll().where('tenant_id', '=', tenantId).executeTakeFirst()
  if (row === undefined) return readStoredPolicy(tx, tenantId)
  const read = readPolicy(parse(row.doc))
  const policy = read.ok ? read.value : null
  return { policy, version: row.version, updatedAt: row.updated_at, updatedBy: row.updated_by }
}

/** Writes the policy read in this transaction; its version goes up by one. Returns it as now stored. */
export async function writePolicy(
  tx: Tx,
  tenantId: string,
  from: Pick<StoredPolicy, 'version'>,
  policy: SafetyPolicy,
  by: { readonly at: string; readonly name: string },
): Promise<StoredPolicy> {
  const version = from.version + 1
  const values = {
    version,
    paused: policy.dispatch.paused ? 1 : 0,
    doc: JSON.stringify(policy),
    updated_at: by.at,
    updated_by: by.name,
  }
  await tx
    .insertInto('policies')
    .values({ tenant_id: tenantId, ...values })
    .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet(values))
    .execute()
  return { policy, version, updatedAt: by.at, updatedBy: by.name }
}

function nameOf(tenantId: string): string {
  return `policy:${tenantId}`
}

function readDoc(doc: string): SafetyPolicy {
  const read = readPolicy(parse(doc))
  if (read.ok) return read.value
  throw new CordonError('ServiceUnavailable', 'The safety policy cannot be read, so nothing is done.', {
    retryAfterSeconds: 60,
    cause: read.faults,
  })
}

function parse(doc: string): unknown {
  try {
    return JSON.parse(doc)
  } catch {
    return null
  }
}
