import { randomIds, systemClock } from '../../src/io/clock.ts'
import type { Draft } from '../../src/model/edm.ts'
import type { Alert, IncidentTask } from '../../src/model/generated.ts'
import { completeEntity } from '../../src/model/graph-validate.ts'
import { quotas } from '../../src/notify/subscription.ts'
import { insertAlerts } from '../../src/store/alerts.ts'
import type { Store } from '../../src/store/db.ts'
import { allocateIncidentIds, insertIncidents } from '../../src/store/incidents.ts'
import { insertTask } from '../../src/store/tasks.ts'

/** Ids of what a tenant holds for requests to meet. */
export interface FuzzRows {
  readonly incidentIds: readonly string[]
  readonly alertIds: readonly string[]
  readonly taskIds: readonly string[]
}

const texts = ['a', "o'b", '100%', 'ä_😀', '']

/**
 * Few rows, so that an input costs what reading it costs; most kinds of value stand in one of them. Their ids are the same in every run, so
 * that a printed input means the same in the next one.
 */
export async function fillTenant(store: Store, tenantId: string): Promise<FuzzRows> {
  const rows: { incidentIds: string[]; alertIds: string[]; taskIds: string[] } = {
    incidentIds: [],
    alertIds: [],
    taskIds: [],
  }
  for (const at of texts.keys()) {
    rows.incidentIds.push(await addIncident(store, tenantId, at))
    const incidentId = rows.incidentIds[at] ?? ''
    rows.alertIds.push(await addAlert(store, tenantId, incidentId, at))
    rows.taskIds.push(await addTask(store, tenantId, incidentId, at))
  }
  return rows
}

async function addIncident(store: Store, tenantId: string, at: number): Promise<string> {
  return store.transaction(async (tx) => {
    const [id = ''] = await allocateIncidentIds(tx, 1)
    const {
      incidentWebUrl: _url,
      alerts: _alerts,
      ...doc
    } = completeEntity(
      'incident',
      {
        id,
        tenantId,
        displayName: texts[at] ?? '',
        customTags: texts.slice(0, at),
        systemTags: texts.slice(at),
        assignedTo: at % 2 === 0 ? 'Kai@contoso.com' : null,
        status: at === 3 ? 'awaitingAction' : 'active',
        severity: at % 2 === 0 ? 'high' : 'low',
        classification: 'truePositive',
        priorityScore: at * 25,
      },
      systemClock.now(),
    )
    await insertIncidents(tx, [
      { doc, firstActivityAt: null, lastActivityAt: null, alertCount: 1, personSet: [], version: 0 },
    ])
    return id
  })
}

async function addAlert(store: Store, tenantId: string, incidentId: string, at: number): Promise<string> {
  const now = systemClock.now()
  const id = `fuzz-${at}`
  const draft: Draft<Alert> = {
    ...{ id, tenantId, title: texts[at] ?? '', status: 'new', severity: 'medium', serviceSource: 'microsoftSentinel' },
    ...{
      createdDateTime: now,
      lastUpdateDateTime: now,
      firstActivityDateTime: at === 0 ? null : now,
      providerAlertId: id,
    },
    ...{ systemTags: texts.slice(at), categories: texts.slice(0, at) },
    evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: `host-${at}` }],
  }
  const { alertWebUrl: _web, incidentWebUrl: _url, incidentId: _id, ...doc } = completeEntity('alert', draft, now)
  await store.transaction((tx) =>
    insertAlerts(tx, [{ doc, incidentId, source: 'fuzz', providerAlertId: id, version: 0 }]),
  )
  return id
}

async function addTask(store: Store, tenantId: string, incidentId: string, at: number): Promise<string> {
  const id = `00000000-0000-4000-8000-00000000000${at}`
  const draft: Draft<IncidentTask> = {
    ...{ id, displayName: texts[at] ?? '', description: texts[at] ?? '', status: 'open', actionStatus: 'notStarted' },
    ...{ source: 'defenderExpertsGuidedResponse', actionType: 'text', responseAction: null },
    ...{ createdByDisplayName: 'expert', lastModifiedByDisplayName: 'expert' },
  }
  const { incident: _incident, ...doc } = completeEntity('incidentTask', draft, systemClock.now())
  await store.transaction((tx) =>
    insertTask(tx, { tenantId, doc, incidentId, proposedBy: null, reopened: false, version: 0 }),
  )
  return id
}

/** Uses an application's quota of subscriptions up, so that no input can make the server call anybody. */
export async function useUpQuota(store: Store, tenantId: string, ownerId: string): Promise<void> {
  const row = {
    ...{ tenant_id: tenantId, owner_id: ownerId, owner_kind: 'application', resource: 'security/incidents' },
    ...{ watched: 'incident', object_id: 'none', filter: null, change_type: 'deleted' },
    ...{ notification_url: 'https://127.0.0.1/never', lifecycle_url: null, client_state: null, tls_version: 'v1_2' },
    ...{ expires_at: '9999-01-01T00:00:00.0000000Z', reauthorize_at: null, position: 0, created_at: systemClock.now() },
  } as const
  await store.transaction(async (tx) => {
    const rows = Array.from({ length: quotas.owner }, () => ({ ...row, id: randomIds.guid() }))
    await tx.insertInto('subscriptions').values(rows).execute()
  })
}
