import { CordonError } from '../../../model/errors.ts'

/** One request of a `$batch`, its place in the order known to be sound; its own parts are judged when it runs. */
export interface BatchItem {
  readonly id: string
  readonly method: unknown
  readonly url: unknown
  readonly headers: unknown
  readonly body: unknown
  /** Items that must have succeeded before this one begins. */
  readonly dependsOn: readonly BatchItem[]
}

/** @source design contract 18: both TypeScript clients enforce the same number */
const maxItems = 20

const maxIdLength = 256

/**
 * Reads the body of a `$batch` as far as it concerns the whole: the list, its ids and its order.
 * @returns the items, each after those it depends on
 * @throws CordonError BadRequest when the batch cannot be carried out at all; what is wrong within one item is that item's own answer
 * @source design contract 18
 */
export function readBatch(body: unknown): BatchItem[] {
  if (!isObject(body)) throw bad('The body must be a JSON object with a list of requests.', 'requests')
  for (const name of Object.keys(body)) {
    if (name !== 'requests' && !name.startsWith('@')) {
      throw bad(`Property '${name.slice(0, 100)}' is not part of a batch.`, name.slice(0, 100))
    }
  }
  const { requests } = body
  if (!Array.isArray(requests)) throw bad("Property 'requests' must be an array.", 'requests')
  if (requests.length === 0 || requests.length > maxItems) {
    throw bad(`A batch holds 1 to ${maxItems} requests; this one holds ${requests.length}.`, 'requests')
  }
  return sortByDependency(requests.map((item: unknown, at) => readItem(item, at)))
}

interface ReadItem extends Omit<BatchItem, 'dependsOn'> {
  readonly dependsOnIds: readonly string[]
}

function readItem(item: unknown, at: number): ReadItem {
  const target = `requests[${at}]`
  if (!isObject(item)) throw bad(`${target} must be an object.`, target)
  const { id, method, url, headers, body, dependsOn, atomicityGroup } = item
  if (typeof id !== 'string' || id === '' || id.length > maxIdLength) {
    throw bad(`${target} must have an id: a string of 1 to ${maxIdLength} characters.`, `${target}.id`)
  }
  if (atomicityGroup !== undefined) throw bad('Atomicity groups are not supported.', `${target}.atomicityGroup`)
  return { id, method, url, headers, body, dependsOnIds: readDependencies(dependsOn, target) }
}

function readDependencies(value: unknown, item: string): string[] {
  if (value === undefined || value === null) return []
  const target = `${item}.dependsOn`
  if (!Array.isArray(value)) throw bad(`${target} must be an array of ids.`, target)
  return value.map((id: unknown) => {
    if (typeof id !== 'string') throw bad(`${target} must be an array of ids.`, target)
    return id
  })
}

/** Ids are equal in any case, so that no two answers can be mistaken for each other. */
function keyOf(id: string): string {
  return id.toLowerCase()
}

function sortByDependency(items: readonly ReadItem[]): BatchItem[] {
  const waiting = new Map<string, ReadItem>()
  for (const item of items) {
    const key = keyOf(item.id)
    if (waiting.has(key)) throw bad(`The id '${item.id}' stands twice in the batch.`, 'requests')
    waiting.set(key, item)
  }
  for (const item of items) {
    const unknown = item.dependsOnIds.find((id) => !waiting.has(keyOf(id)))
    if (unknown !== undefined) {
      throw bad(
        `Request '${item.id}' depends on '${unknown.slice(0, maxIdLength)}', which is not in the batch.`,
        'requests',
      )
    }
  }
  const sorted = new Map<string, BatchItem>()
  while (waiting.size > 0) {
    const ready = [...waiting].filter(([, item]) => item.dependsOnIds.every((id) => sorted.has(keyOf(id))))
    if (ready.length === 0) throw bad('The requests of the batch depend on each other in a circle.', 'requests')
    for (const [key, { dependsOnIds, ...item }] of ready) {
      waiting.delete(key)
      const dependsOn = dependsOnIds.flatMap((id) => sorted.get(keyOf(id)) ?? [])
      sorted.set(key, { ...item, dependsOn })
    }
  }
  return [...sorted.values()]
}

/** Tells a JSON object from every other JSON value. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function bad(message: string, target: string): CordonError {
  return new CordonError('BadRequest', message, { target })
}
