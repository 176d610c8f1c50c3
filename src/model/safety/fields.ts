/** Something wrong with one field of a document. */
export interface FieldFault {
  /** `fourEyes.rules[0].approvals`; empty for the document itself. */
  readonly path: string
  readonly problem: string
}

/** A document that was read: what it says, or everything that is wrong with it. */
export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: readonly FieldFault[] }

/** Turns a value from outside into a checked one. A reader goes on after a fault, so that all of them are named at once. */
export type Reader<T> = (value: unknown, path: string, faults: FieldFault[]) => T

/** Reads a whole document. */
export function readDocument<T>(reader: Reader<T>, value: unknown): Read<T> {
  const faults: FieldFault[] = []
  const read = reader(value, '', faults)
  return faults.length === 0 ? { ok: true, value: read } : { ok: false, faults }
}

/** Text of 1 to `max` characters, matching `pattern` when given; `form` says in words what the pattern wants. */
export function text(max: number, pattern?: RegExp, form = ''): Reader<string> {
  return (value, path, faults) => {
    if (typeof value !== 'string' || value.trim() === '' || value.length > max) {
      faults.push({ path, problem: `must be text of 1 to ${max} characters` })
    } else if (pattern !== undefined && !pattern.test(value)) faults.push({ path, problem: `must be ${form}` })
    else return value
    return ''
  }
}

/** A whole number within the bounds, both included. */
export function integer(min: number, max: number): Reader<number> {
  return (value, path, faults) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value
    faults.push({ path, problem: `must be a whole number from ${min} to ${max}` })
    return min
  }
}

/** A number within the bounds, both included. */
export function number(min: number, max: number): Reader<number> {
  return (value, path, faults) => {
    if (typeof value === 'number' && value >= min && value <= max) return value
    faults.push({ path, problem: `must be a number from ${min} to ${max}` })
    return min
  }
}

/** true or false. */
export const boolean: Reader<boolean> = (value, path, faults) => {
  if (typeof value === 'boolean') return value
  faults.push({ path, problem: 'must be true or false' })
  return false
}

/** Exactly one of the words or numbers. */
export function oneOf<const T extends string | number>(members: readonly [T, ...T[]]): Reader<T> {
  return (value, path, faults) => {
    const found = members.find((member) => member === value)
    if (found !== undefined) return found
    faults.push({ path, problem: `must be one of ${members.join(', ')}` })
    return members[0]
  }
}

/** null, or what `inner` takes. */
export function nullable<T>(inner: Reader<T>): Reader<T | null> {
  return (value, path, faults) => (value === null ? null : inner(value, path, faults))
}

/** A list of `min` to `max` items, no two of them equal in `key`. */
export function list<T>(
  inner: Reader<T>,
  max: number,
  options: { readonly min?: number; readonly key?: (item: T) => string } = {},
): Reader<readonly T[]> {
  const { min = 0, key } = options
  return (value, path, faults) => {
    if (!Array.isArray(value) || value.length > max || value.length < min) {
      faults.push({ path, problem: `must be a list of ${min} to ${max} items` })
      return []
    }
    const items = value.map((item: unknown, index) => inner(item, `${path}[${index}]`, faults))
    if (key === undefined) return items
    const first = new Map<string, number>()
    for (const [index, item] of items.entries()) {
      const earlier = first.get(key(item))
      if (earlier === undefined) first.set(key(item), index)
      else if (key(item) !== '') faults.push({ path: `${path}[${index}]`, problem: `repeats ${path}[${earlier}]` })
    }
    return items
  }
}

/** One reader for each property; `absent` is what a property stands for that the document leaves out. */
export type Fields<T> = {
  readonly [K in keyof T]-?: Reader<T[K]> | { readonly read: Reader<T[K]>; readonly absent: T[K] }
}

/**
 * An object with exactly the named properties.
 * @param ignored further properties that may stand there and say nothing
 */
export function object<T>(fields: Fields<T>, ignored: readonly string[] = []): Reader<T> {
  const known: readonly [string, Reader<unknown> | { readonly read: Reader<unknown>; readonly absent: unknown }][] =
    Object.entries(fields)
  return (value, path, faults) => {
    const given: Readonly<Record<string, unknown>> = isObject(value) ? value : {}
    if (!isObject(value)) faults.push({ path, problem: 'must be an object' })
    const at = (name: string): string => (path === '' ? name : `${path}.${name}`)
    for (const name of Object.keys(given)) {
      if (!Object.hasOwn(fields, name) && !ignored.includes(name)) {
        faults.push({ path: at(name), problem: 'is not known here' })
      }
    }
    const read: Record<string, unknown> = {}
    for (const [name, field] of known) {
      const present = Object.hasOwn(given, name) && given[name] !== undefined
      if (typeof field === 'function') {
        if (!present && isObject(value)) faults.push({ path: at(name), problem: 'is missing' })
        if (present) read[name] = field(given[name], at(name), faults)
      } else read[name] = present ? field.read(given[name], at(name), faults) : field.absent
    }
    // Every property was read by its own reader; where one is missing a fault says so and the value is not used.
    return read as T
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
