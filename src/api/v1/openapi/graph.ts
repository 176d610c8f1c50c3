import type { TypeName } from '../../../model/generated.ts'
import { confirmations } from '../../../model/safety/policy.ts'
import {
  type Content,
  type Described,
  type DescribedOperations,
  header,
  json,
  listOf,
  plainText,
  query,
  record,
  refTo,
  type Schema,
  textOf,
} from './content.ts'
import { schemaName } from './schemas.ts'

const options = {
  $filter: query('$filter', { type: 'string' }, 'OData filter over the properties of the type.'),
  $orderby: query('$orderby', { type: 'string' }, 'Properties to sort by, each with asc or desc.'),
  $select: query('$select', { type: 'string' }, 'Properties to answer; the id always comes with them.'),
  $expand: query('$expand', { type: 'string' }, 'Navigation to answer whole, with options of its own in parentheses.'),
  $top: query('$top', { type: 'integer', minimum: 0 }, 'Rows a page holds.'),
  $skip: query('$skip', { type: 'integer', minimum: 0 }, 'Rows to pass over.'),
  $count: query('$count', { type: 'boolean' }, 'Whether @odata.count tells how many rows there are in all.'),
  $skiptoken: query('$skiptoken', { type: 'string' }, 'Place of the next page; only ever taken from a link.'),
  $format: query('$format', { type: 'string' }, 'Media type of the answer, before Accept.'),
} as const
const collectionOptions = Object.values(options)
const entityOptions = [options.$select, options.$expand, options.$format]

const hiddenMembers = header(
  'Prefer',
  'include-unknown-enum-members shows the members of evolvable enums that are hidden.',
)
const minimal = header('Prefer', 'return=minimal answers 204 without a body; include-unknown-enum-members as on reads.')
const ifMatch = header('If-Match', 'The ETag the resource must have, or *.')
const idempotency = header('client-request-id', 'A GUID; the same one within 24 hours gets the first answer again.', {
  type: 'string',
  format: 'uuid',
})

const confirmation = header(
  'Cordon-Confirmation',
  'How a person confirmed it, for the audit log. 403 for held unless the policy allows it.',
  { type: 'string', enum: [...confirmations] },
)

const comment: Schema = {
  type: 'object',
  required: ['comment'],
  properties: { comment: { type: 'string', maxLength: 30_000 } },
  patternProperties: { '^@odata\\.type$': { type: 'string' } },
  additionalProperties: false,
}
const comments = listOf(comment, { minItems: 1 })
const severalComments: Schema = {
  anyOf: [comment, comments, { type: 'object', required: ['value'], properties: { value: comments } }],
}
const commentList = json(pageOf(refTo(schemaName('alertComment'))))
const merged = json(
  record({ '@odata.context': { type: 'string' }, targetIncidentId: { type: 'string' } }, ['@odata.context']),
)

/** The operations Microsoft documents. */
export const graphOperations: DescribedOperations = {
  getServiceDocument: {
    response: json(
      record({
        '@odata.context': textOf(),
        value: listOf(record({ name: textOf(), kind: textOf('Singleton', 'EntitySet'), url: textOf() })),
      }),
    ),
  },
  getMetadata: {
    summary: 'The OData metadata, as EDMX or as CSDL JSON',
    query: [options.$format],
    response: {
      'application/xml': { schema: { type: 'string' } },
      ...json({ type: 'object', additionalProperties: true }),
    },
  },
  listIncidents: listed('incident'),
  countIncidents: counted(),
  getIncident: entity('incident'),
  updateIncident: updated('incident'),
  createIncidentComment: { request: json(comment), response: commentList },
  mergeIncidents: { request: json(refTo('mergeIncidents.parameters')), response: merged },
  listIncidentAlerts: listed('alert'),
  countIncidentAlerts: counted(),
  getIncidentAlert: entity('alert'),
  createIncidentAlertComment: { request: json(severalComments), response: commentList },
  listAlerts: listed('alert'),
  countAlerts: counted(),
  createAlert: created('alert'),
  getAlert: entity('alert'),
  updateAlert: updated('alert'),
  createAlertComment: { request: json(severalComments), response: commentList },
  moveAlerts: { request: json(refTo('moveAlerts.parameters')), response: merged },
  listIncidentTasks: listed('incidentTask'),
  countIncidentTasks: counted(),
  createIncidentTask: created('incidentTask'),
  getIncidentTask: entity('incidentTask'),
  getTaskIncident: entity('incident'),
  updateIncidentTask: updated('incidentTask'),
  executeResponseAction: {
    summary: "Run the task's response action; what became of it stands in actionStatus",
    request: json({ type: 'object', additionalProperties: true }),
    headers: [idempotency, confirmation],
  },
  runHuntingQuery: { summary: 'Not offered; answers 501' },
}

/** A page of a collection. */
export function pageOf(item: Schema): Schema {
  return record(
    {
      '@odata.context': { type: 'string' },
      '@odata.count': { type: 'integer' },
      '@odata.nextLink': { type: 'string', format: 'uri' },
      value: listOf(item),
    },
    ['@odata.context', '@odata.count', '@odata.nextLink'],
  )
}

function entityContent(type: TypeName): Content {
  return json(refTo(schemaName(type)))
}

function listed(type: TypeName): Described {
  return { query: collectionOptions, headers: [hiddenMembers], response: json(pageOf(refTo(schemaName(type)))) }
}

function counted(): Described {
  return { query: [options.$filter], response: plainText({ type: 'integer' }) }
}

function entity(type: TypeName): Described {
  return { query: entityOptions, headers: [hiddenMembers], response: entityContent(type) }
}

function created(type: TypeName): Described {
  return { request: json(refTo(schemaName(type, 'create'))), response: entityContent(type) }
}

function updated(type: TypeName): Described {
  return {
    headers: [ifMatch, minimal],
    request: json(refTo(schemaName(type, 'update'))),
    response: entityContent(type),
  }
}
