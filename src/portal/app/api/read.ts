/**
 * Readers of what the server sent. What does not have the expected form becomes a {@link FormError}, which a screen shows as what went
 * wrong; it never becomes a wrong value on the screen. Members nobody asks for are passed over, and texts of an enum stay texts: a value
 * this page does not know is shown as it is.
 */
export type Reader<T> = (value: unknown, at: string) => T

/** What a reader gives. */
export type Read<R> = R extends Reader<infer T> ? T : never

/** The answer of the server does not have the form this page knows. */
export class FormError extends Error {
  constructor(at: string, wanted: string) {
    super(`The server's answer is not understood: ${at || 'it'} should be ${wanted}.`)
  }
}

export const text: Reader<string> = (value, at) => {
  if (typeof value === 'string') return value
  throw new FormError(at, 'text')
}

export const number: Reader<number> = (value, at) => {
  if (typeof value === 'number') return value
  throw new FormError(at, 'a number')
}

export const truth: Reader<boolean> = (value, at) => {
  if (typeof value === 'boolean') return value
  throw new FormError(at, 'true or false')
}

/** Anything at all, shown as JSON. */
export const anything: Reader<unknown> = (value) => value

/** A map with members nobody knows beforehand. */
export const map: Reader<Readonly<Record<string, unknown>>> = (value, at) => {
  if (isMap(value)) return value
  throw new FormError(at, 'an object')
}

/** Null, also for a member that is absent. */
export function nullable<T>(inner: Reader<T>): Reader<T | null> {
  return (value, at) => (value === null || value === undefined ? null : inner(value, at))
}

/** An empty list for a member that is absent. */
export function listOf<T>(inner: Reader<T>): Reader<readonly T[]> {
  return (value, at) => {
    if (value === undefined || value === null) return []
    if (!Array.isArray(value)) throw new FormError(at, 'a list')
    return value.map((item: unknown, index) => inner(item, `${at}[${index}]`))
  }
}

/** An object with these members. */
export function record<F extends Readonly<Record<string, Reader<unknown>>>>(
  fields: F,
): Reader<{ readonly [K in keyof F]: Read<F[K]> }> {
  return (value, at) => {
    if (!isMap(value)) throw new FormError(at, 'an object')
    const read: Record<string, unknown> = {}
    for (const [name, field] of Object.entries(fields))
      read[name] = field(value[name], at === '' ? name : `${at}.${name}`)
    // Built member by member from the same fields that the type is made of.
    return read as { readonly [K in keyof F]: Read<F[K]> }
  }
}

/** Reads a whole answer. @throws FormError */
export function readWith<T>(reader: Reader<T>, value: unknown): T {
  return reader(value, '')
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
