import type { Sending } from '../../connectors/connector.ts'
import { instantOf, msOf } from '../../io/clock.ts'
import type { Job, JobHandler } from '../../jobs/worker.ts'
import type { NoticeMessage } from '../../model/notices/message.ts'
import type { PersonSettings } from '../../model/notices/settings.ts'
import { readUser } from '../../store/access.ts'
import { noteAttempt, readDelivery } from '../../store/deliveries.ts'
import { isJobHeld } from '../../store/jobs.ts'
import { readPersonSettings } from '../../store/person-settings.ts'
import type { DeliveryRow } from '../../store/schema-people.ts'
import type { Pace } from '../pace.ts'
import { pauseAfterFailure } from '../subscription.ts'
import { listChannels, type PeopleDeps } from './reach.ts'

/**
 * Handler of `deliver-message`: hands one message over, for up to 4 h. It is written down afterwards; a server that dies in between hands
 * the same message, with the same id, over again.
 */
export function createDeliverMessage(deps: PeopleDeps, pace: Pace): JobHandler {
  return async (job) => {
    const { deliveryId, since } = readPayload(job.payload)
    const delivery = await readDelivery(deps.store.read, job.tenantId, deliveryId)
    if (delivery?.state !== 'waiting') return undefined
    const way = await findWay(deps, delivery)
    if ('gone' in way) return end(deps, job, delivery, 'failed', way.gone)
    const { host } = way
    const waitMs = pace.enter(host)
    if (waitMs > 0) return { runAgainAt: instantOf(deps.clock.nowMs() + waitMs) }
    const startedMs = performance.now()
    const sending = await way.send().finally(() => pace.leave(host, performance.now() - startedMs))
    if (sending.sent) return end(deps, job, delivery, 'delivered', null)
    const error = `${sending.code}: ${sending.detail}`.slice(0, 500)
    const nowMs = deps.clock.nowMs()
    const pauseMs = sending.lasting ? null : pauseAfterFailure(nowMs - msOf(since), spreadOf(delivery.id))
    deps.log.warn(
      { deliveryId, connectorId: delivery.connector_id, code: sending.code, pauseMs },
      'a message was not delivered',
    )
    if (pauseMs === null) return end(deps, job, delivery, 'failed', error)
    await note(deps, job, delivery, {
      state: 'waiting',
      attempts: delivery.attempts + 1,
      last_error: error,
      finished_at: null,
    })
    return { runAgainAt: instantOf(nowMs + pauseMs) }
  }
}

async function end(
  deps: PeopleDeps,
  job: Job,
  delivery: DeliveryRow,
  state: 'delivered' | 'failed',
  error: string | null,
): Promise<undefined> {
  const finished_at = deps.clock.now()
  await note(deps, job, delivery, { state, attempts: delivery.attempts + 1, last_error: error, finished_at })
  return undefined
}

async function note(
  deps: PeopleDeps,
  job: Job,
  delivery: DeliveryRow,
  change: Parameters<typeof noteAttempt>[2],
): Promise<void> {
  await deps.store.transaction(async (tx) => {
    if (await isJobHeld(tx, job)) await noteAttempt(tx, delivery, change)
  })
}

type Way = { readonly host: string; readonly send: () => Promise<Sending> } | { readonly gone: string }

/** How the message gets there now: settings may have changed, and people left, since it was queued. */
async function findWay(deps: PeopleDeps, delivery: DeliveryRow): Promise<Way> {
  const { tenant_id: tenantId, connector_id: id, recipient } = delivery
  const channel = (await listChannels(deps.channels, tenantId)).find(({ connector }) => connector.id === id)
  if (channel === undefined) return { gone: 'ChannelRemoved: The channel is no longer set up.' }
  const { kind, connector } = channel
  // Written by composeMessage.
  const message: NoticeMessage = JSON.parse(delivery.message)
  const to = recipient === '' ? null : await findMail(deps, tenantId, recipient)
  if (recipient !== '' && to === null) return { gone: 'PersonGone: The person was disabled, or took the address away.' }
  return { host: connector.address, send: () => kind.send(connector, deps.channels.open, message, to) }
}

async function findMail(deps: PeopleDeps, tenantId: string, userId: string): Promise<string | null> {
  const [user, row] = await Promise.all([
    readUser(deps.store.read, tenantId, userId),
    readPersonSettings(deps.store.read, tenantId, userId),
  ])
  if (user === undefined || user.disabled_at !== null || row === undefined) return null
  const settings: PersonSettings = JSON.parse(row.settings)
  return settings.mail
}

function readPayload(payload: unknown): { readonly deliveryId: string; readonly since: string } {
  if (typeof payload === 'object' && payload !== null && 'deliveryId' in payload && 'since' in payload) {
    const { deliveryId, since } = payload
    if (typeof deliveryId === 'string' && typeof since === 'string') return { deliveryId, since }
  }
  throw new TypeError('the job names no delivery')
}

/** A number from 0 to 1 that is another for each message. */
function spreadOf(id: string): number {
  return Number.parseInt(id.slice(0, 4), 16) / 0xffff
}
