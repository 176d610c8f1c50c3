import { randomIds, systemClock } from '../../src/io/clock.ts'
import { type ActionType, actionKinds, type TargetKind } from '../../src/model/actions.ts'
import type { Draft } from '../../src/model/edm.ts'
import type { ExecutionState } from '../../src/model/execution-state.ts'
import type { Alert, AlertEvidence, Incident, IncidentTask } from '../../src/model/generated.ts'
import { completeEntity } from '../../src/model/graph-validate.ts'
import type { RoleName } from '../../src/model/permissions.ts'
import { type AlertDoc, insertAlerts } from '../../src/store/alerts.ts'
import { insertExecution } from '../../src/store/executions.ts'
import { allocateIncidentIds, type IncidentDoc, insertIncidents } from '../../src/store/incidents.ts'
import { insertTask, type TaskDoc } from '../../src/store/tasks.ts'
import { waitUntil } from './answers.ts'
import type { Client, Cordon } from './cordon.ts'

/** One tenant of a running server and what a test puts into it, straight into the store. */
export interface Tenant {
  readonly id: string
  /** A client with that role in this tenant; the same one each time. */
  as(role: RoleName): Promise<Client>
  /** Returns its id. */
  incident(draft?: Draft<Omit<Incident, 'alerts'>>): Promise<string>
  /** Returns its id. Devices in its evidence become known by host name. */
  alert(incidentId: string, draft?: Draft<Alert>): Promise<string>
  /** Returns its id. Without a draft: an open, guided isolateDevice task for a device that is known from evidence. */
  task(incidentId: string, draft?: Draft<IncidentTask>): Promise<string>
  /** Makes a thing known as if an alert had named it. */
  knows(kind: TargetKind, value: string): Promise<void>
  /**
   * A run of the task's action that stands in that state and has no job, so that it stays there. Returns its id.
   * @param targetKey `device:web-07` takes the turn of every later run on that device
   */
  execution(taskId: string, state: ExecutionState, targetKey?: string): Promise<string>
}

/** A device that every {@link Tenant} made by {@link giveTenant} knows from evidence, and that nothing controls. */
export const knownDevice = 'web-07'

/** Tenants are made cheaply and see nothing of each other, so each test takes a new one. */
export async function giveTenant(cordon: Cordon, id?: string): Promise<Tenant> {
  const tenantId = id ?? (await cordon.createTenant(`tenant ${randomIds.guid()}`))
  const clients = new Map<RoleName, Promise<Client>>()
  const knows = (kind: TargetKind, value: string): Promise<void> => makeKnown(cordon, tenantId, kind, value)
  await knows('device', knownDevice)
  return {
    id: tenantId,
    as: (role) => {
      const client = clients.get(role) ?? cordon.as(role, tenantId)
      clients.set(role, client)
      return client
    },
    incident: (draft = {}) => giveIncident(cordon, tenantId, draft),
    alert: (incidentId, draft = {}) => giveAlert(cordon, tenantId, incidentId, draft),
    task: (incidentId, draft = {}) => giveTask(cordon, tenantId, incidentId, draft),
    knows,
    execution: (taskId, state, targetKey = `device:${taskId}`) =>
      giveExecution(cordon, tenantId, { taskId, state, targetKey }),
  }
}

async function giveIncident(cordon: Cordon, tenantId: string, draft: Draft<Omit<Incident, 'alerts'>>): Promise<string> {
  return cordon.store.transaction(async (tx) => {
    const [allocated = ''] = draft.id === undefined ? await allocateIncidentIds(tx, 1) : [draft.id]
    const doc: IncidentDoc = without(
      completeEntity(
        'incident',
        { displayName: 'Suspicious sign-in', status: 'active', severity: 'medium', ...draft, id: allocated, tenantId },
        systemClock.now(),
      ),
      ['incidentWebUrl', 'alerts', 'recommendedActions', 'recommendedHuntingQueries'],
    )
    const incident = { doc, firstActivityAt: null, lastActivityAt: null, alertCount: 0, personSet: [], version: 0 }
    await insertIncidents(tx, [incident])
    return allocated
  })
}

async function giveAlert(cordon: Cordon, tenantId: string, incidentId: string, draft: Draft<Alert>): Promise<string> {
  const now = systemClock.now()
  const id = draft.id ?? `cd${randomIds.guid().replaceAll('-', '')}`
  const doc: AlertDoc = without(
    completeEntity(
      'alert',
      {
        title: 'Suspicious process',
        status: 'new',
        severity: 'medium',
        serviceSource: 'unknown',
        providerAlertId: id,
        createdDateTime: now,
        lastUpdateDateTime: now,
        ...draft,
        id,
        tenantId,
      },
      now,
    ),
    ['alertWebUrl', 'incidentWebUrl', 'incidentId'],
  )
  await cordon.store.transaction((tx) =>
    insertAlerts(tx, [{ doc, incidentId, source: 'test', providerAlertId: doc.providerAlertId ?? id, version: 0 }]),
  )
  for (const evidence of doc.evidence) {
    const host = hostOf(evidence)
    if (host !== null) await makeKnown(cordon, tenantId, 'device', host)
  }
  return id
}

function hostOf(evidence: AlertEvidence): string | null {
  return evidence['@odata.type'] === '#microsoft.graph.security.deviceEvidence' ? evidence.hostName : null
}

async function makeKnown(cordon: Cordon, tenantId: string, kind: TargetKind, value: string): Promise<void> {
  const now = systemClock.now()
  const row = { tenant_id: tenantId, kind, value: value.toLowerCase(), alert_count: 1, partners: '[]' }
  await cordon.store.transaction(async (tx) => {
    await tx
      .insertInto('entities')
      .values({ ...row, first_seen_at: now, last_seen_at: now })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  })
}

/** A response action of the type that fits the action type. */
export function fittingAction(
  actionType: ActionType,
  identifierValue: string = knownDevice,
): IncidentTask['responseAction'] {
  const { responseActionType } = actionKinds[actionType]
  if (responseActionType === null) return null
  const action = {
    '@odata.type': `#microsoft.graph.security.${responseActionType}`,
    identifierValue,
    ...(actionType === 'isolateDevice' ? { isolationType: 'full' } : {}),
    ...(actionType === 'stopAndQuarantineFile' ? { deviceId: null } : {}),
  }
  // The table of action types names the types of the contract.
  return action as NonNullable<IncidentTask['responseAction']>
}

async function giveTask(
  cordon: Cordon,
  tenantId: string,
  incidentId: string,
  draft: Draft<IncidentTask>,
): Promise<string> {
  const { actionType = 'isolateDevice' } = draft
  const fitting = actionType === 'unknownFutureValue' ? null : fittingAction(actionType)
  const whole = completeEntity(
    'incidentTask',
    {
      displayName: 'Isolate web-07',
      description: 'It talks to a known bad address.',
      status: 'open',
      source: 'defenderExpertsGuidedResponse',
      actionType,
      actionStatus: 'notStarted',
      createdByDisplayName: 'Response expert',
      lastModifiedByDisplayName: 'Response expert',
      responseAction: fitting,
      ...draft,
      id: draft.id ?? randomIds.guid(),
    },
    systemClock.now(),
  )
  const doc: TaskDoc = without(whole, ['incident'])
  await cordon.store.transaction((tx) => insertTask(tx, { tenantId, doc, incidentId, reopened: false, version: 0 }))
  return doc.id
}

async function giveExecution(
  cordon: Cordon,
  tenantId: string,
  given: { taskId: string; state: ExecutionState; targetKey: string },
): Promise<string> {
  const now = systemClock.now()
  const id = randomIds.guid()
  await cordon.store.transaction((tx) =>
    insertExecution(tx, {
      tenantId,
      id,
      taskId: given.taskId,
      kind: 'run',
      undoes: null,
      actionType: 'isolateDevice',
      state: given.state,
      reasonCode: null,
      reason: null,
      requestedBy: { id: 'given', name: 'given' },
      clientRequestId: null,
      connector: null,
      target: { kind: 'device', key: given.targetKey, displayName: knownDevice, identifier: knownDevice },
      family: 'isolation',
      parameters: { isolationType: 'full' },
      handle: null,
      result: null,
      epoch: 0,
      requestedAt: now,
      notAfter: '9999-01-01T00:00:00.0000000Z',
      startedAt: null,
      finishedAt: null,
      updatedAt: now,
    }),
  )
  return id
}

function without<T extends object, K extends keyof T>(whole: T, names: readonly K[]): Omit<T, K> {
  const rest = { ...whole }
  for (const name of names) delete rest[name]
  return rest
}

/** Waits until the tenant's jobs are done: what follows a change by a job is there then. */
export async function jobsDone(cordon: Cordon, tenant: Tenant): Promise<void> {
  await waitUntil(
    () => cordon.store.read.selectFrom('jobs').select('kind').where('tenant_id', '=', tenant.id).execute(),
    (jobs) => jobs.length === 0,
  )
}
