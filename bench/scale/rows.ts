import { instantOf } from '../../src/io/clock.ts'
import type {
  AlertClassification,
  AlertDetermination,
  AlertSeverity,
  AlertStatus,
  IncidentStatus,
  ServiceSource,
} from '../../src/model/generated.ts'
import { completeEntity } from '../../src/model/graph-validate.ts'
import { type AlertDoc, toAlertRow } from '../../src/store/alerts.ts'
import { type IncidentDoc, toIncidentRow } from '../../src/store/incidents.ts'
import type { AlertEntityRow, AlertRow, IncidentRow, TaskRow } from '../../src/store/schema.ts'
import { type TaskDoc, toTaskRow } from '../../src/store/tasks.ts'
import { seededRandom } from '../random.ts'

/** Rows of the tables a list reads, made together. */
export interface SeedRows {
  readonly incidents: IncidentRow[]
  readonly alerts: AlertRow[]
  readonly alert_entities: AlertEntityRow[]
  readonly tasks: TaskRow[]
}

/** The tables that are filled, in the order of writing. */
export const seededTables: readonly (keyof SeedRows)[] = ['incidents', 'alerts', 'alert_entities', 'tasks']

/** What a seeded database holds. */
export interface SeedPlan {
  readonly tenantId: string
  /** Has a twentieth as many, made in between. */
  readonly otherTenantId: string
  readonly incidents: number
  /** Of each incident; 3 without. */
  readonly alertsPerIncident?: number | undefined
}

/** Whatever the size, everything happened between these two. */
const firstMs = Date.parse('2025-07-01T00:00:00Z')
const lastMs = Date.parse('2026-07-01T00:00:00Z')
const yearMs = lastMs - firstMs
const usualAlerts = 3

/** Somebody who has 25 incidents, whatever the size. */
export const rareAssignee = 'new.hire@contoso.example'

type Weighted<T> = readonly (readonly [value: T, weight: number])[]

const severities: Weighted<AlertSeverity> = [
  ['informational', 20],
  ['low', 30],
  ['medium', 35],
  ['high', 15],
]
const statuses: Weighted<IncidentStatus> = [
  ['resolved', 82],
  ['active', 10],
  ['inProgress', 6],
  ['awaitingAction', 1],
  ['redirected', 1],
]
const verdicts: Weighted<readonly [AlertClassification, AlertDetermination]> = [
  [['falsePositive', 'notMalicious'], 35],
  [['falsePositive', 'notEnoughDataToValidate'], 10],
  [['truePositive', 'malware'], 12],
  [['truePositive', 'phishing'], 15],
  [['truePositive', 'compromisedAccount'], 6],
  [['informationalExpectedActivity', 'securityTesting'], 8],
  [['informationalExpectedActivity', 'lineOfBusinessApplication'], 9],
  [['unknown', 'unknown'], 5],
]
const sources: Weighted<ServiceSource> = [
  ['microsoftDefenderForEndpoint', 45],
  ['microsoftDefenderForOffice365', 20],
  ['microsoftSentinel', 15],
  ['azureAdIdentityProtection', 10],
  ['microsoftDefenderForCloudApps', 8],
  ['dataLossPrevention', 2],
]
const categories = ['Execution', 'InitialAccess', 'LateralMovement', 'CredentialAccess', 'Exfiltration', 'Discovery']
/** Such titles name the host: one in six is of a rule that writes them so. */
const newDomain = 'Connection to a new domain'
const titles = [
  'Suspicious PowerShell command line',
  'Sign-in from an unusual country',
  'Malware was blocked',
  'Possible password spray',
  'Unusual volume of deleted files',
  newDomain,
]

function pick<T>(items: Weighted<T>, random: () => number): T {
  let rest = random() * items.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [value, weight] of items) {
    rest -= weight
    if (rest < 0) return value
  }
  throw new TypeError('nothing to pick from')
}

function pickEvenly<T>(items: readonly T[], random: () => number): T {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new TypeError('nothing to pick from')
  return item
}

interface Templates {
  readonly incident: IncidentDoc
  readonly alert: AlertDoc
  readonly task: TaskDoc
}

/** Entities with every property; each row then differs in those that matter. */
function makeTemplates(): Templates {
  const at = instantOf(firstMs)
  const { incidentWebUrl: _, ...incident } = completeEntity(
    'incident',
    { id: '0', tenantId: '', displayName: '', status: 'active', severity: 'low' },
    at,
  )
  const {
    alertWebUrl: _a,
    incidentWebUrl: _b,
    incidentId: _c,
    ...alert
  } = completeEntity(
    'alert',
    {
      id: '',
      tenantId: '',
      title: '',
      description: 'A process started with a command line that attackers use to hide what they run.',
      recommendedActions: 'Isolate the device, look at what the process started, and reset the account it ran under.',
      mitreTechniques: ['T1059.001', 'T1105'],
      severity: 'low',
      status: 'new',
      serviceSource: 'unknown',
      evidence: [
        {
          '@odata.type': '#microsoft.graph.security.deviceEvidence',
          createdDateTime: at,
          hostName: '',
          deviceDnsName: '',
          tags: [],
        },
        { '@odata.type': '#microsoft.graph.security.ipEvidence', createdDateTime: at, ipAddress: '' },
      ],
    },
    at,
  )
  const task = completeEntity(
    'incidentTask',
    {
      id: '',
      displayName: 'Isolate the device until it is clean',
      description: 'The device talks to a server that attackers use.',
      status: 'open',
      source: 'defenderExpertsGuidedResponse',
      actionType: 'isolateDevice',
      actionStatus: 'notStarted',
      responseAction: null,
      createdByDisplayName: 'expert',
      lastModifiedByDisplayName: 'expert',
    },
    at,
  )
  return { incident, alert, task }
}

/** Makes the rows of a database in batches of about `batch` incidents; the same on every run. */
export function* makeSeedRows(plan: SeedPlan, batch: number): Generator<SeedRows> {
  const random = seededRandom(11)
  const templates = makeTemplates()
  const total = plan.incidents + Math.floor(plan.incidents / 20)
  let rows: SeedRows = { incidents: [], alerts: [], alert_entities: [], tasks: [] }
  for (let id = 1; id <= total; id++) {
    // Every 21st is the other tenant's.
    const tenantId = id % 21 === 0 ? plan.otherTenantId : plan.tenantId
    addIncident(rows, templates, { id, tenantId, total, alerts: plan.alertsPerIncident ?? usualAlerts }, random)
    if (rows.incidents.length < batch) continue
    yield rows
    rows = { incidents: [], alerts: [], alert_entities: [], tasks: [] }
  }
  if (rows.incidents.length > 0) yield rows
}

interface Place {
  readonly id: number
  readonly tenantId: string
  readonly total: number
  readonly alerts: number
}

function addIncident(rows: SeedRows, templates: Templates, place: Place, random: () => number): void {
  const { id, tenantId, total, alerts } = place
  const createdMs = firstMs + Math.floor((id / total) * yearMs)
  const laterMs = createdMs + Math.floor(random() ** 3 * 3 * 86_400_000)
  const updatedMs = laterMs > lastMs ? createdMs : laterMs
  const status = pick(statuses, random)
  const severity = pick(severities, random)
  const [classification, determination] =
    status === 'resolved' ? pick(verdicts, random) : (['unknown', 'unknown'] as const)
  const isRare = id % Math.floor(total / 25) === 1
  const assignee = random() < 0.4 ? null : `analyst.${Math.floor(random() ** 2 * 40)}@contoso.example`
  const assignedTo = isRare ? rareAssignee : assignee
  const host = `web-${Math.floor(random() * 5_000)}`
  const doc: IncidentDoc = {
    ...templates.incident,
    id: String(id),
    tenantId,
    displayName: `Multi-stage incident involving initial access and lateral movement on ${host}`,
    status,
    severity,
    classification,
    determination,
    assignedTo,
    customTags: random() < 0.01 ? ['vip', `site-${id % 40}`] : [`site-${id % 40}`],
    priorityScore: Math.floor(random() * 100),
    redirectIncidentId: status === 'redirected' ? String(Math.max(1, id - 1)) : null,
    createdDateTime: instantOf(createdMs),
    lastUpdateDateTime: instantOf(updatedMs),
  }
  const last = instantOf(createdMs + (alerts - 1) * 1_000)
  const alertCount = alerts
  rows.incidents.push(
    toIncidentRow({
      doc,
      firstActivityAt: doc.createdDateTime,
      lastActivityAt: last,
      alertCount,
      personSet: [],
      version: 1,
    }),
  )
  for (let at = 0; at < alerts; at++) {
    addAlert(rows, templates.alert, { incident: doc, host, at, createdMs: createdMs + at * 1_000 }, random)
  }
  if (id % 5 === 0) addTask(rows, templates.task, doc, random)
}

interface AlertPlace {
  readonly incident: IncidentDoc
  readonly host: string
  readonly at: number
  readonly createdMs: number
}

const alertStatuses: Readonly<Partial<Record<IncidentStatus, AlertStatus>>> = {
  resolved: 'resolved',
  inProgress: 'inProgress',
}

function addAlert(rows: SeedRows, template: AlertDoc, place: AlertPlace, random: () => number): void {
  const { incident, host, at, createdMs } = place
  const created = instantOf(createdMs)
  const updated = incident.lastUpdateDateTime
  // As intake makes them: the time, then what looks random.
  const seconds = Math.floor(createdMs / 1_000).toString(16)
  const id = `cd${seconds}${(Number(incident.id) * 64 + at).toString(16).padStart(24, '0')}`
  const address = `198.51.${Math.floor(random() * 100)}.${Math.floor(random() * 250)}`
  const [device, ip] = template.evidence
  const named = pickEvenly(titles, random)
  const status = alertStatuses[incident.status] ?? 'new'
  const doc: AlertDoc = {
    ...template,
    id,
    tenantId: incident.tenantId,
    providerAlertId: id,
    title: named === newDomain ? `${named} from ${host}` : named,
    category: pickEvenly(categories, random),
    status,
    severity: pick(severities, random),
    classification: status === 'resolved' ? incident.classification : null,
    determination: status === 'resolved' ? incident.determination : null,
    serviceSource: pick(sources, random),
    assignedTo: incident.assignedTo,
    createdDateTime: created,
    lastUpdateDateTime: updated > created ? updated : created,
    firstActivityDateTime: created,
    lastActivityDateTime: created,
    evidence: [
      { ...device, hostName: host, deviceDnsName: `${host}.example.com` },
      { ...ip, ipAddress: address },
    ] as AlertDoc['evidence'],
  }
  rows.alerts.push(toAlertRow({ doc, incidentId: incident.id, source: 'bench', providerAlertId: id, version: 1 }))
  const tenant_id = incident.tenantId ?? ''
  rows.alert_entities.push(
    { tenant_id, alert_id: id, kind: 'device', value: host },
    { tenant_id, alert_id: id, kind: 'address', value: address },
  )
}

function addTask(rows: SeedRows, template: TaskDoc, incident: IncidentDoc, random: () => number): void {
  const isDone = incident.status === 'resolved'
  const doc: TaskDoc = {
    ...template,
    id: `00000000-0000-4000-8000-${incident.id.padStart(12, '0')}`,
    status: isDone ? 'completed' : 'open',
    actionStatus: isDone ? (random() < 0.9 ? 'completed' : 'failed') : 'notStarted',
    actionType: random() < 0.5 ? 'isolateDevice' : 'text',
    createdDateTime: incident.createdDateTime,
    lastModifiedDateTime: incident.lastUpdateDateTime,
  }
  const task = {
    tenantId: incident.tenantId ?? '',
    doc,
    incidentId: incident.id,
    proposedBy: null,
    reopened: false,
    version: 1,
  }
  rows.tasks.push(toTaskRow(task))
}
