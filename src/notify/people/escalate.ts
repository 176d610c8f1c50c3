import { instantOf, msOf } from '../../io/clock.ts'
import type { Job, JobHandler } from '../../jobs/worker.ts'
import { isAtLeast, type Notice } from '../../model/notices/notice.ts'
import type { EscalationPolicy, EscalationStep } from '../../model/notices/settings.ts'
import { readAcknowledgement, readEscalation, readEscalationForUpdate, writeEscalation } from '../../store/attention.ts'
import { noteJobs, type Tx } from '../../store/db.ts'
import { deriveId, queueDelivery } from '../../store/deliveries.ts'
import { readIncident } from '../../store/incidents.ts'
import { insertJob, isJobHeld } from '../../store/jobs.ts'
import type { EscalationRow } from '../../store/schema-people.ts'
import { composeMessage, type Draft } from './compose.ts'
import { readEscalationPolicy } from './preferences.ts'
import type { PeopleDeps } from './reach.ts'
import { findPeople, findTime, type Receiver, writeDeliveries } from './tell.ts'

/**
 * Begins the escalation of a notice, in the transaction that queues its messages: for an incident that is severe enough, that nobody has
 * acknowledged and that has none under way.
 */
export async function startEscalation(deps: PeopleDeps, tx: Tx, job: Job, notice: Notice, draft: Draft): Promise<void> {
  if (notice.event !== 'awaitingAction' && notice.event !== 'highSeverityIncident') return
  const { policy } = await readEscalationPolicy(tx, job.tenantId)
  const [first] = policy.steps
  const incidentId = draft.incident?.id
  if (first === undefined || incidentId === undefined || !isAtLeast(draft.severity, policy.minSeverity)) return
  if ((await readAcknowledgement(tx, job.tenantId, incidentId)) !== undefined) return
  const running = await readEscalationForUpdate(tx, job.tenantId, incidentId)
  if (running?.state === 'running') return
  await proceed(deps, tx, {
    tenant_id: job.tenantId,
    incident_id: Number(incidentId),
    notice_id: job.id,
    notice: JSON.stringify(notice),
    started_at: deps.clock.now(),
    step: 0,
    next_at: instantOf(deps.clock.nowMs() + first.afterMinutes * 60_000),
    state: 'running',
  })
}

/** Writes where an escalation stands, with the job of its next step. */
async function proceed(deps: PeopleDeps, tx: Tx, row: EscalationRow): Promise<void> {
  await writeEscalation(tx, row)
  if (row.next_at === null) return
  const payload = { incidentId: String(row.incident_id), noticeId: row.notice_id, step: row.step }
  const id = deriveId('escalate', row.notice_id, row.step)
  await insertJob(tx, row.tenant_id, deps.clock.now(), { id, kind: 'escalate', payload, runAt: row.next_at })
  noteJobs(tx)
}

/** Handler of `escalate`: one step, unless somebody has acknowledged meanwhile or the incident is over. */
export function createEscalate(deps: PeopleDeps): JobHandler {
  return async (job) => {
    const { incidentId, noticeId, step } = readPayload(job.payload)
    const row = await readEscalation(deps.store.read, job.tenantId, incidentId)
    if (row?.state !== 'running' || row.notice_id !== noticeId || row.step !== step) return undefined
    const { policy } = await readEscalationPolicy(deps.store.read, job.tenantId)
    const due = policy.steps[step]
    const isOver = await isIncidentOver(deps, job.tenantId, incidentId)
    const messages = due === undefined || isOver ? [] : await writeStep(deps, row, due)
    await deps.store.transaction(async (tx) => {
      if (!(await isJobHeld(tx, job))) return
      const now = await readEscalationForUpdate(tx, job.tenantId, incidentId)
      // Acknowledged since: nobody is woken any more.
      if (now?.state !== 'running' || now.notice_id !== noticeId || now.step !== step) return
      for (const message of messages) await queueDelivery(tx, job.tenantId, deps.clock.now(), message)
      await proceed(deps, tx, { ...now, ...planNext(policy, row, isOver) })
    })
    return undefined
  }
}

function planNext(
  policy: EscalationPolicy,
  { step, started_at }: EscalationRow,
  isOver: boolean,
): Pick<EscalationRow, 'step' | 'next_at' | 'state'> {
  if (isOver) return { step, next_at: null, state: 'closed' }
  const next = policy.steps[step + 1]
  if (next === undefined) return { step: step + 1, next_at: null, state: 'exhausted' }
  return { step: step + 1, next_at: instantOf(msOf(started_at) + next.afterMinutes * 60_000), state: 'running' }
}

async function isIncidentOver(deps: PeopleDeps, tenantId: string, id: string): Promise<boolean> {
  const incident = await readIncident(deps.store.read, tenantId, id)
  return incident === null || incident.doc.status === 'resolved' || incident.doc.status === 'redirected'
}

async function writeStep(
  deps: PeopleDeps,
  row: EscalationRow,
  step: EscalationStep,
): ReturnType<typeof writeDeliveries> {
  const tenantId = row.tenant_id
  // Written by startEscalation.
  const notice: Notice = JSON.parse(row.notice)
  const draft = await composeMessage(deps.store.read, tenantId, notice, deps.portalOrigin())
  if (draft === null) return []
  const remark = `Nobody has acknowledged this for ${step.afterMinutes} min (step ${row.step + 1} of the escalation).`
  const named = await findPeople(deps, tenantId, (_, id) => step.people.includes(id))
  const now = deps.clock.now()
  const isHigh = isAtLeast(draft.severity, 'high')
  const receivers: Receiver[] = [
    ...step.channels.map((connectorId) => ({ connectorId, recipient: '', runAt: now })),
    ...named.map(({ id, settings, connectorId }) => ({
      connectorId,
      recipient: id,
      runAt: step.ignoreQuietHours ? now : findTime(deps, settings, isHigh),
    })),
  ]
  const source = deriveId(row.notice_id, row.step)
  return writeDeliveries(deps, { tenantId, source, draft: { ...draft, remark }, receivers })
}

interface Payload {
  readonly incidentId: string
  readonly noticeId: string
  readonly step: number
}

function readPayload(payload: unknown): Payload {
  if (typeof payload === 'object' && payload !== null && 'incidentId' in payload && 'noticeId' in payload) {
    const { incidentId, noticeId } = payload
    const step = 'step' in payload ? payload.step : undefined
    if (typeof incidentId === 'string' && typeof noticeId === 'string' && typeof step === 'number') {
      return { incidentId, noticeId, step }
    }
  }
  throw new TypeError('the job names no escalation')
}
