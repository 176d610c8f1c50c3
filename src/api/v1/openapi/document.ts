import { type ErrorName, errorKinds } from '../../../model/errors.ts'
import type { BodyKind, Route } from '../../route.ts'
import { agentOperations, agentSchemas } from './agent.ts'
import { connectorOperations, connectorSchemas } from './connectors.ts'
import { type Content, type Described, type DescribedOperations, json, refTo, type Schema } from './content.ts'
import { extensionOperations, extensionSchemas } from './extensions.ts'
import { graphOperations } from './graph.ts'
import { memberOperations, memberSchemas } from './members.ts'
import { ownOperations, ownSchemas } from './own.ts'
import { peopleOperations, peopleSchemas } from './people.ts'
import { reportOperations } from './reports.ts'
import { safetyOperations, safetySchemas } from './safety.ts'
import { listSchemas } from './schemas.ts'
import { viewOperations, viewSchemas } from './views.ts'

/** What an operation promises: a row of `spec/behaviour.json`. */
export interface OperationRow {
  readonly operation: string
  readonly method: string
  /** Below the version, or from the root when `versions` is empty. `{name}` stands for a parameter. */
  readonly path: string
  readonly versions: readonly string[]
  readonly access: Route['access']['kind']
  readonly permissions: readonly string[]
  readonly success: readonly number[]
  /** Refusals of its own. */
  readonly codes: readonly ErrorName[]
}

/** Pages for people, with what only they call. */
const pages = /^\/($|t\/|assets\/|login|auth\/|error|api\/v1\/docs)/

const described: DescribedOperations = {
  ...graphOperations,
  ...extensionOperations,
  ...ownOperations,
  ...safetyOperations,
  ...connectorOperations,
  ...peopleOperations,
  ...reportOperations,
  ...viewOperations,
  ...memberOperations,
  ...agentOperations,
}

/** Statuses that say when to come again. */
const patient = new Set<number>([errorKinds.TooManyRequests.status, errorKinds.ServiceUnavailable.status])

/**
 * The OpenAPI 3.1 description of the operations a server has.
 * @param rows of the specification; one without a route is left out
 * @param routes of this server
 */
export function describeOperations(rows: readonly OperationRow[], routes: readonly Route[]): Schema {
  const known = new Map(routes.map((route) => [`${route.method} ${keyOf(route.path)}`, route]))
  const paths: Record<string, Record<string, Schema>> = {}
  for (const row of rows) {
    if (row.versions.length === 0 && pages.test(row.path)) continue
    for (const version of row.versions.length === 0 ? [''] : row.versions) {
      const path = version === '' ? row.path : `/${version}${row.path}`
      const route = known.get(`${row.method} ${keyOf(path)}`)
      if (route === undefined) continue
      const item = paths[path] ?? {}
      item[row.method.toLowerCase()] = describeOperation(row, version, route.body)
      paths[path] = item
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Cordon',
      version: '1',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        "Security incidents, alerts, incident tasks and response actions in the shape of Microsoft Graph, and Cordon's own operations beside them. Bound actions answer to their qualified names as well, such as microsoft.graph.security.mergeIncidents.",
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: {
        ...listSchemas(),
        ...extensionSchemas,
        ...ownSchemas,
        ...safetySchemas,
        ...connectorSchemas,
        ...peopleSchemas,
        ...viewSchemas,
        ...memberSchemas,
        ...agentSchemas,
      },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A token of /{tenant}/oauth2/v2.0/token, by client credentials.',
        },
      },
      headers: {
        'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 } },
      },
      responses: {
        error: { description: 'Refused, or failed.', content: json(refTo('error')) },
        busy: {
          description: 'Not now.',
          headers: { 'Retry-After': { $ref: '#/components/headers/Retry-After' } },
          content: json(refTo('error')),
        },
      },
    },
  }
}

/** A version's root answers with and without a slash at its end. */
function keyOf(path: string): string {
  const plain = path.replaceAll(/:\w+|\{\w+\}/g, '{}').toLowerCase()
  return plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain
}

function describeOperation(row: OperationRow, version: string, body: BodyKind): Schema {
  const about = described[row.operation] ?? undescribed(body)
  const isSecond = version === 'beta' && row.versions.length > 1
  const guarded = row.access === 'permissions'
  const { request } = about
  return {
    operationId: isSecond ? `${row.operation}Beta` : row.operation,
    summary: about.summary ?? inWords(row.operation),
    tags: [tagOf(row, version)],
    ...(guarded
      ? {
          security: [{ bearer: [] }],
          description: `Needs one of: ${row.permissions.join(', ')}.`,
          'x-permissions': row.permissions,
        }
      : { security: [] }),
    parameters: [...describePath(row.path, about), ...(about.query ?? []), ...(about.headers ?? [])],
    ...(request === undefined ? {} : { requestBody: { required: body !== 'optional-json', content: request } }),
    responses: describeResponses(row, about, guarded),
  }
}

function tagOf(row: OperationRow, version: string): string {
  if (version !== '') return version
  if (row.path.startsWith('/{tenant}/')) return 'sign-in'
  return row.path.startsWith('/api/v1/agent/') ? 'agent' : 'cordon'
}

function describePath(path: string, about: Described): Schema[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: about.path?.[name] ?? { type: 'string' },
  }))
}

function describeResponses(row: OperationRow, about: Described, guarded: boolean): Schema {
  const statuses = new Set<number>(row.codes.map((code) => errorKinds[code].status))
  if (guarded) for (const status of [401, 403, 429]) statuses.add(status)
  const { refusal } = about
  const error = (status: number): Schema => {
    if (refusal !== undefined) return { description: 'Refused.', content: json(refusal) }
    return { $ref: `#/components/responses/${patient.has(status) ? 'busy' : 'error'}` }
  }
  return {
    ...Object.fromEntries(row.success.map((status) => [status, describeSuccess(status, about.response)])),
    ...Object.fromEntries([...statuses].sort().map((status) => [status, error(status)])),
    default: error(0),
  }
}

/** What a route tells of an operation that nobody has described. */
function undescribed(body: BodyKind): Described {
  const response = json({})
  switch (body) {
    case 'none':
      return { response }
    case 'json':
    case 'optional-json':
      return { request: json({}), response }
    case 'form':
      return { request: { 'application/x-www-form-urlencoded': { schema: { type: 'object' } } }, response }
    case 'bytes':
      return { request: { 'application/octet-stream': { schema: {} } }, response }
  }
}

function describeSuccess(status: number, content: Content | undefined): Schema {
  if (status === 204 || content === undefined) return { description: 'Done; no body.' }
  return { description: 'Done.', content }
}

/** `listIncidentTasks`: List incident tasks. */
function inWords(operation: string): string {
  const words = operation.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}
