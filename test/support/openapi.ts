import assert from 'node:assert/strict'
import type { Reply } from './cordon.ts'
import { checkSchema, resolveReference } from './json-schema.ts'
import { shareCordon } from './shared-cordon.ts'

/** An operation as our OpenAPI document has it. */
export interface Operation {
  readonly operationId: string
  readonly security: readonly object[]
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly 'x-permissions'?: readonly string[]
}

/** The OpenAPI document as far as tests look into it. */
export interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

/** Reads the document from the file's server. */
export async function readDocument(): Promise<Document> {
  const answer = await (await shareCordon()).anonymous.get('/api/v1/openapi.json')
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

/** Every operation with its place. */
export function operationsOf(document: Document): [path: string, method: string, operation: Operation][] {
  return Object.entries(document.paths).flatMap(([at, item]) =>
    Object.entries(item).map(([method, operation]): [string, string, Operation] => [at, method, operation]),
  )
}

/** The operation a request reaches. */
function findOperation(document: Document, method: string, at: string): Operation | undefined {
  const candidates = operationsOf(document).filter(([path, name]) => {
    const pattern = path.replaceAll(/[$.]/g, '\\$&').replaceAll(/\{\w+\}/g, '[^/]+')
    return name === method.toLowerCase() && new RegExp(`^${pattern}$`, 'i').test(at)
  })
  // A literal path comes before one with a parameter in its place.
  return candidates.sort(([a], [b]) => a.split('{').length - b.split('{').length)[0]?.[2]
}

/** What the document says of an answer: its content by media type; undefined when it names no body. */
function contentOf(
  document: Document,
  method: string,
  at: string,
  status: number,
): Record<string, unknown> | undefined {
  const operation = findOperation(document, method, at)
  const named = operation?.responses[status] ?? operation?.responses.default
  assert.ok(named, `${method} ${at} says nothing of ${status}`)
  const response = typeof named.$ref === 'string' ? resolveReference(document, named.$ref) : named
  return resolveReference(response, 'content') as Record<string, unknown> | undefined
}

/** Fails unless the answer's body is what the document says of that operation and status. */
export function assertFits(document: Document, method: string, at: string, answer: Reply): void {
  const content = contentOf(document, method, at.split('?')[0] ?? '', answer.status)
  if (answer.text === '') {
    assert.equal(content, undefined, `${method} ${at} should answer ${answer.status} with a body`)
    return
  }
  const type = String(answer.headers['content-type']).split(';')[0] ?? ''
  const schema = resolveReference(content?.[type], 'schema')
  assert.ok(schema, `${method} ${at} says nothing of ${answer.status} with ${type}`)
  if (type !== 'application/json') return
  assert.deepEqual(checkSchema(document, schema, answer.body), [], `${method} ${at}: ${answer.text}`)
}
