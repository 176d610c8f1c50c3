import type { Clock } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import {
  defaultEscalation,
  defaultPersonSettings,
  type EscalationPolicy,
  type PersonSettings,
} from '../../model/notices/settings.ts'
import { claimSetting, listUsers, readSetting } from '../../store/access.ts'
import { listConnectors } from '../../store/connectors.ts'
import type { Db, Store, Tx } from '../../store/db.ts'
import { readPersonSettings, writePersonSettings, writeSetting } from '../../store/person-settings.ts'
import { type Actor, recordChange } from '../../store/record.ts'

/** What changing settings needs. */
export interface PreferenceDeps {
  readonly store: Store
  readonly clock: Clock
}

/** Settings and their version: 1 and no instant until they are first set. */
export interface Versioned<T> {
  readonly value: T
  readonly version: number
  /** 7-digit instant. */
  readonly at: string | null
}

/** Versions that may be replaced; null: any. */
export type Accepted = readonly number[] | null

/** How a person wants to be told. */
export async function readOwnSettings(db: Db, actor: Actor): Promise<Versioned<PersonSettings>> {
  requirePerson(actor)
  const row = await readPersonSettings(db, actor.tenantId, actor.id)
  if (row === undefined) return { value: defaultPersonSettings, version: 1, at: null }
  return { value: JSON.parse(row.settings), version: row.version, at: row.updated_at }
}

/**
 * Sets how the caller wants to be told. The mail address stays out of the audit log.
 * @throws CordonError BadRequest for an application; PreconditionFailed for another version
 */
export async function writeOwnSettings(
  deps: PreferenceDeps,
  actor: Actor,
  value: PersonSettings,
  accepted: Accepted,
): Promise<Versioned<PersonSettings>> {
  requirePerson(actor)
  return deps.store.transaction(async (tx) => {
    const before = await readOwnSettings(tx, actor)
    requireVersion(before.version, accepted)
    const at = deps.clock.now()
    const version = before.version + 1
    const settings = JSON.stringify(value)
    await writePersonSettings(tx, { tenant_id: actor.tenantId, user_id: actor.id, settings, version, updated_at: at })
    await recordChange(tx, {
      at,
      actor,
      audit: {
        action: 'updateNotificationSettings',
        objectType: 'user',
        objectId: actor.id,
        decision: 'allowed',
        before: before.value,
        after: value,
        details: { events: value.events, minSeverity: value.minSeverity, hasMail: value.mail !== null },
      },
    })
    return { value, version, at }
  })
}

const escalationKey = 'escalationPolicy'

/** What happens in a tenant when nobody acknowledges. */
export async function readEscalationPolicy(
  db: Db,
  tenantId: string,
): Promise<{ readonly policy: EscalationPolicy; readonly version: number; readonly at: string | null }> {
  const stored = await readSetting(db, tenantId, escalationKey)
  if (stored === undefined) return { policy: defaultEscalation, version: 1, at: null }
  // Written below.
  return JSON.parse(stored)
}

/**
 * Sets what happens when nobody acknowledges. Escalations under way go on by the new steps.
 * @throws CordonError BadRequest for a channel or a person the tenant does not have; PreconditionFailed for another version
 */
export async function writeEscalationPolicy(
  deps: PreferenceDeps,
  actor: Actor,
  policy: EscalationPolicy,
  accepted: Accepted,
): Promise<Awaited<ReturnType<typeof readEscalationPolicy>>> {
  return deps.store.transaction(async (tx) => {
    const first = JSON.stringify({ policy: defaultEscalation, version: 1, at: null })
    // Two who change it at once wait for each other here.
    await claimSetting(tx, actor.tenantId, escalationKey, first)
    await checkNamed(tx, actor.tenantId, policy)
    const before = await readEscalationPolicy(tx, actor.tenantId)
    requireVersion(before.version, accepted)
    const at = deps.clock.now()
    const next = { policy, version: before.version + 1, at }
    await writeSetting(tx, actor.tenantId, escalationKey, JSON.stringify(next))
    await recordChange(tx, {
      at,
      actor,
      audit: {
        action: 'updateEscalationPolicy',
        objectType: 'tenant',
        objectId: actor.tenantId,
        decision: 'allowed',
        before: before.policy,
        after: policy,
        details: { steps: policy.steps.length, minSeverity: policy.minSeverity },
      },
    })
    return next
  })
}

async function checkNamed(tx: Tx, tenantId: string, { steps }: EscalationPolicy): Promise<void> {
  const channels = new Set((await listConnectors(tx, tenantId)).map(({ id }) => id))
  const people = new Set((await listUsers(tx, tenantId)).map(({ id }) => id))
  for (const [index, step] of steps.entries()) {
    const unknown = step.channels.some((id) => !channels.has(id)) ? 'channels' : null
    const nobody = step.people.some((id) => !people.has(id)) ? 'people' : null
    const name = unknown ?? nobody
    if (name === null) continue
    const target = `steps[${index}].${name}`
    throw new CordonError('BadRequest', `${target} names somebody or something the tenant does not have.`, { target })
  }
}

function requirePerson(actor: Actor): void {
  if (actor.kind === 'user') return
  throw new CordonError('BadRequest', 'Only people have notification settings; this is an application.')
}

function requireVersion(version: number, accepted: Accepted): void {
  if (accepted === null || accepted.includes(version)) return
  throw new CordonError(
    'PreconditionFailed',
    'The settings were changed since they were read; their ETag is another one now.',
  )
}
