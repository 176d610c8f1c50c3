import { sources } from '../../../intake/sources/list.ts'
import { actionKinds } from '../../../model/actions.ts'
import { executionStates } from '../../../model/execution-state.ts'
import { approvalStates } from '../../../model/safety/approval.ts'
import { exportFormats } from '../export-rows.ts'
import {
  anyObject,
  count,
  type DescribedOperations,
  guid,
  instant,
  json,
  listOf,
  nullable,
  openRecord,
  plainText,
  query,
  record,
  refTo,
  type Schema,
  textOf,
} from './content.ts'

const optionalProof = ['ms', 'targets', 'aliases', 'tags']

const digest: Schema = { type: 'string', pattern: '^[0-9a-f]{64}$' }

const proof = openRecord({
  level: textOf('observed', 'attested'),
  method: textOf(),
  observedAt: instant,
  digest: textOf(),
  checks: listOf(openRecord({ name: textOf(), want: textOf(), got: textOf(), ms: { type: 'number' } }, optionalProof)),
})

const execution = {
  id: guid,
  taskId: textOf(),
  kind: textOf('run', 'undo'),
  undoes: nullable(guid),
  actionType: textOf(...Object.keys(actionKinds)),
  state: textOf(...executionStates),
  reasonCode: nullable(textOf()),
  reason: nullable(textOf()),
  requestedBy: openRecord({ id: textOf(), name: textOf() }),
  clientRequestId: nullable(guid),
  connector: nullable(textOf()),
  target: openRecord({ kind: textOf(), key: textOf(), displayName: textOf(), identifier: textOf() }),
  family: textOf(),
  parameters: anyObject,
  result: nullable(
    openRecord({ changed: { type: 'boolean' }, before: {}, after: {}, proof: nullable(proof) }, ['before', 'after']),
  ),
  requestedAt: instant,
  notAfter: instant,
  startedAt: nullable(instant),
  finishedAt: nullable(instant),
  updatedAt: instant,
}

const {
  clientRequestId: _id,
  family: _family,
  parameters: _parameters,
  result: _result,
  updatedAt: _at,
  ...listedExecution
} = execution

/** Schemas of Cordon's own operations and of its sign-in. Those of things that still grow take further members. */
export const ownSchemas: Readonly<Record<string, Schema>> = {
  'cordon.execution': openRecord({
    ...execution,
    approval: nullable(
      record({ id: guid, state: textOf(...approvalStates), required: count, agreed: count, expiresAt: instant }),
    ),
    expectedDuration: nullable(
      record({ samples: count, p50Seconds: { type: 'number' }, p95Seconds: { type: 'number' } }),
    ),
  }),
  'cordon.listedExecution': openRecord({
    ...listedExecution,
    taskDisplayName: textOf(),
    incidentId: textOf(),
    undoneBy: nullable(record({ id: guid, state: textOf(...executionStates) })),
  }),
  'cordon.auditEntry': openRecord({
    seq: { type: 'integer', minimum: 1 },
    time: instant,
    actorId: textOf(),
    actorKind: textOf('application', 'user', 'agent', 'system'),
    actorName: textOf(),
    action: textOf(),
    objectType: textOf(),
    objectId: textOf(),
    decision: textOf('allowed', 'refused'),
    code: nullable(textOf()),
    reason: nullable(textOf()),
    requestId: nullable(guid),
    clientRequestId: nullable(textOf()),
    beforeDigest: nullable(digest),
    afterDigest: nullable(digest),
    details: nullable(anyObject),
    hash: digest,
  }),
  'cordon.intakeReport': record(
    {
      accepted: count,
      duplicates: count,
      ignored: count,
      rejectedCount: count,
      rejected: listOf(record({ line: count, error: textOf() })),
      incidentsOpened: count,
      incidentsMerged: count,
    },
    ['rejectedCount'],
  ),
  'cordon.tokenRequest': {
    ...openRecord({ grant_type: textOf('client_credentials'), client_id: textOf(), client_secret: textOf() }, [
      'client_id',
      'client_secret',
    ]),
    description: 'The client names itself here or by HTTP Basic.',
  },
  'cordon.token': record({
    token_type: textOf('Bearer'),
    expires_in: count,
    ext_expires_in: count,
    access_token: textOf(),
  }),
  'cordon.signInError': record({
    error: textOf(),
    error_description: textOf(),
    error_codes: listOf({ type: 'integer' }),
    timestamp: textOf(),
    trace_id: guid,
    correlation_id: guid,
    error_uri: { type: 'string', format: 'uri' },
  }),
}

const device = openRecord({
  id: guid,
  hostName: textOf(),
  fqdn: nullable(textOf()),
  os: nullable(textOf()),
  agentVersion: nullable(textOf()),
  enrolledAt: instant,
  lastSeenAt: nullable(instant),
  health: textOf('online', 'silent', 'never', 'waiting', 'revoked', 'cloned'),
  isolated: nullable({ type: 'boolean' }),
  isolatedUntil: nullable(textOf()),
  restricted: nullable({ type: 'boolean' }),
  restrictedUntil: nullable(textOf()),
  actions: listOf(record({ actionType: textOf(), supported: { type: 'boolean' }, reason: nullable(textOf()) })),
})

const hostOrder = record({
  id: textOf(),
  deviceId: guid,
  hostName: textOf(),
  state: textOf(),
  createdAt: instant,
  deliveredAt: nullable(instant),
  acknowledgedAt: nullable(instant),
  finishedAt: nullable(instant),
  request: {},
  response: {},
})

const change = record({
  seq: count,
  at: instant,
  resource: textOf('incident', 'alert', 'incidentTask', 'execution', 'agent'),
  id: textOf(),
  change: textOf('created', 'updated', 'deleted'),
  actorId: nullable(textOf()),
})

const samples = json(
  record({
    loaded: { type: 'boolean' },
    incidentId: nullable(textOf()),
    alertIds: listOf(textOf()),
    taskIds: listOf(guid),
    loadedDateTime: nullable(instant),
  }),
)

const source: Schema = { type: 'string', enum: Object.keys(sources) }
const refusal = refTo('cordon.signInError')
const form = (schema: Schema) => ({ 'application/x-www-form-urlencoded': { schema } })
const tokenRequest = refTo('cordon.tokenRequest')
const tokenAnswer = json(refTo('cordon.token'))

const auditFilters = [
  query('objectType', textOf(), 'Only entries about things of this type, e.g. `incidentTask`.'),
  query('objectId', textOf(), 'Only entries about this thing.'),
  query('actorId', textOf(), 'Only what this application, person or device did.'),
  query('action', textOf(), 'Only this action, e.g. `executeResponseAction`.'),
  query('decision', textOf('allowed', 'refused'), 'Only what was allowed, or refused.'),
  query('from', instant, 'Not before this time.'),
  query('to', instant, 'Before this time.'),
]

const executionFilters = [
  query('state', textOf(...executionStates), 'Only runs in this state, or in one of these.'),
  query('actionType', textOf(...Object.keys(actionKinds)), 'Only runs of this action, or of one of these.'),
  query('requestedBy', textOf(), 'Only what this person or application asked for, by id or name.'),
  query('from', instant, 'Not asked for before this time.'),
  query('to', instant, 'Asked for before this time.'),
]

const exportFormat = query('format', textOf(...exportFormats), 'The form of the file; csv without.')

const exportedFile = {
  'text/csv': { schema: { type: 'string', description: 'RFC 4180, with a header; no cell is a formula.' } },
  'application/x-ndjson': { schema: { type: 'string', description: 'One JSON object a line.' } },
}

/** Operations below `/api/v1` but the agent's, health, and sign-in. */
export const ownOperations: DescribedOperations = {
  receiveIntake: {
    summary: 'Send alerts as their source writes them',
    path: { source },
    request: {
      ...json({ anyOf: [anyObject, listOf(anyObject)] }),
      'application/x-ndjson': { schema: { type: 'string', description: 'One JSON object a line.' } },
      'text/csv': { schema: { type: 'string' } },
    },
    response: json(refTo('cordon.intakeReport')),
  },
  listTaskExecutions: {
    summary: 'Every run and undo of a task, with its proof of effect',
    response: json(record({ value: listOf(refTo('cordon.execution')) })),
  },
  listExecutions: {
    summary: 'Every run and undo of the tenant, newest first',
    query: [
      ...executionFilters,
      query('$top', { type: 'integer', minimum: 1, maximum: 1_000 }, 'Runs a page holds at most; 50 without.'),
      query('$skiptoken', textOf(), 'Stands in the link to the next page.'),
      query('$count', { type: 'boolean' }, 'Whether to say how many there are on all pages.'),
    ],
    response: json(
      record(
        {
          '@odata.count': count,
          '@odata.nextLink': { type: 'string', format: 'uri' },
          value: listOf(refTo('cordon.listedExecution')),
        },
        ['@odata.count', '@odata.nextLink'],
      ),
    ),
  },
  exportExecutions: {
    summary: 'The same as a file, written while it is read',
    query: [...executionFilters, exportFormat],
    response: exportedFile,
  },
  getExecution: {
    summary: 'One run or undo, whole: its steps, and what was sent to each host and came back',
    response: json(
      openRecord({
        ...execution,
        taskDisplayName: textOf(),
        incidentId: textOf(),
        steps: listOf(
          record({ at: instant, state: textOf(), by: textOf(), code: nullable(textOf()), reason: nullable(textOf()) }),
        ),
        orders: listOf(hostOrder),
        orderCount: count,
      }),
    ),
  },
  downloadTaskPackage: {
    summary: 'The archive a task has collected from its host',
    response: { 'application/zip': { schema: { type: 'string', format: 'binary' } } },
  },
  listAudit: {
    summary: 'Who did what, newest first',
    query: [
      query('$top', { type: 'integer', minimum: 1, maximum: 1_000 }, 'Entries a page holds at most; 50 without.'),
      query('$skiptoken', textOf(), 'Stands in the link to the next page.'),
      ...auditFilters,
    ],
    response: json(
      record({ '@odata.nextLink': { type: 'string', format: 'uri' }, value: listOf(refTo('cordon.auditEntry')) }, [
        '@odata.nextLink',
      ]),
    ),
  },
  exportAudit: {
    summary: 'The same as a file, written while it is read',
    query: [...auditFilters, exportFormat],
    response: exportedFile,
  },
  listIncidentJoins: {
    summary: 'Why each alert stands in the incident',
    response: json(
      record({
        value: listOf(
          record({ alertId: textOf(), rule: textOf(), text: nullable(textOf()), reason: {}, joinedAt: instant }),
        ),
      }),
    ),
  },
  streamEvents: {
    summary: 'What changes, as it happens',
    query: [query('since', count, 'The number of the last event seen; only what came after it.')],
    response: {
      ...json(record({ seq: count, complete: { type: 'boolean' }, value: listOf(change) })),
      'text/event-stream': { schema: { type: 'string', description: 'Events change, ready and resync.' } },
    },
  },
  getSamples: { summary: 'Whether the sample incident is loaded', response: samples },
  loadSamples: {
    summary: 'Load a made-up incident to look around in; its task runs as a dry run on a made-up host',
    response: samples,
  },
  removeSamples: { summary: 'Remove the sample incident with its alerts, tasks and runs' },
  listAgents: { summary: 'Hosts, how each is, and what it can do', response: json(record({ value: listOf(device) })) },
  verifyAudit: {
    summary: 'Read the whole audit log again and compare it with itself and its checkpoints',
    response: json(
      openRecord({
        tenantId: guid,
        entries: count,
        checkpoints: count,
        badCheckpoints: count,
        coveredTo: count,
        root: textOf(),
        findings: listOf(record({ kind: textOf(), seq: count, detail: textOf() })),
      }),
    ),
  },
  getAuditCheckpoint: {
    summary: 'A signed note over the whole audit log as it is now',
    response: plainText(),
  },
  undoTaskAction: {
    summary: "Take a task's last successful action back",
    request: json(anyObject),
    response: json(record({ executionId: guid })),
  },
  getHealth: { summary: 'The process answers', response: plainText() },
  getReadiness: { summary: 'Requests can be served now', response: plainText() },
  getMetrics: { summary: "The server's figures for Prometheus; the first tenant's alone", response: plainText() },
  getOpenApi: {
    summary: 'This description',
    response: json(openRecord({ openapi: textOf(), info: anyObject, paths: anyObject, components: anyObject })),
  },
  issueToken: {
    summary: 'A bearer token for an application',
    request: form({ allOf: [tokenRequest, openRecord({ scope: textOf() })] }),
    response: tokenAnswer,
    refusal,
  },
  issueTokenV1: {
    summary: 'A bearer token for an application, by the older endpoint',
    request: form({ allOf: [tokenRequest, openRecord({ resource: textOf() }, ['resource'])] }),
    response: tokenAnswer,
    refusal,
  },
  readOpenidConfiguration: {
    response: json(openRecord({ issuer: textOf(), token_endpoint: textOf(), jwks_uri: textOf() })),
    refusal,
  },
  readSigningKeys: {
    response: json(
      record({ keys: listOf(openRecord({ kid: textOf(), kty: textOf(), alg: textOf(), use: textOf() })) }),
    ),
    refusal,
  },
  authorize: { summary: 'Authorization code with PKCE; sends the browser back to the application' },
  startOutsideLogin: { summary: 'Sends the browser to an outside issuer' },
  finishOutsideLogin: { summary: 'Where an outside issuer sends the browser back to' },
  changePassword: {
    summary: 'Sets the password of the person of the session',
    request: json(record({ current: nullable(textOf()), password: textOf() }, ['current'])),
  },
  authorizeDevice: { summary: 'Not offered', request: form(anyObject), refusal },
}
