import { instantOf } from '../../io/clock.ts'
import type { Job, JobHandler } from '../../jobs/worker.ts'
import { isAtLeast, isWanted, type Notice } from '../../model/notices/notice.ts'
import { findQuietEnd } from '../../model/notices/quiet-hours.ts'
import type { PersonSettings } from '../../model/notices/settings.ts'
import { isRoleName, rolePermissions } from '../../model/permissions.ts'
import type { Store, Tx } from '../../store/db.ts'
import { countDeliveriesSince, deriveId, type NewDelivery, queueDelivery } from '../../store/deliveries.ts'
import { isJobHeld } from '../../store/jobs.ts'
import { listPeopleToTell } from '../../store/person-settings.ts'
import { composeMessage, type Draft } from './compose.ts'
import { type Channels, listChannels, type PeopleDeps } from './reach.ts'

/** Somebody who is to get a message, through a channel. */
export interface Receiver {
  readonly connectorId: string
  /** Id of the person; empty for whomever the channel's settings name. */
  readonly recipient: string
  /** 7-digit instant; after quiet hours. */
  readonly runAt: string
}

/**
 * Handler of `tell-people`: finds out who wants a notice and queues a message for each. Runs again after a crash without queueing one twice:
 * the ids of the messages follow from the notice.
 */
export function createTellPeople(
  deps: PeopleDeps,
  startEscalation: (tx: Tx, job: Job, notice: Notice, draft: Draft) => Promise<void>,
): JobHandler {
  return async (job) => {
    const notice = readNotice(job.payload)
    const draft = await composeMessage(deps.store.read, job.tenantId, notice, deps.portalOrigin())
    if (draft === null) return undefined
    const receivers = await findReceivers(deps, job.tenantId, draft)
    const batch = { tenantId: job.tenantId, source: job.id, draft, receivers }
    const deliveries = await writeDeliveries(deps, batch)
    await deps.store.transaction(async (tx) => {
      if (!(await isJobHeld(tx, job))) return
      for (const delivery of deliveries) await queueDelivery(tx, job.tenantId, deps.clock.now(), delivery)
      await startEscalation(tx, job, notice, draft)
    })
    return undefined
  }
}

async function findReceivers(deps: PeopleDeps, tenantId: string, { event, severity }: Draft): Promise<Receiver[]> {
  if (event === 'test') return []
  const channels = await listChannels(deps.channels, tenantId)
  const now = deps.clock.now()
  const shared = channels
    .filter(({ kind, connector }) => isWanted(kind.wishOf(connector), event, severity))
    .map(({ connector }) => ({ connectorId: connector.id, recipient: '', runAt: now }))
  const people = await findPeople(deps, tenantId, (settings) => isWanted(settings, event, severity))
  const own = people.map(({ id, settings, connectorId }) => ({
    connectorId,
    recipient: id,
    runAt: findTime(deps, settings, isAtLeast(severity, 'high')),
  }))
  return [...shared, ...own]
}

/** Somebody who can be written to. */
interface Reachable {
  readonly id: string
  readonly settings: PersonSettings
  readonly connectorId: string
}

/** People with a mail address who may read incidents, and the channel that writes to them: the first by name that can. */
export async function findPeople(
  deps: { readonly store: Pick<Store, 'read'>; readonly channels: Pick<Channels, 'kinds' | 'list'> },
  tenantId: string,
  fits: (settings: PersonSettings, id: string) => boolean,
): Promise<Reachable[]> {
  const channels = await listChannels(deps.channels, tenantId)
  const channel = channels.find(({ kind }) => kind.reachesPeople)
  if (channel === undefined) return []
  const people = await listPeopleToTell(deps.store.read, tenantId)
  return people.flatMap(({ id, role, settings }) => {
    // Written by our own reader.
    const own: PersonSettings = JSON.parse(settings)
    const may = isRoleName(role) && rolePermissions[role].includes('SecurityIncident.Read.All')
    return may && own.mail !== null && fits(own, id) ? [{ id, settings: own, connectorId: channel.connector.id }] : []
  })
}

/** When a person may be told. */
export function findTime(
  { clock }: Pick<PeopleDeps, 'clock'>,
  { quietHours }: PersonSettings,
  isHigh: boolean,
): string {
  if (quietHours === null || (isHigh && quietHours.highBreaksThrough)) return clock.now()
  const end = findQuietEnd(quietHours, clock.nowMs())
  return end === null ? clock.now() : instantOf(end)
}

/** What is to be said to whom. */
export interface Batch {
  readonly tenantId: string
  /** What the ids of the messages follow from. */
  readonly source: string
  readonly draft: Draft
  readonly receivers: readonly Receiver[]
}

const maxPerHour = 100

/** The messages of a batch. Whoever got a hundred within an hour gets no more: somebody who can make alerts could flood them. */
export async function writeDeliveries(
  deps: PeopleDeps,
  { tenantId, source, draft, receivers }: Batch,
): Promise<NewDelivery[]> {
  const since = instantOf(deps.clock.nowMs() - 3_600_000)
  const written: NewDelivery[] = []
  for (const { connectorId, recipient, runAt } of receivers) {
    const count = await countDeliveriesSince(deps.store.read, { tenantId, connectorId, recipient }, since)
    if (count >= maxPerHour) {
      deps.log.warn(
        { tenantId, connectorId, source },
        'a message is withheld: its receiver had too many within an hour',
      )
      continue
    }
    const last = `${draft.remark} This is message ${maxPerHour} within an hour: further ones are only in the portal.`
    const id = deriveId(source, connectorId, recipient)
    const message = { id, ...draft, remark: count === maxPerHour - 1 ? last.trim() : draft.remark }
    written.push({
      id,
      connector_id: connectorId,
      recipient,
      event: draft.event,
      incident_id: Number(draft.incident?.id ?? 0),
      message: JSON.stringify(message),
      runAt,
    })
  }
  return written
}

function readNotice(payload: unknown): Notice {
  if (typeof payload === 'object' && payload !== null && 'notice' in payload) {
    // Written by noticeJob in a transaction of ours.
    return payload.notice as Notice
  }
  throw new TypeError('the job names no notice')
}
