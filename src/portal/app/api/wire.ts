import { anything, listOf, map, nullable, number, type Read, type Reader, record, text, truth } from './read.ts'

// The forms of what the portal reads. Names are those of the wire; docs/contract.md and docs/extensions.md say what they mean.

const comment = record({ comment: nullable(text), createdByDisplayName: nullable(text), createdDateTime: text })

export const incident = record({
  id: text,
  displayName: nullable(text),
  severity: text,
  status: text,
  classification: nullable(text),
  determination: nullable(text),
  assignedTo: nullable(text),
  description: nullable(text),
  summary: nullable(text),
  customTags: listOf(text),
  systemTags: listOf(text),
  comments: listOf(comment),
  redirectIncidentId: nullable(text),
  createdDateTime: text,
  lastModifiedBy: nullable(text),
  lastUpdateDateTime: text,
})
export type Incident = Read<typeof incident>

/** What a restriction would deny of the programs a host sees, and what is allowed beside those of packages; agents of before do not say. */
const programs = record({
  seen: number,
  denied: number,
  running: number,
  listed: listOf(text),
  /** Services that could not be started again; agents of before do not say. */
  services: nullable(listOf(text)),
  allowed: listOf(text),
})

const evidence = map
const alertForm = {
  id: text,
  incidentId: nullable(text),
  title: nullable(text),
  description: nullable(text),
  severity: text,
  status: text,
  classification: nullable(text),
  determination: nullable(text),
  assignedTo: nullable(text),
  category: nullable(text),
  serviceSource: text,
  productName: nullable(text),
  providerAlertId: nullable(text),
  recommendedActions: nullable(text),
  mitreTechniques: listOf(text),
  comments: listOf(comment),
  evidence: listOf(evidence),
  createdDateTime: nullable(text),
  firstActivityDateTime: nullable(text),
  lastActivityDateTime: nullable(text),
}
/** What the portal shows of an alert. */
export const alert = record(alertForm)
/** Their names, for asking for no more than that. */
export const alertFields = Object.keys(alertForm).join(',')
export type Alert = Read<typeof alert>

export const task = record({
  id: text,
  displayName: text,
  description: nullable(text),
  status: text,
  actionStatus: text,
  actionType: text,
  source: text,
  createdByDisplayName: text,
  createdDateTime: text,
  lastModifiedByDisplayName: text,
  lastModifiedDateTime: text,
  responseAction: nullable(map),
  incident: nullable(record({ id: text })),
})
export type Task = Read<typeof task>

const person = record({ id: text, name: nullable(text) })
const check = record({ name: text, want: text, got: text })
const proof = record({ level: text, method: text, observedAt: text, checks: listOf(check) })
const target = record({ kind: text, key: text, displayName: text, identifier: text })
const expectation = record({ samples: number, p50Seconds: number, p95Seconds: number })
export type Expectation = Read<typeof expectation>

/** Members of a run that lists of runs have, and a whole one as well. */
export const executionFields = {
  id: text,
  taskId: text,
  kind: text,
  undoes: nullable(text),
  supersedes: nullable(text),
  actionType: text,
  state: text,
  reasonCode: nullable(text),
  reason: nullable(text),
  requestedBy: person,
  connector: nullable(text),
  target: nullable(target),
  result: nullable(record({ proof: nullable(proof), targets: nullable(anything) })),
  holds: truth,
  requestedAt: text,
  queuedAt: nullable(text),
  notAfter: text,
  startedAt: nullable(text),
  finishedAt: nullable(text),
  updatedAt: text,
  approval: nullable(record({ id: text, state: text, required: number, agreed: number, expiresAt: text })),
  expectedDuration: nullable(expectation),
}
export const execution = record(executionFields)
export type Execution = Read<typeof execution>

const reason = record({ policy: text, reason: text, fix: text })
const mayApprove = record({
  count: number,
  /** The first ten; null for who may not know them. */
  people: nullable(listOf(record({ id: text, name: text, hears: record({ state: text, until: nullable(text) }) }))),
  you: record({ may: truth, reason: nullable(text) }),
})
export type MayApprove = Read<typeof mayApprove>

/** Members of what would happen, to a task and to one that is not sent yet. */
export const previewFields = {
  readAt: text,
  answer: record({ accepted: truth, state: nullable(text), code: nullable(text), message: nullable(text) }),
  connector: nullable(record({ name: nullable(text), why: text })),
  target: nullable(
    record({
      kind: text,
      displayName: text,
      identifier: text,
      controlled: truth,
      online: nullable(truth),
      lastSeenAt: nullable(text),
      already: nullable(truth),
      state: nullable(record({ programs: nullable(programs) })),
      heldBy: listOf(record({ taskId: text, incidentId: text })),
    }),
  ),
  connections: record({ known: truth, reason: nullable(text), total: nullable(number), listed: listOf(text) }),
  policy: nullable(
    record({
      decision: text,
      tier: number,
      approvals: number,
      reasons: listOf(reason),
      dispatchPaused: truth,
      holdOnPhones: truth,
    }),
  ),
  mayApprove: nullable(mayApprove),
  reversible: record({ possible: truth, how: text }),
  expectedDuration: nullable(expectation),
  parameters: map,
  deadlineSeconds: number,
}
export const preview = record(previewFields)
export type Preview = Read<typeof preview>

export const approval = record({
  id: text,
  executionId: text,
  taskId: text,
  state: text,
  required: number,
  digest: text,
  seen: record({
    displayName: nullable(text),
    kind: text,
    actionType: text,
    target: nullable(target),
    connector: nullable(text),
    reasons: listOf(reason),
  }),
  requestedBy: person,
  proposedBy: nullable(record({ id: text })),
  votes: listOf(record({ by: person, decision: text, comment: nullable(text), at: text })),
  requestedAt: text,
  expiresAt: text,
  decidedAt: nullable(text),
  agreed: number,
  mayApprove: nullable(mayApprove),
})
export type Approval = Read<typeof approval>

export const auditEntry = record({
  seq: number,
  time: text,
  actorId: text,
  actorKind: text,
  actorName: text,
  action: text,
  objectType: text,
  objectId: text,
  decision: text,
  code: nullable(text),
  reason: nullable(text),
  requestId: nullable(text),
  beforeDigest: nullable(text),
  afterDigest: nullable(text),
  details: anything,
  hash: text,
})
export type AuditEntry = Read<typeof auditEntry>

/** A page of a list. */
export interface Page<T> {
  readonly value: readonly T[]
  readonly nextLink: string | null
  /** Of all pages; null unless asked for. */
  readonly count: number | null
}

/** Reads a page of a list of these. */
export function pageOf<T>(item: Reader<T>): Reader<Page<T>> {
  const envelope = record({ value: listOf(item), '@odata.nextLink': nullable(text), '@odata.count': nullable(number) })
  return (value, at) => {
    const read = envelope(value, at)
    return { value: read.value, nextLink: read['@odata.nextLink'], count: read['@odata.count'] }
  }
}
