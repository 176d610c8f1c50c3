import type { Clock, Ids } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import { claimSetting, readSetting, removeSetting } from '../../store/access.ts'
import { insertAlerts } from '../../store/alerts.ts'
import type { Db, Store } from '../../store/db.ts'
import { allocateIncidentIds, insertIncidents } from '../../store/incidents.ts'
import { type Actor, type OutgoingEvent, recordChange } from '../../store/record.ts'
import { deleteSampleRows, hasLiveRun, listOtherAlerts, listTaskIds } from '../../store/samples.ts'
import { insertTask } from '../../store/tasks.ts'
import { makeSample } from './content.ts'

/** What loading and removing the sample needs. */
export interface SampleDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
}

/** The sample incident of a tenant. */
export interface LoadedSample {
  readonly incidentId: string
  readonly alertIds: readonly string[]
  readonly taskIds: readonly string[]
  readonly loadedAt: string
}

const setting = 'sample.incident'

/** The tenant's sample; null when it has none. */
export async function findSample(db: Db, tenantId: string): Promise<LoadedSample | null> {
  const stored = await readSetting(db, tenantId, setting)
  // Written below, by nobody else.
  return stored === undefined ? null : (JSON.parse(stored) as LoadedSample)
}

/**
 * Puts the sample incident into a tenant, once: one that has it already keeps that.
 * @returns the sample, and whether it is new
 */
export async function loadSample(
  deps: SampleDeps,
  actor: Actor,
): Promise<{ readonly sample: LoadedSample; readonly isNew: boolean }> {
  const { tenantId } = actor
  return deps.store.transaction(async (tx) => {
    const known = await findSample(tx, tenantId)
    if (known !== null) return { sample: known, isNew: false }
    const [incidentId = ''] = await allocateIncidentIds(tx, 1)
    const made = makeSample({ tenantId, incidentId, nowMs: deps.clock.nowMs(), makeId: deps.ids.guid })
    const sample: LoadedSample = {
      incidentId,
      alertIds: made.alerts.map(({ doc }) => doc.id),
      taskIds: made.tasks.map(({ doc }) => doc.id),
      loadedAt: deps.clock.now(),
    }
    if (!(await claimSetting(tx, tenantId, setting, JSON.stringify(sample)))) {
      const theirs = await findSample(tx, tenantId)
      if (theirs !== null) return { sample: theirs, isNew: false }
      throw new CordonError('ServiceUnavailable', 'The sample is being loaded or removed by somebody else; try again.')
    }
    await insertIncidents(tx, [made.incident])
    await insertAlerts(tx, made.alerts)
    for (const task of made.tasks) await insertTask(tx, task)
    await recordChange(tx, {
      at: sample.loadedAt,
      actor,
      audit: entryOf('loadSample', sample),
      events: eventsOf('created', sample),
    })
    return { sample, isNew: true }
  })
}

/**
 * Removes the sample incident with its alerts, its tasks and their runs; the audit log keeps what was done.
 * @throws CordonError NotFound without a sample; Conflict while a run is under way, or when alerts that are no samples stand in it
 */
export async function removeSample(deps: Omit<SampleDeps, 'ids'>, actor: Actor): Promise<void> {
  const { tenantId } = actor
  await deps.store.transaction(async (tx) => {
    const sample = await findSample(tx, tenantId)
    if (sample === null) throw new CordonError('NotFound', 'The sample is not loaded.')
    const added = await listTaskIds(tx, tenantId, sample.incidentId)
    const rows = { ...sample, taskIds: [...new Set([...sample.taskIds, ...added])] }
    if (await hasLiveRun(tx, tenantId, rows.taskIds)) {
      throw new CordonError('Conflict', 'A run of the sample is under way; remove it when that has ended.')
    }
    const others = await listOtherAlerts(tx, tenantId, rows)
    if (others.length > 0) {
      const text = `${others.length} alerts that are no samples stand in the sample incident; move them to another first.`
      throw new CordonError('Conflict', text)
    }
    await deleteSampleRows(tx, tenantId, rows)
    await removeSetting(tx, tenantId, setting)
    await recordChange(tx, {
      at: deps.clock.now(),
      actor,
      audit: entryOf('removeSample', sample),
      events: eventsOf('deleted', rows),
    })
  })
}

function entryOf(action: string, { incidentId, taskIds }: LoadedSample) {
  return { action, objectType: 'incident', objectId: incidentId, decision: 'allowed', details: { taskIds } } as const
}

function eventsOf(
  change: 'created' | 'deleted',
  { incidentId, alertIds, taskIds }: Omit<LoadedSample, 'loadedAt'>,
): OutgoingEvent[] {
  return [
    { change, resource: 'incident', objectId: incidentId },
    ...alertIds.map((objectId) => ({ change, resource: 'alert' as const, objectId })),
    ...taskIds.map((objectId) => ({ change, resource: 'incidentTask' as const, objectId })),
  ]
}
