import { randomIds, systemClock } from '../../src/io/clock.ts'
import { type ActionType, actionKinds, type TargetKind } from '../../src/model/actions.ts'
import type { Draft } from '../../src/model/edm.ts'
import type { ExecutionState } from '../../src/model/execution-state.ts'
import type { Alert, AlertEvidence, Incident, IncidentTask } from '../../src/model/generated.ts'
import { completeEntity } from '../../src/model/graph-validate.ts'
import type { RoleName } from '../../src/model/permissions.ts'
import { sha256Hex } from '../../src/protocol/canonical.ts'
import { insertAgent } from '../../src/store/agents.ts'
import { type AlertDoc, insertAlerts } from '../../src/store/alerts.ts'
import { insertExecution } from '../../src/store/executions.ts'
import { allocateIncidentIds, type IncidentDoc, insertIncidents } from '../../src/store/incidents.ts'
import type { AgentRow } from '../../src/store/schema.ts'
import type { SubscriptionRow } from '../../src/store/schema-notify.ts'
import { insertSubscription } from '../../src/store/subscriptions.ts'
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
  knows(kind: TargetKind | 'mailbox', value: string): Promise<void>
  /** A run of the task's action that stands in that state and has no job, so that it stays there. Returns its id. */
  execution(taskId: string, state: ExecutionState, facts?: GivenExecution): Promise<string>
  /** An enrolled host that never calls. Returns its id. */
  agent(agent: GivenAgent): Promise<string>
  /** A subscription of the client with that role, to changes of incidents. Returns its id. */
  subscription(role: RoleName): Promise<string>
}

/** What a test may know of an execution. */
export interface GivenExecution {
  readonly id?: string
  /** `device:web-07` takes the turn of every later run on that device. */
  readonly targetKey?: string
  readonly connector?: string
  /** How the target is named; {@link knownDevice} without. */
  readonly device?: string
  /** The reason it stands so, in the words of its target. */
  readonly saying?: string
}

/** What a test may know of an enrolled host. */
export interface GivenAgent {
  readonly hostName: string
  /** Action types it can do. */
  readonly can: readonly string[]
  readonly token?: string
  /** As in the enrolment message. */
  readonly publicKey?: string
  readonly revoked?: boolean
}

/** A device that every {@link Tenant} made by {@link giveTenant} knows from evidence, and that nothing controls. */
export const knownDevice = 'web-07'

/** Tenants are made cheaply and see nothing of each other, so each test takes a new one. */
export async function giveTenant(cordon: Cordon, id?: string): Promise<Tenant> {
  const tenantId = id ?? (await cordon.createTenant(`tenant ${randomIds.guid()}`))
  const clients = new Map<RoleName, Promise<Client>>()
  const knows = (kind: TargetKind | 'mailbox', value: string): Promise<void> => makeKnown(cordon, tenantId, kind, value)
  await knows('device', knownDevice)
  const as = (role: RoleName): Promise<Client> => {
    const client = clients.get(role) ?? cordon.as(role, tenantId)
    clients.set(role, client)
    return client
  }
  return {
    id: tenantId,
    as,
    incident: (draft = {}) => giveIncident(cordon, tenantId, draft),
    alert: (incidentId, draft = {}) => giveAlert(cordon, tenantId, incidentId, draft),
    task: (incidentId, draft = {}) => giveTask(cordon, tenantId, incidentId, draft),
    knows,
    execution: (taskId, state, facts = {}) => giveExecution(cordon, tenantId, { taskId, state, ...facts }),
    agent: (agent) => giveAgent(cordon, tenantId, agent),
    subscription: async (role) => {
      await as(role)
      return giveSubscription(cordon, tenantId, role)
    },
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

async function makeKnown(cordon: Cordon, tenantId: string, kind: TargetKind | 'mailbox', value: string): Promise<void> {
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
  await cordon.store.transaction((tx) =>
    insertTask(tx, { tenantId, doc, incidentId, proposedBy: null, reopened: false, version: 0 }),
  )
  return doc.id
}

async function giveExecution(
  cordon: Cordon,
  tenantId: string,
  given: GivenExecution & { taskId: string; state: ExecutionState },
): Promise<string> {
  const now = systemClock.now()
  const id = given.id ?? randomIds.guid()
  await cordon.store.transaction((tx) =>
    insertExecution(tx, {
      tenantId,
      id,
      taskId: given.taskId,
      kind: 'run',
      undoes: null,
      supersedes: null,
      actionType: 'isolateDevice',
      state: given.state,
      reasonCode: null,
      reason: given.saying ?? null,
      requestedBy: { id: 'given', name: 'given', kind: 'system' },
      clientRequestId: null,
      connector: given.connector ?? null,
      target: {
        kind: 'device',
        key: given.targetKey ?? `device:${given.taskId}`,
        displayName: given.device ?? knownDevice,
        identifier: given.device ?? knownDevice,
      },
      family: 'isolation',
      parameters: { isolationType: 'full' },
      handle: null,
      result: null,
      epoch: 0,
      holds: false,
      policyVersion: 1,
      requestedAt: now,
      queuedAt: now,
      notAfter: '9999-01-01T00:00:00.0000000Z',
      startedAt: null,
      finishedAt: null,
      updatedAt: now,
    }),
  )
  return id
}

async function giveAgent(cordon: Cordon, tenantId: string, agent: GivenAgent): Promise<string> {
  const now = systemClock.now()
  const id = randomIds.guid()
  const row: AgentRow = {
    tenant_id: tenantId,
    id,
    hostname: agent.hostName,
    fqdn: null,
    machine_id: null,
    os: 'Debian GNU/Linux 12',
    agent_version: '0.1.0',
    public_key: agent.publicKey ?? '',
    key_since: now,
    key_ordered_at: null,
    token_hash: sha256Hex(agent.token ?? id),
    capabilities: JSON.stringify(agent.can.map((actionType) => ({ actionType, supported: true }))),
    facts: '{}',
    last_seq: 0,
    command_seq: 0,
    break_glass_serial: 0,
    run_ids: '[]',
    cloned_at: null,
    enrolled_at: now,
    last_seen_at: now,
    approved_at: now,
    revoked_at: agent.revoked ? now : null,
  }
  await cordon.store.transaction((tx) => insertAgent(tx, row))
  return id
}

async function giveSubscription(cordon: Cordon, tenantId: string, role: RoleName): Promise<string> {
  const id = randomIds.guid()
  const applications = cordon.store.read.selectFrom('applications').select('id').where('tenant_id', '=', tenantId)
  const owner = await applications.where('role', '=', role).executeTakeFirstOrThrow()
  const row: SubscriptionRow = {
    tenant_id: tenantId,
    id,
    owner_id: owner.id,
    owner_kind: 'application',
    resource: 'security/incidents',
    watched: 'incident',
    object_id: null,
    filter: null,
    change_type: 'updated',
    notification_url: 'https://hooks.example/x',
    lifecycle_url: null,
    client_state: 'secret',
    tls_version: 'v1_2',
    expires_at: '9999-01-01T00:00:00.0000000Z',
    reauthorize_at: null,
    position: 0,
    created_at: systemClock.now(),
  }
  await cordon.store.transaction((tx) => insertSubscription(tx, row))
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
