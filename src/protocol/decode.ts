/** Turns outside data into a checked value or throws {@link DecodeError}; `path` names the place for the message. */
export type Decoder<T> = (value: unknown, path: string) => T

/** Marks a property that may be absent. */
export interface OptionalField<T> {
  readonly optional: Decoder<T>
}

type Shape<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? OptionalField<Exclude<T[K], undefined>>
    : Decoder<T[K]>
}

/** A message of the other side that does not have the agreed form. The text names place and expectation, never the value. */
export class DecodeError extends Error {
  readonly path: string

  constructor(path: string, want: string) {
    super(`${path === '' ? 'message' : path}: ${want}`)
    this.name = 'DecodeError'
    this.path = path
  }
}

/**
 * Reads JSON text that came from outside.
 * @param maxBytes UTF-8 bytes; longer text is refused unread
 * @throws DecodeError when too long or not JSON
 */
export function parseJson(text: string, maxBytes: number): unknown {
  if (Buffer.byteLength(text) > maxBytes) throw new DecodeError('', `longer than ${maxBytes} bytes`)
  try {
    return JSON.parse(text)
  } catch {
    throw new DecodeError('', 'not JSON')
  }
}

/** Text of at most `max` UTF-16 units, matching `pattern` when given. */
export function text(max: number, pattern?: RegExp): Decoder<string> {
  return (value, path) => {
    if (typeof value !== 'string' || value.length > max)
      throw new DecodeError(path, `text of at most ${max} characters`)
    if (pattern !== undefined && !pattern.test(value)) throw new DecodeError(path, 'text of the agreed form')
    return value
  }
}

/** A whole number within the bounds, both included. */
export function integer(min: number, max: number): Decoder<number> {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
      throw new DecodeError(path, `whole number from ${min} to ${max}`)
    }
    return value
  }
}

/** A finite number within the bounds, both included. */
export function number(min: number, max: number): Decoder<number> {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max) {
      throw new DecodeError(path, `number from ${min} to ${max}`)
    }
    return value
  }
}

/** true or false. */
export const boolean: Decoder<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw new DecodeError(path, 'true or false')
  return value
}

/** Exactly one of the given words or numbers. */
export function oneOf<const T extends readonly (string | number)[]>(members: T): Decoder<T[number]> {
  return (value, path) => {
    const found = members.find((member) => member === value)
    if (found === undefined) throw new DecodeError(path, `one of ${members.join(', ')}`)
    return found
  }
}

/** `null` or what `inner` takes. */
export function nullable<T>(inner: Decoder<T>): Decoder<T | null> {
  return (value, path) => (value === null ? null : inner(value, path))
}

/** A list of at most `max` items. */
export function list<T>(inner: Decoder<T>, max: number): Decoder<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length > max) throw new DecodeError(path, `list of at most ${max} items`)
    return value.map((item: unknown, index) => inner(item, `${path}[${index}]`))
  }
}

/** Lets a property be absent. */
export function optional<T>(inner: Decoder<T>): OptionalField<T> {
  return { optional: inner }
}

/**
 * An object with exactly the named properties.
 * @param extra what happens to further properties: `refuse` (default: signed or hostile data) or `ignore` (answers of a server that may be newer)
 */
export function object<T>(shape: Shape<T>, extra: 'refuse' | 'ignore' = 'refuse'): Decoder<T> {
  const fields: [string, unknown][] = Object.entries(shape)
  const known = new Set(fields.map(([name]) => name))
  return (value, path) => {
    if (!isObject(value)) throw new DecodeError(path, 'object')
    if (extra === 'refuse') {
      for (const name of Object.keys(value)) if (!known.has(name)) throw new DecodeError(path, 'unknown property')
    }
    const out: Record<string, unknown> = {}
    for (const [name, field] of fields) {
      const at = path === '' ? name : `${path}.${name}`
      const present = Object.hasOwn(value, name) && value[name] !== undefined
      if (typeof field === 'function') {
        if (!present) throw new DecodeError(at, 'missing')
        out[name] = field(value[name], at)
      } else if (present && isOptionalField(field)) {
        out[name] = field.optional(value[name], at)
      }
    }
    // Every property of T was produced by its own decoder above; the type system cannot follow that through the loop.
    return out as T
  }
}

/** A JSON value the two sides do not look into, of limited depth (containers inside containers) and limited encoded size. */
export function json(maxDepth: number, maxBytes: number): Decoder<JsonValue> {
  return (value, path) => {
    const checked = checkJson(value, path, maxDepth)
    if (Buffer.byteLength(JSON.stringify(checked)) > maxBytes) throw new DecodeError(path, `at most ${maxBytes} bytes`)
    return checked
  }
}

/** A JSON object the two sides do not look into, with the bounds of {@link json}. */
export function jsonObject(maxDepth: number, maxBytes: number): Decoder<JsonObject> {
  const inner = json(maxDepth, maxBytes)
  return (value, path) => {
    const checked = inner(value, path)
    if (!isJsonObject(checked)) throw new DecodeError(path, 'object')
    return checked
  }
}

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

/** Any JSON object. */
export interface JsonObject {
  readonly [name: string]: JsonValue
}

function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function checkJson(value: unknown, path: string, depth: number): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (depth <= 0) throw new DecodeError(path, 'nested too deeply')
  if (Array.isArray(value)) return value.map((item: unknown) => checkJson(item, path, depth - 1))
  if (!isObject(value)) throw new DecodeError(path, 'JSON value')
  const out: Record<string, JsonValue> = {}
  for (const [name, item] of Object.entries(value)) {
    if (name === '__proto__') throw new DecodeError(path, 'unknown property')
    out[name] = checkJson(item, path, depth - 1)
  }
  return out
}

/** Tells an object from texts, numbers, lists and null; its property values stay unknown. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isOptionalField(value: unknown): value is OptionalField<unknown> {
  return isObject(value) && typeof value.optional === 'function'
}

/** Applies a decoder to a whole message. */
export function decode<T>(decoder: Decoder<T>, value: unknown): T {
  return decoder(value, '')
}

/** Ids of both sides: letters, digits, `_`, `.` and `-`, at most 64, so that they are safe in paths, argument lists and logs. */
export const id: Decoder<string> = text(64, /^[A-Za-z0-9][A-Za-z0-9_.-]*$/)

/** A SHA-256 in the written form of the protocol. */
export const sha256Text: Decoder<string> = text(71, /^sha256:[0-9a-f]{64}$/)
