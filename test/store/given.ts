import { sql } from 'kysely'
import { instantOf, randomIds } from '../../src/io/clock.ts'
import { completeEntity } from '../../src/model/graph-validate.ts'
import type { StoredAlert } from '../../src/store/alerts.ts'
import type { Db, Store } from '../../src/store/db.ts'
import type { Execution } from '../../src/store/executions.ts'
import type { StoredIncident } from '../../src/store/incidents.ts'
import type { NewJob } from '../../src/store/jobs.ts'
import type { Actor } from '../../src/store/record.ts'
import type { JobRow } from '../../src/store/schema.ts'
import type { StoredTask } from '../../src/store/tasks.ts'

export const tenant = '11111111-1111-4111-8111-111111111111'
export const otherTenant = '22222222-2222-4222-8222-222222222222'
export const actor: Actor = { tenantId: tenant, id: 'test', kind: 'system', name: 'test' }

const startMs = Date.parse('2026-03-01T10:00:00Z')

/** The instant so many seconds after the start of every story told here. */
export function at(seconds: number): string {
  return instantOf(startMs + seconds * 1_000)
}

/** An incident before its first write. */
export function makeIncident(
  id: string,
  status: 'active' | 'resolved' = 'active',
  tenantId: string = tenant,
): StoredIncident {
  const whole = completeEntity(
    'incident',
    { id, tenantId, displayName: `Incident ${id}`, status, severity: 'high' },
    at(0),
  )
  const { incidentWebUrl: _, ...doc } = whole
  return {
    doc,
    firstActivityAt: at(-60),
    lastActivityAt: null,
    alertCount: 2,
    personSet: ['severity'],
    handedOverFrom: 'ada',
    version: 0,
  }
}

/** An alert before its first write. */
export function makeAlert(
  id: string,
  incidentId: string,
  seconds: number,
  status: 'new' | 'resolved' = 'new',
): StoredAlert {
  const times = { createdDateTime: at(seconds), lastUpdateDateTime: at(seconds) }
  const whole = completeEntity(
    'alert',
    { id, tenantId: tenant, title: 'Größe 𝒳', status, severity: 'low', serviceSource: 'unknown', ...times },
    at(seconds),
  )
  const { alertWebUrl: _, incidentWebUrl: __, incidentId: ___, ...doc } = whole
  return { doc, incidentId, source: 'sensor', providerAlertId: `provider-${id}`, version: 0 }
}

/** A task before its first write. */
export function makeTask(
  id: string,
  incidentId: string,
  status: StoredTask['doc']['status'] = 'open',
  source: StoredTask['doc']['source'] = 'defenderExpertsGuidedResponse',
): StoredTask {
  const whole = completeEntity(
    'incidentTask',
    {
      id,
      displayName: 'Tell the owner',
      description: '',
      status,
      source,
      actionType: 'text',
      actionStatus: 'notStarted',
      responseAction: null,
      createdByDisplayName: 'expert',
      lastModifiedByDisplayName: 'expert',
    },
    at(0),
  )
  return { tenantId: tenant, doc: whole, incidentId, proposedBy: null, reopened: false, version: 0 }
}

/** An execution of a task, on a target of its own. */
export function makeExecution(id: string, taskId: string, changes: Partial<Execution> = {}): Execution {
  return {
    tenantId: tenant,
    id,
    taskId,
    kind: 'run',
    undoes: null,
    supersedes: null,
    actionType: 'isolateDevice',
    state: 'queued',
    reasonCode: null,
    reason: null,
    requestedBy: { id: 'someone', name: 'Some One', kind: 'user' },
    clientRequestId: null,
    connector: 'fake',
    target: { kind: 'device', key: `device:${taskId}`, displayName: 'web-01', identifier: 'WEB-01' },
    family: 'isolation',
    parameters: { isolationType: 'full' },
    handle: null,
    result: null,
    epoch: 0,
    holds: false,
    policyVersion: 1,
    requestedAt: at(0),
    queuedAt: changes.requestedAt ?? at(0),
    notAfter: at(900),
    startedAt: null,
    finishedAt: null,
    updatedAt: at(0),
    ...changes,
  }
}

/** A job with an id of its own. */
export function makeJob(changes: Partial<NewJob> = {}): NewJob {
  return { id: randomIds.guid(), kind: 'work', payload: {}, ...changes }
}

/** Every job of the database, by id. */
export async function readJobs(db: Db): Promise<JobRow[]> {
  return db.selectFrom('jobs').selectAll().orderBy('id').execute()
}

/** Takes away what the third migration and the one after it made, as a database of an older version is. */
export async function forgetSources(store: Store): Promise<void> {
  const run = (statement: string): Promise<unknown> => store.transaction((tx) => sql.raw(statement).execute(tx))
  const indexes = ['created', 'updated', 'status', ...(store.dialect === 'sqlite' ? ['name'] : [])]
  for (const event of ['insert', 'update', 'delete']) {
    await run(`drop trigger alerts_sourced_${event}${store.dialect === 'postgres' ? ' on alerts' : ''}`)
  }
  if (store.dialect === 'postgres') {
    for (const name of ['source_added_alerts', 'source_removed_alert', 'source_moved_alert'])
      await run(`drop function ${name}`)
  }
  for (const name of indexes) await run(`drop index incidents_by_${name}`)
  await run('alter table incidents drop column sources')
  for (const name of indexes) await run(`create index incidents_by_${name} on incidents (tenant_id, id)`)
  await run('alter table outbox drop column actor_id')
  await run("delete from kysely_migration where name in ('0003-sources', '0004-actors')")
}
