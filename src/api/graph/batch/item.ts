import { CordonError } from '../../../model/errors.ts'
import type { ApiVersion } from '../../odata/resource.ts'
import { canonicalUrl } from '../../path.ts'
import type { Method } from '../../route.ts'
import { type BatchItem, isObject } from './read.ts'

/** An item as a request of its own. */
export interface ItemRequest {
  readonly method: Method
  /** Below the host, with its version, as the client wrote it. */
  readonly path: string
  /** In the one form the route table knows. */
  readonly canonicalPath: string
  readonly rawQuery: string
  /** Names in lower case. Credentials are left out: the caller of the batch acts. */
  readonly headers: Readonly<Record<string, string>>
  /** undefined when the item has none. */
  readonly body: Buffer | undefined
}

const methods: readonly Method[] = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE']

/** A request target on a connection may be this long. */
const maxUrlLength = 16 * 1024

/** Headers that belong to the connection or name a caller; the batch's own count. */
const ignoredHeaders = new Set(['authorization', 'cookie', 'host', 'connection', 'content-length', 'content-encoding'])

/**
 * Reads what one item asks for.
 * @param version the batch's own, for an item that names none
 * @throws CordonError BadRequest, ResourceNotFound for what lies outside the Graph roots, RequestHeaderFieldsTooLarge
 * @source design contract 18
 */
export function readItemRequest(item: BatchItem, version: ApiVersion): ItemRequest {
  const method = methods.find((name) => typeof item.method === 'string' && item.method.toUpperCase() === name)
  if (method === undefined) throw bad(`The method must be one of ${methods.join(', ')}.`, 'method')
  const url = readUrl(item.url, version)
  const canonical = splitQuery(canonicalUrl(url))[0]
  refuseNested(canonical)
  const [path, rawQuery] = splitQuery(url)
  const headers = readHeaders(item.headers)
  return { method, path, canonicalPath: canonical, rawQuery, headers, body: readItemBody(item.body, headers) }
}

function readUrl(url: unknown, version: ApiVersion): string {
  if (typeof url !== 'string' || url === '') throw bad("Each request needs a 'url'.", 'url')
  if (url.length > maxUrlLength) {
    throw new CordonError('RequestHeaderFieldsTooLarge', 'The URL of the request is too long.', { target: 'url' })
  }
  if (/^[a-z][a-z0-9+.-]*:/i.test(url) || url.startsWith('//') || url.includes('\\') || url.includes('#')) {
    throw bad('The url must be relative to the version root, without scheme, host and fragment.', 'url')
  }
  // On a connection blanks and letters beyond ASCII cannot stand in a target; in JSON text they can, and clients rely on it.
  const escaped = url.replace(/[^\x21-\x7e]/gu, (char) => encodeURIComponent(char))
  const rooted = escaped.startsWith('/') ? escaped : `/${escaped}`
  const [path] = splitQuery(rooted)
  if (path.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) {
    throw new CordonError('ResourceNotFound', "Resource not found for the segment '..'.", { target: 'url' })
  }
  return /^\/(v1\.0|beta)(\/|\?|$)/i.test(rooted) ? rooted : `/${version}${rooted}`
}

function refuseNested(canonicalPath: string): void {
  if (/^\/[^/]+\/\$batch\/?$/i.test(canonicalPath)) throw bad('A batch cannot hold another batch.', 'url')
}

function splitQuery(url: string): [path: string, query: string] {
  const cut = url.indexOf('?')
  return cut < 0 ? [url, ''] : [url.slice(0, cut), url.slice(cut + 1)]
}

function readHeaders(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {}
  if (!isObject(value)) throw bad("Property 'headers' must be an object of strings.", 'headers')
  const headers: Record<string, string> = {}
  for (const [name, text] of Object.entries(value)) {
    const lower = name.toLowerCase()
    if (typeof text !== 'string' && typeof text !== 'number') {
      throw bad(`The header '${name.slice(0, 100)}' must be a string.`, 'headers')
    }
    if (Object.hasOwn(headers, lower)) throw bad(`The header '${name.slice(0, 100)}' stands twice.`, 'headers')
    if (!ignoredHeaders.has(lower)) headers[lower] = String(text)
  }
  return headers
}

/**
 * The bytes of an item's body. A string stands for bytes in base64: Microsoft's TypeScript SDK core sends JSON so, without any header.
 */
function readItemBody(body: unknown, headers: Record<string, string>): Buffer | undefined {
  if (body === undefined || body === null) return undefined
  headers['content-type'] ??= 'application/json'
  if (typeof body !== 'string') return Buffer.from(JSON.stringify(body))
  const bytes = Buffer.from(body, 'base64')
  const plain = body.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '')
  // Node's decoder skips what is not base64.
  if (bytes.toString('base64').replace(/=+$/, '') !== plain) {
    throw bad("Property 'body' must be a JSON object, or a string of base64.", 'body')
  }
  return bytes
}

function bad(message: string, target: string): CordonError {
  return new CordonError('BadRequest', message, { target })
}
