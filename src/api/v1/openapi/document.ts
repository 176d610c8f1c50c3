import { type ErrorName, errorKinds } from '../../../model/errors.ts'
import type { BodyKind, Route } from '../../route.ts'
import { bodyOf, type Content, queryOf } from './bodies.ts'
import { listSchemas, refTo, type Schema } from './schemas.ts'

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

/** Pages for people, which no client calls. */
const pages = /^\/($|t\/|assets\/|login|auth\/|error)/

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
      schemas: listSchemas(),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      responses: {
        error: { description: 'Refused, or failed.', content: { 'application/json': { schema: refTo('error') } } },
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
  const { request, response } = bodyOf(row.operation, body)
  const isSecond = version === 'beta' && row.versions.length > 1
  const guarded = row.access === 'permissions'
  const statuses = new Set<number>(row.codes.map((code) => errorKinds[code].status))
  if (guarded) for (const status of [401, 403, 429]) statuses.add(status)
  const parameters = [...row.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  return {
    operationId: isSecond ? `${row.operation}Beta` : row.operation,
    summary: describe(row.operation),
    tags: [version === '' ? 'cordon' : version],
    ...(guarded
      ? {
          security: [{ bearer: [] }],
          description: `Needs one of: ${row.permissions.join(', ')}.`,
          'x-permissions': row.permissions,
        }
      : { security: [] }),
    parameters: [...parameters, ...queryOf(row.operation)],
    ...(request === null ? {} : { requestBody: { required: body !== 'optional-json', content: request } }),
    responses: {
      ...Object.fromEntries(row.success.map((status) => [status, describeSuccess(status, response)])),
      ...Object.fromEntries([...statuses].sort().map((status) => [status, { $ref: '#/components/responses/error' }])),
      default: { $ref: '#/components/responses/error' },
    },
  }
}

function describeSuccess(status: number, content: Content | null): Schema {
  if (status === 204 || content === null) return { description: 'Done; no body.' }
  return { description: 'Done.', content }
}

/** `listIncidentTasks`: List incident tasks. */
function describe(operation: string): string {
  const words = operation.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}
