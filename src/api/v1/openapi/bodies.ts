import type { TypeName } from '../../../model/generated.ts'
import type { BodyKind } from '../../route.ts'
import { refTo, type Schema, schemaName } from './schemas.ts'

/** Schemas by media type. */
export type Content = { readonly [mediaType: string]: { readonly schema: Schema } }

/** What an operation takes and gives; null for no body. */
export interface Bodies {
  readonly request: Content | null
  readonly response: Content | null
}

interface Known {
  readonly request?: Schema
  readonly response?: Content | null
}

const comment: Schema = {
  type: 'object',
  required: ['comment'],
  properties: { comment: { type: 'string', maxLength: 30_000 } },
  patternProperties: { '^@odata\\.type$': { type: 'string' } },
  additionalProperties: false,
}
const comments: Schema = { type: 'array', items: comment, minItems: 1 }
const severalComments: Schema = {
  anyOf: [comment, comments, { type: 'object', required: ['value'], properties: { value: comments } }],
}
const number: Content = { 'text/plain': { schema: { type: 'integer' } } }
const commentList = json(listOf(refTo(schemaName('alertComment'))))

/** Operations whose bodies the contract declares. */
const operations: Readonly<Record<string, Known>> = {
  listIncidents: listed('incident'),
  countIncidents: { response: number },
  getIncident: entity('incident'),
  updateIncident: updated('incident'),
  createIncidentComment: { request: comment, response: commentList },
  mergeIncidents: { request: refTo('mergeIncidents.parameters'), response: json(merged()) },
  listIncidentAlerts: listed('alert'),
  countIncidentAlerts: { response: number },
  getIncidentAlert: entity('alert'),
  createIncidentAlertComment: { request: severalComments, response: commentList },
  listAlerts: listed('alert'),
  countAlerts: { response: number },
  createAlert: { request: refTo(schemaName('alert', 'create')), response: json(refTo(schemaName('alert'))) },
  getAlert: entity('alert'),
  updateAlert: updated('alert'),
  createAlertComment: { request: severalComments, response: commentList },
  moveAlerts: { request: refTo('moveAlerts.parameters'), response: json(merged()) },
  listIncidentTasks: listed('incidentTask'),
  countIncidentTasks: { response: number },
  createIncidentTask: {
    request: refTo(schemaName('incidentTask', 'create')),
    response: json(refTo(schemaName('incidentTask'))),
  },
  getIncidentTask: entity('incidentTask'),
  getTaskIncident: entity('incident'),
  updateIncidentTask: updated('incidentTask'),
  executeResponseAction: { response: null },
  getMetadata: { response: { 'application/xml': { schema: { type: 'string' } }, ...json({ type: 'object' }) } },
}

/** The bodies of an operation; of one the contract does not declare, what its route says. */
export function bodyOf(operation: string, body: BodyKind): Bodies {
  const known: Known = operations[operation] ?? {}
  return {
    request: known.request === undefined ? plainRequest(body) : json(known.request),
    response: known.response === undefined ? json({ type: 'object' }) : known.response,
  }
}

function plainRequest(body: BodyKind): Content | null {
  switch (body) {
    case 'none':
      return null
    case 'json':
    case 'optional-json':
      return json({})
    case 'form':
      return { 'application/x-www-form-urlencoded': { schema: { type: 'object' } } }
    case 'bytes':
      return { 'application/json': { schema: {} }, 'application/x-ndjson': { schema: {} }, 'text/csv': { schema: {} } }
  }
}

const options: Readonly<Record<string, Schema>> = {
  $filter: { type: 'string' },
  $orderby: { type: 'string' },
  $select: { type: 'string' },
  $expand: { type: 'string' },
  $top: { type: 'integer', minimum: 0 },
  $skip: { type: 'integer', minimum: 0 },
  $count: { type: 'boolean' },
  $skiptoken: { type: 'string' },
  $format: { type: 'string' },
}

/** The query options of an operation, as OpenAPI parameters. @source design contract 3.2 */
export function queryOf(operation: string): Schema[] {
  const known = operations[operation]
  if (known === undefined || known.request !== undefined || known.response === null) return []
  const names = /^list/.test(operation)
    ? Object.keys(options)
    : /^count/.test(operation)
      ? ['$filter']
      : /^get(Incident|Alert|Task)/.test(operation)
        ? ['$select', '$expand', '$format']
        : ['$format']
  return names.map((name) => ({ name, in: 'query', required: false, schema: options[name] }))
}

function json(schema: Schema): Content {
  return { 'application/json': { schema } }
}

function listOf(item: Schema): Schema {
  return {
    type: 'object',
    required: ['value'],
    properties: {
      '@odata.context': { type: 'string' },
      '@odata.count': { type: 'integer' },
      '@odata.nextLink': { type: 'string', format: 'uri' },
      value: { type: 'array', items: item },
    },
    additionalProperties: false,
  }
}

function listed(type: TypeName): Known {
  return { response: json(listOf(refTo(schemaName(type)))) }
}

function entity(type: TypeName): Known {
  return { response: json(refTo(schemaName(type))) }
}

function updated(type: TypeName): Known {
  return { request: refTo(schemaName(type, 'update')), response: json(refTo(schemaName(type))) }
}

function merged(): Schema {
  return {
    type: 'object',
    required: ['targetIncidentId'],
    properties: { '@odata.context': { type: 'string' }, targetIncidentId: { type: 'string' } },
    additionalProperties: false,
  }
}
