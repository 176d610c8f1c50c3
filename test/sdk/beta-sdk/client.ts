// Run by beta-sdk.test.ts in a process of its own, because the CA to trust is read when Node starts. Its input comes as JSON on standard
// input, what it saw goes out as one JSON line a step.
//
// The published SDK has models and request adapter, but none of the fluent builders of /security; so the requests are put together here
// with the URL templates such builders have.
import { ClientSecretCredential } from '@azure/identity'
import {
  HttpMethod,
  type ModelSerializerFunction,
  type Parsable,
  type ParsableFactory,
  type ParseNode,
  RequestInformation,
  type SerializationWriter,
} from '@microsoft/kiota-abstractions'
import { AzureIdentityAuthenticationProvider } from '@microsoft/kiota-authentication-azure'
import { GraphBetaRequestAdapter } from '@microsoft/msgraph-beta-sdk'
import { createODataErrorFromDiscriminatorValue } from '@microsoft/msgraph-beta-sdk/models/oDataErrors/index.js'
import * as models from '@microsoft/msgraph-beta-sdk/models/security/index.js'
import { BatchRequestContent, PageIterator } from '@microsoft/msgraph-sdk-core'
import type { SdkInput } from './input.ts'
import { dropHollow } from './samples.ts'

const input: SdkInput = JSON.parse(await new Response(process.stdin).text())
const credential = new ClientSecretCredential(input.tenant, input.clientId, input.clientSecret, {
  authorityHost: input.url,
  disableInstanceDiscovery: true,
})
const hosts = new Set(['localhost', new URL(input.url).host])
const scopes = ['https://graph.microsoft.com/.default']
const adapter = new GraphBetaRequestAdapter(
  new AzureIdentityAuthenticationProvider(credential, scopes, undefined, hosts),
)
adapter.baseUrl = `${input.url}/beta`
const errors = { XXX: createODataErrorFromDiscriminatorValue }

const incidentPath = '/security/incidents/{id}{?%24expand,%24select}'
const alertPath = '/security/alerts_v2/{id}'
const taskPath = '/security/incidentTasks/{id}{?%24expand,%24select}'

function report(step: string, result: unknown): void {
  console.log(JSON.stringify({ step, result }))
}

function ask(method: HttpMethod, path: string, parameters: Record<string, unknown> = {}): RequestInformation {
  const request = new RequestInformation(method, `{+baseurl}${path}`, { baseurl: adapter.baseUrl, ...parameters })
  request.headers.tryAdd('Accept', 'application/json')
  return request
}

function tell<T extends Parsable>(request: RequestInformation, value: T | T[], write: ModelSerializerFunction<T>) {
  request.setContentFromParsable(adapter, 'application/json', value, write)
  return request
}

async function send<T extends Parsable>(request: RequestInformation, factory: ParsableFactory<T>): Promise<T> {
  const answer = await adapter.send<T>(request, factory, errors)
  if (answer === undefined) throw new Error(`nothing came from ${request.URL}`)
  return answer
}

/** The SDK's own serializer of the type an `@odata.type` names. */
function serializerOf(odataType: string): ModelSerializerFunction<Parsable> {
  const name = odataType.slice(odataType.lastIndexOf('.') + 1)
  const found: unknown = Reflect.get(models, `serialize${name.charAt(0).toUpperCase()}${name.slice(1)}`)
  if (!isSerializer(found)) throw new Error(`the SDK has no serializer of ${odataType}`)
  return found
}

function isSerializer(value: unknown): value is ModelSerializerFunction<Parsable> {
  return typeof value === 'function'
}

/**
 * Writes a value by the serializer of its own type. The SDK's serializers of a base type leave out what a derived type adds, so the
 * derived one is named where the declared type is a base.
 */
function writeByType(writer: SerializationWriter, value?: { readonly odataType?: string | null } | null): void {
  if (value) serializerOf(value.odataType ?? '')(writer, value)
}

function writeTask(writer: SerializationWriter, task?: models.IncidentTask | null): void {
  const { responseAction, ...rest } = task ?? {}
  models.serializeIncidentTask(writer, rest)
  if (responseAction) writer.writeObjectValue('responseAction', responseAction, writeByType)
}

function writeAlert(writer: SerializationWriter, alert?: models.Alert | null): void {
  const { evidence, ...rest } = alert ?? {}
  models.serializeAlert(writer, rest)
  writer.writeCollectionOfObjectValues('evidence', evidence ?? undefined, writeByType)
}

async function walkIncidents(): Promise<(string | null | undefined)[]> {
  const request = ask(HttpMethod.GET, '/security/incidents{?%24orderby,%24top}', {
    '%24orderby': 'createdDateTime',
    '%24top': 2,
  })
  const first = await send<models.IncidentCollectionResponse>(
    request,
    models.createIncidentCollectionResponseFromDiscriminatorValue,
  )
  const ids: (string | null | undefined)[] = []
  const take = (incident: models.Incident): boolean => ids.push(incident.id) > 0
  const page = { ...first, value: first.value ?? [], odataNextLink: first.odataNextLink ?? '' }
  // biome-ignore lint/suspicious/noExplicitAny: the SDK's page type and its models' nullable members do not meet
  const factory = models.createIncidentCollectionResponseFromDiscriminatorValue as ParsableFactory<any>
  await new PageIterator<models.Incident>(adapter, page, take, factory, errors).iterate()
  return ids
}

/** Reads an incident with its alerts, sets its status and sends the whole thing back. */
async function updateWholeIncident(): Promise<void> {
  const query = { id: input.incident, '%24expand': 'alerts' }
  const incident = await send<models.Incident>(
    ask(HttpMethod.GET, incidentPath, query),
    models.createIncidentFromDiscriminatorValue,
  )
  report('incident', incident)
  incident.status = models.IncidentStatusObject.InProgress
  incident.customTags = ['kiota']
  const patch = tell(ask(HttpMethod.PATCH, incidentPath, { id: input.incident }), incident, models.serializeIncident)
  report('incident after', await send<models.Incident>(patch, models.createIncidentFromDiscriminatorValue))
  const comment = tell(
    ask(HttpMethod.POST, '/security/incidents/{id}/comments', { id: input.incident }),
    { comment: 'from Kiota' },
    models.serializeAlertComment,
  )
  await adapter.sendNoResponseContent(comment, errors)
}

/** One task for each response action type, read back by the model the SDK chooses for it. */
async function makeTasks(): Promise<void> {
  for (const { actionType, responseAction } of input.actions) {
    const task: models.IncidentTask = {
      displayName: `Do ${actionType}`,
      actionType,
      source: models.IncidentTaskSourceObject.DefenderExpertsGuidedResponse,
      incident: { id: input.incident },
      responseAction,
    }
    const request = tell(ask(HttpMethod.POST, '/security/incidentTasks'), task, writeTask)
    const made = await send<models.IncidentTask>(request, models.createIncidentTaskFromDiscriminatorValue)
    let chosen = ''
    const read = await send<models.IncidentTask>(
      ask(HttpMethod.GET, taskPath, { id: made.id, '%24expand': 'incident' }),
      (node?: ParseNode) => {
        chosen = models.createIncidentTaskResponseActionFromDiscriminatorValue(
          node?.getChildNode('responseAction'),
        ).name
        return models.createIncidentTaskFromDiscriminatorValue(node)
      },
    )
    report('task', { actionType, made, read, chosen })
  }
}

/** Reads an alert's evidence, sends the typed models as a new alert, and reads that one. */
async function copyAlert(): Promise<void> {
  const read = (id: string): Promise<models.Alert> =>
    send<models.Alert>(ask(HttpMethod.GET, alertPath, { id }), models.createAlertFromDiscriminatorValue)
  const original = await read(input.alert)
  report('alert', original)
  const evidence = dropHollow(original.evidence)
  const copy: models.Alert = {
    title: 'Copy',
    severity: models.AlertSeverityObject.Low,
    ...(evidence ? { evidence } : {}),
  }
  const posted = tell(ask(HttpMethod.POST, '/security/alerts_v2'), copy, writeAlert)
  const made = await send<models.Alert>(posted, models.createAlertFromDiscriminatorValue)
  const patch = tell(
    ask(HttpMethod.PATCH, alertPath, { id: made.id }),
    { status: models.AlertStatusObject.InProgress },
    models.serializeAlert,
  )
  await send(patch, models.createAlertFromDiscriminatorValue)
  const comments = [{ comment: 'one' }, { comment: 'two' }]
  const comment = tell(
    ask(HttpMethod.POST, `${alertPath}/comments`, { id: made.id }),
    comments,
    models.serializeAlertComment,
  )
  await adapter.sendNoResponseContent(comment, errors)
  report('copy', await read(made.id ?? ''))
}

async function executeTwice(): Promise<void> {
  const path = '/security/incidentTasks/{id}/microsoft.graph.security.executeResponseAction'
  const execute = (): Promise<void> =>
    adapter.sendNoResponseContent(ask(HttpMethod.POST, path, { id: input.task }), errors)
  await execute()
  const again: unknown = await execute().catch((error: unknown) => error)
  const task = await send<models.IncidentTask>(
    ask(HttpMethod.GET, taskPath, { id: input.task }),
    models.createIncidentTaskFromDiscriminatorValue,
  )
  report('executed', { again, actionStatus: task.actionStatus })
}

/** The SDK sends the body of a batch item as base64 text without headers. */
async function patchInBatch(): Promise<void> {
  const batch = new BatchRequestContent(adapter, errors)
  const patch = tell(
    ask(HttpMethod.PATCH, '/security/incidents/{id}', { id: input.incident }),
    { summary: 'from a batch' },
    models.serializeIncident,
  )
  const ids = [batch.addBatchRequest(patch), batch.addBatchRequest(ask(HttpMethod.GET, alertPath, { id: input.alert }))]
  const answer = await batch.postAsync()
  const statuses = await answer?.getResponsesStatusCodes()
  report(
    'batch',
    ids.map(({ id }) => statuses?.get(id)),
  )
}

report('incidents', await walkIncidents())
await updateWholeIncident()
await makeTasks()
await copyAlert()
await executeTwice()
await patchInBatch()
