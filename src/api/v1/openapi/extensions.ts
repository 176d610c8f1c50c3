import type { TypeName } from '../../../model/generated.ts'
import {
  count,
  type Described,
  type DescribedOperations,
  guid,
  instant,
  json,
  listOf,
  nullable,
  query,
  record,
  refTo,
  type Schema,
  textOf,
} from './content.ts'
import { pageOf } from './graph.ts'
import { schemaName } from './schemas.ts'

const anything: Schema = { description: 'JSON of the operation the item names.' }
const headers: Schema = { type: 'object', additionalProperties: { type: 'string' } }
const batchId: Schema = { type: 'string', minLength: 1, maxLength: 256 }

/** What of a subscription a client may set. */
const subscriptionInput = {
  changeType: { type: 'string', description: 'One or more of created, updated, deleted, separated by commas.' },
  notificationUrl: { type: 'string', format: 'uri' },
  lifecycleNotificationUrl: nullable({ type: 'string', format: 'uri' }),
  resource: {
    type: 'string',
    maxLength: 4096,
    description:
      'security/incidents, security/alerts_v2 or security/incidentTasks, or one member; with $filter where wanted.',
  },
  expirationDateTime: instant,
  clientState: nullable({ type: 'string', maxLength: 128 }),
  latestSupportedTlsVersion: nullable(textOf('v1_0', 'v1_1', 'v1_2', 'v1_3')),
} as const
const ignored = [
  ...['id', 'applicationId', 'creatorId', 'notificationQueryOptions', 'includeResourceData', 'encryptionCertificate'],
  ...['encryptionCertificateId', 'notificationUrlAppId'],
]
const unset: Schema = { type: 'null' }

/** Schemas of what Graph has and its metadata does not. */
export const extensionSchemas: Readonly<Record<string, Schema>> = {
  'microsoft.graph.batchRequest': record({
    requests: listOf(
      record(
        {
          id: batchId,
          method: textOf('GET', 'POST', 'PATCH', 'DELETE'),
          url: { type: 'string', description: "Below the batch's version, or with a version of its own." },
          headers,
          body: { ...anything, description: 'JSON, or base64 of it as text.' },
          dependsOn: listOf(batchId),
        },
        ['headers', 'body', 'dependsOn'],
      ),
      { minItems: 1, maxItems: 20 },
    ),
  }),
  'microsoft.graph.batchResponse': record({
    responses: listOf(
      record({ id: batchId, status: { type: 'integer' }, headers, body: anything }, ['headers', 'body']),
    ),
  }),
  'microsoft.graph.subscription': record(
    {
      id: guid,
      ...subscriptionInput,
      applicationId: nullable({ type: 'string' }),
      creatorId: { type: 'string' },
      notificationQueryOptions: unset,
      includeResourceData: unset,
      encryptionCertificate: unset,
      encryptionCertificateId: unset,
      notificationUrlAppId: unset,
      '@odata.context': { type: 'string' },
    },
    ['@odata.context'],
  ),
  'microsoft.graph.subscription.create': subscriptionBody([
    'changeType',
    'notificationUrl',
    'resource',
    'expirationDateTime',
  ]),
  'microsoft.graph.subscription.update': subscriptionBody([]),
  'cordon.removed': record({ id: textOf(), '@removed': record({ reason: textOf('changed', 'deleted') }) }),
}

function subscriptionBody(required: readonly string[]): Schema {
  return {
    type: 'object',
    properties: { ...subscriptionInput, ...Object.fromEntries(ignored.map((name) => [name, { readOnly: true }])) },
    ...(required.length === 0 ? {} : { required }),
    patternProperties: { '@': true },
    additionalProperties: false,
  }
}

const subscription = json(refTo('microsoft.graph.subscription'))

/** Batches, changes since a moment, and change notifications. */
export const extensionOperations: DescribedOperations = {
  batch: {
    summary: 'Send up to 20 requests in one',
    request: json(refTo('microsoft.graph.batchRequest')),
    response: json(refTo('microsoft.graph.batchResponse')),
  },
  deltaIncidents: delta('incident', 'incidents'),
  deltaAlerts: delta('alert', 'alerts'),
  deltaIncidentTasks: delta('incidentTask', 'incident tasks'),
  listSubscriptions: { response: json(pageOf(refTo('microsoft.graph.subscription'))) },
  createSubscription: {
    summary: 'Have changes notified to an endpoint, which must answer a validation request first',
    request: json(refTo('microsoft.graph.subscription.create')),
    response: subscription,
  },
  getSubscription: { response: subscription },
  updateSubscription: {
    summary: 'Renew a subscription, or change its endpoint',
    request: json(refTo('microsoft.graph.subscription.update')),
    response: subscription,
  },
  deleteSubscription: {},
  reauthorizeSubscription: { summary: 'Answer a reauthorizationRequired notification' },
}

function delta(type: TypeName, words: string): Described {
  const page = pageOf({ anyOf: [refTo(schemaName(type)), refTo('cordon.removed')] })
  const properties = { ...(page.properties as Schema), '@odata.deltaLink': { type: 'string', format: 'uri' } }
  return {
    summary: `All ${words} in pages, then what changed since`,
    query: [
      query('$filter', textOf(), 'OData filter; a row that no longer fits comes as removed.'),
      query('$select', textOf(), 'Properties to answer.'),
      query('$top', { ...count, minimum: 1 }, 'Rows a page holds.'),
      query('$skiptoken', textOf(), 'Place of the next page; only ever taken from a link.'),
      query(
        '$deltatoken',
        textOf(),
        'Place of the next round, taken from a link; latest begins with what changes from now on.',
      ),
    ],
    response: json({ ...page, properties }),
  }
}
