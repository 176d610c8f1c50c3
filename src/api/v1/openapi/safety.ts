import { actionTypes } from '../../../model/actions.ts'
import { humanOutcomes } from '../../../model/execution-state.ts'
import { approvalStates } from '../../../model/safety/approval.ts'
import { withheldBy } from '../../../model/safety/consent.ts'
import { days } from '../../../model/safety/policy.ts'
import {
  anyObject,
  type Content,
  count,
  type DescribedOperations,
  flag,
  guid,
  header,
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

const text = textOf()
const texts = listOf(text)
const someActions = nullable(listOf(textOf(...actionTypes)))
const reason: Schema = { type: 'string', minLength: 1, maxLength: 500 }
const match = { ids: texts, names: texts, tags: texts }
const expiry = record({ leaseSeconds: count, releaseAfterHours: nullable({ type: 'number' }) })
const hours = record({ days: listOf(textOf(...days)), from: text, to: text, timeZone: text })
const dispatch = record({ paused: flag, reason: nullable(text) })

const policy = {
  dispatch,
  tags: listOf(record({ tag: text, ids: texts, names: texts })),
  protectedAssets: listOf(record({ name: text, ...match, actionTypes: someActions, reason: text })),
  assetGroups: listOf(record({ name: text, ...match, critical: flag })),
  budgets: listOf(
    record({
      name: text,
      actionTypes: someActions,
      per: textOf('tenant', 'caller'),
      windowMinutes: count,
      maxActions: nullable(count),
      maxShare: nullable({ type: 'number', minimum: 0, maximum: 1 }),
      minAssets: count,
    }),
  ),
  fourEyes: record({
    approvalHours: { type: 'number' },
    rules: listOf(
      record({
        name: text,
        actionTypes: someActions,
        assetGroup: nullable(text),
        minTier: nullable({ type: 'integer', minimum: 1, maximum: 3 }),
        approvals: count,
      }),
    ),
  }),
  expiry: record({ isolation: expiry, restriction: expiry }),
  indicators: record({
    mode: textOf('block', 'audit'),
    expireAfterHours: { type: 'number' },
    allowInfrastructure: flag,
  }),
  localAccounts: record({ enabled: flag }),
  quarantine: record({ packageFiles: flag }),
  antiVirus: record({ scan: textOf('quick', 'full') }),
  programs: record({
    allowed: listOf(
      { type: 'string', maxLength: 512, pattern: '^(/[^/\\n].*|sha256:[0-9a-f]{64})$' },
      { maxItems: 200 },
    ),
  }),
  agentKeys: record({ rotateAfterDays: { type: 'integer', minimum: 1, maximum: 3_660 } }),
  signIn: record({ freshMinutes: { type: ['integer', 'null'], minimum: 1, maximum: 720 } }),
  confirmation: record({ holdOnPhones: flag }),
  managedResponse: record(
    {
      paused: flag,
      excluded: listOf(record({ name: text, ...match, since: nullable(instant) }, ['since'])),
      consent: listOf(
        record({
          name: text,
          actionTypes: someActions,
          assetGroup: nullable(text),
          experts: nullable(texts),
          hours: nullable(hours),
        }),
      ),
    },
    ['excluded'],
  ),
} as const

const mayApprove = nullable(
  openRecord({
    count: { ...count, description: 'How many people and applications may approve it now.' },
    people: nullable(
      listOf(
        openRecord({
          id: text,
          name: text,
          kind: textOf('user', 'application'),
          hears: openRecord({ state: textOf('now', 'later', 'untold'), until: nullable(instant) }),
        }),
        { maxItems: 10 },
      ),
    ),
    you: openRecord({ may: flag, reason: nullable(text) }),
  }),
)

const preview = {
  actionType: text,
  readAt: instant,
  answer: openRecord({ accepted: flag, state: textOf('queued', 'awaitingApproval'), code: text, message: text }, [
    'state',
    'code',
    'message',
  ]),
  connector: nullable(anyObject),
  target: nullable(anyObject),
  connections: anyObject,
  policy: nullable(anyObject),
  mayApprove,
  reversible: openRecord({ possible: flag, how: text }),
  expectedDuration: nullable(anyObject),
  parameters: anyObject,
  deadlineSeconds: count,
} as const

const changed = { version: count, lastModifiedDateTime: nullable(instant), lastModifiedBy: {} } as const

/** Schemas of approvals, policy, previews and the audit log. */
export const safetySchemas: Readonly<Record<string, Schema>> = {
  'cordon.safetyPolicy': openRecord({ ...policy, ...changed }),
  // What an admin may write: what is left out gets its default.
  'cordon.safetyPolicy.replace': { type: 'object', properties: policy, additionalProperties: true },
  'cordon.approval': openRecord({
    id: guid,
    executionId: guid,
    taskId: text,
    state: textOf(...approvalStates),
    required: count,
    digest: { type: 'string', description: 'sha256 of what is seen; goes with every vote.' },
    seen: anyObject,
    requestedBy: openRecord({ id: text, name: text }),
    proposedBy: nullable(openRecord({ id: text })),
    votes: listOf(
      openRecord({
        by: openRecord({ id: text, name: text }),
        decision: textOf('approve', 'reject'),
        comment: nullable(text),
        at: instant,
      }),
    ),
    requestedAt: instant,
    expiresAt: instant,
    decidedAt: nullable(instant),
    agreed: { ...count, description: 'Votes of people who may still approve.' },
    mayApprove,
  }),
  'cordon.ballot': record(
    {
      digest: nullable({ type: 'string', pattern: '^sha256:[0-9a-f]{64}$', description: 'Required to approve.' }),
      comment: nullable({ type: 'string', maxLength: 500 }),
    },
    ['digest', 'comment'],
  ),
  'cordon.preview': openRecord({ taskId: text, ...preview }),
  'cordon.proposalPreview': openRecord({
    incidentId: text,
    ...preview,
    managed: openRecord(
      {
        allowed: { ...flag, description: 'Whether the caller may have it run without asking the customer.' },
        by: textOf(...withheldBy, 'cannotRun'),
        reason: text,
        since: nullable(instant),
      },
      ['by', 'since'],
    ),
  }),
  'cordon.auditEntry': openRecord({
    seq: count,
    time: instant,
    actorId: text,
    actorKind: text,
    actorName: text,
    action: text,
    objectType: text,
    objectId: text,
    decision: textOf('allowed', 'refused'),
    code: nullable(text),
    reason: nullable(text),
    requestId: nullable(text),
    clientRequestId: nullable(text),
    beforeDigest: nullable(text),
    afterDigest: nullable(text),
    details: {},
    hash: nullable(text),
  }),
}

const approval = json(refTo('cordon.approval'))
const managed = json(record({ paused: flag }))
const stated = (state: Schema): Content => json(record({ executionId: guid, state }))
const auditFilters = ['objectType', 'objectId', 'actorId', 'action', 'decision', 'from', 'to']

/** What keeps actions safe, and what tells of them afterwards. */
export const safetyOperations: DescribedOperations = {
  listApprovals: {
    summary: 'What waits for approval',
    query: [query('state', textOf('all', ...approvalStates), 'Without it: pending.')],
    response: json(record({ value: listOf(refTo('cordon.approval')) })),
  },
  getApproval: { response: approval },
  approveExecution: {
    summary: 'Approve exactly what the digest names',
    request: json(refTo('cordon.ballot')),
    response: approval,
  },
  rejectExecution: { summary: 'Reject an action', request: json(refTo('cordon.ballot')), response: approval },
  pauseDispatch: {
    summary: 'The kill switch: nothing more goes to any target',
    request: json(record({ reason })),
    response: json(dispatch),
  },
  createBreakGlassCode: {
    summary: 'Make a one-time code that releases an isolated host on the spot, without a network',
    request: json(record({ reason: { ...reason, minLength: 30 } })),
    response: json(openRecord({ code: text, serial: count, expiresDateTime: instant })),
  },
  orderDeviceKey: {
    summary: 'Order another device key of a host; it makes one with its next contact',
    request: json(record({ reason })),
  },
  resumeDispatch: { summary: 'What waited goes on', response: json(dispatch) },
  pauseManaged: { summary: 'Experts only propose from now on; what waits of theirs becomes guided', response: managed },
  resumeManaged: { summary: 'The consents of the policy hold again', response: managed },
  getPolicies: { summary: 'The safety policy', response: json(refTo('cordon.safetyPolicy')) },
  replacePolicies: {
    summary: 'Put another safety policy in its place',
    headers: [header('If-Match', 'The ETag of the policy it replaces, or *; required.')],
    request: json(refTo('cordon.safetyPolicy.replace')),
    response: json(refTo('cordon.safetyPolicy')),
  },
  cancelTaskAction: { summary: 'Take an action back that nobody has begun', response: stated(textOf('cancelled')) },
  decideTaskOutcome: {
    summary: 'Say how an action came out whose outcome nobody can find out',
    request: json(record({ outcome: textOf(...humanOutcomes), reason })),
    response: stated(textOf(...humanOutcomes)),
  },
  previewTaskAction: {
    summary: 'What would happen if the action were requested now',
    response: json(refTo('cordon.preview')),
  },
  previewNewTask: {
    summary: 'What would become of a task that is not sent yet; nothing is stored',
    query: [query('askTarget', flag, 'false answers at once, without asking the target what it would do.')],
    request: json(refTo('microsoft.graph.security.incidentTask.create')),
    response: json(refTo('cordon.proposalPreview')),
  },
  listAudit: {
    summary: 'The audit log, newest first',
    query: [
      ...auditFilters.map((name) => query(name, text, 'Only entries with this; from is included, to is not.')),
      query('$top', { ...count, minimum: 1, maximum: 1000 }, 'Entries a page holds.'),
      query('$skiptoken', text, 'Place of the next page; only ever taken from a link.'),
    ],
    response: json(
      record({ '@odata.nextLink': { type: 'string', format: 'uri' }, value: listOf(refTo('cordon.auditEntry')) }, [
        '@odata.nextLink',
      ]),
    ),
  },
  getAuditCheckpoint: { summary: 'A signed note over the whole audit log as it is now', response: plainText() },
}
