import { instantOf } from '../../io/clock.ts'
import type { ActionType } from '../../model/actions.ts'
import type { Draft } from '../../model/edm.ts'
import type { Alert, IncidentTask } from '../../model/generated.ts'
import { completeEntity } from '../../model/graph-validate.ts'
import type { StoredAlert } from '../../store/alerts.ts'
import type { StoredIncident } from '../../store/incidents.ts'
import type { StoredTask } from '../../store/tasks.ts'

/** The made-up host of the sample incident, on which every run is a dry run. */
export const sampleHost = 'sample-web-07'

/** Marks everything of the sample incident, for people and for whoever filters. */
const sampleTag = 'SAMPLE'

/** A whole made-up incident, ready to be stored. */
export interface Sample {
  readonly incident: StoredIncident
  readonly alerts: readonly StoredAlert[]
  readonly tasks: readonly StoredTask[]
}

/** What a sample is made for. */
export interface SampleFor {
  readonly tenantId: string
  readonly incidentId: string
  readonly nowMs: number
  readonly makeId: () => string
}

const minute = 60_000
const typeOf = (name: string): string => `#microsoft.graph.security.${name}`
const device = { '@odata.type': typeOf('deviceEvidence'), hostName: sampleHost, verdict: 'suspicious' }
const database = { '@odata.type': typeOf('deviceEvidence'), hostName: 'sample-db-02', verdict: 'suspicious' }
const file = {
  '@odata.type': typeOf('fileEvidence'),
  fileDetails: { fileName: 'upload.php', filePath: '/var/www/sample' },
  verdict: 'malicious',
}
const account = { '@odata.type': typeOf('userEvidence'), userAccount: { accountName: 'sample-kai' } }
// An address of the block that is set aside for examples. @source RFC 5737
const address = { '@odata.type': typeOf('ipEvidence'), ipAddress: '203.0.113.9', verdict: 'malicious' }

const alerts = [
  ['Web shell written through an upload form', 42, ['T1505.003', 'T1190'], [device, file, address]],
  ['Shell started by the web server', 37, ['T1059.004'], [device, file]],
  ['Sign-in at the database host with an account of the web server', 12, ['T1078'], [database, account]],
] as const

/** One of each state that a card can be in before anything has run. */
const tasks: readonly (Pick<IncidentTask, 'displayName' | 'description' | 'status'> & {
  readonly actionType: ActionType
  readonly target?: string
})[] = [
  {
    displayName: `Isolate ${sampleHost}`,
    description:
      'Try this one: the host is made up, and the run is a dry run that shows every step up to the proof. Then undo it.',
    status: 'open',
    actionType: 'isolateDevice',
    target: sampleHost,
  },
  {
    displayName: 'Disable sample-kai',
    description: 'Nothing here can do this, so the card says why and offers to note that it was done by hand.',
    status: 'open',
    actionType: 'disableUser',
    target: 'sample-kai',
  },
  {
    displayName: 'Ask the owner of the web server about the upload form',
    description: 'A task for people. Somebody works on it by hand.',
    status: 'inProgress',
    actionType: 'text',
  },
  {
    displayName: 'Save the logs of the web server',
    description: 'Done by hand: the task is completed, and Cordon ran nothing.',
    status: 'completed',
    actionType: 'text',
  },
  {
    displayName: 'Close the upload form',
    description: 'Found not to be needed.',
    status: 'notRelevant',
    actionType: 'text',
  },
  {
    displayName: 'Find the first upload in the proxy log',
    description: 'Tried by hand, without success.',
    status: 'failed',
    actionType: 'text',
  },
]

/** Makes the sample incident with its alerts and tasks. Pure; its times lie shortly before now. */
export function makeSample(wanted: SampleFor): Sample {
  return {
    incident: makeIncident(wanted),
    alerts: alerts.map((alert) => makeAlert(wanted, alert)),
    tasks: tasks.map((task) => makeTask(wanted, task)),
  }
}

function makeIncident({ tenantId, incidentId, nowMs }: SampleFor): StoredIncident {
  const opened = instantOf(nowMs - 42 * minute)
  const whole = completeEntity(
    'incident',
    {
      id: incidentId,
      tenantId,
      displayName: `${sampleTag}: Web shell on ${sampleHost}`,
      description: 'A made-up incident to look around in. Nothing of it happened, and it can be removed at any time.',
      summary: 'A web shell was written through an upload form, and the web server has started a shell since.',
      status: 'awaitingAction',
      severity: 'high',
      customTags: [sampleTag],
      createdDateTime: opened,
      lastUpdateDateTime: instantOf(nowMs),
    },
    opened,
  )
  const {
    incidentWebUrl: _link,
    alerts: _alerts,
    recommendedActions: _a,
    recommendedHuntingQueries: _q,
    ...doc
  } = whole
  const lastActivityAt = instantOf(nowMs - 12 * minute)
  return { doc, firstActivityAt: opened, lastActivityAt, alertCount: alerts.length, personSet: [], version: 0 }
}

function makeAlert(
  wanted: SampleFor,
  [title, minutesAgo, mitreTechniques, evidence]: (typeof alerts)[number],
): StoredAlert {
  const { tenantId, incidentId, nowMs, makeId } = wanted
  const at = instantOf(nowMs - minutesAgo * minute)
  const id = `cd${makeId().replaceAll('-', '')}`
  const draft = {
    id,
    tenantId,
    title: `${sampleTag}: ${title}`,
    status: 'new',
    severity: 'high',
    serviceSource: 'unknown',
    productName: sampleTag,
    providerAlertId: id,
    mitreTechniques: [...mitreTechniques],
    createdDateTime: at,
    lastUpdateDateTime: at,
    firstActivityDateTime: at,
    lastActivityDateTime: at,
    // Our own constants above, each with the discriminator of its type.
    evidence: [...evidence] as unknown as NonNullable<Draft<Alert>['evidence']>,
  } satisfies Draft<Alert>
  const {
    alertWebUrl: _link,
    incidentWebUrl: _other,
    incidentId: _incident,
    ...doc
  } = completeEntity('alert', draft, at)
  return { doc, incidentId, source: 'sample', providerAlertId: id, version: 0 }
}

function makeTask(wanted: SampleFor, { actionType, target, ...texts }: (typeof tasks)[number]): StoredTask {
  const { tenantId, incidentId, nowMs, makeId } = wanted
  const at = instantOf(nowMs - 10 * minute)
  const draft = {
    ...texts,
    id: makeId(),
    source: 'defenderExpertsGuidedResponse',
    actionType,
    actionStatus: 'notStarted',
    createdByDisplayName: sampleTag,
    createdDateTime: at,
    lastModifiedByDisplayName: sampleTag,
    lastModifiedDateTime: at,
    responseAction: actOn(actionType, target ?? ''),
  } satisfies Draft<IncidentTask>
  const { incident: _incident, ...doc } = completeEntity('incidentTask', draft, at)
  return { tenantId, doc, incidentId, proposedBy: null, reopened: false, version: 0 }
}

function actOn(actionType: ActionType, identifierValue: string): IncidentTask['responseAction'] {
  if (actionType === 'isolateDevice') {
    const type = '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction'
    return { '@odata.type': type, identifierValue, isolationType: 'full' }
  }
  if (actionType !== 'disableUser') return null
  return { '@odata.type': '#microsoft.graph.security.disableUserIncidentTaskResponseAction', identifierValue }
}
