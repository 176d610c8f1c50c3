/** A JSON object of unknown content. */
export type Fields = Readonly<Record<string, unknown>>

/** The object at `name`; an empty one when there is none. Own properties only. */
export function objectAt(fields: Fields, name: string): Fields {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  return isFields(value) ? value : {}
}

/** True for a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text at `name`; null when it is absent, empty or something else. Numbers count as their text. */
export function textAt(fields: Fields, name: string): string | null {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : null
}

/** The number at `name`, also when written as its decimal text; null otherwise. */
export function numberAt(fields: Fields, name: string): number | null {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : null
}

/** The texts at `name`: of an array its strings, of a string itself; at most `max`. */
export function textsAt(fields: Fields, name: string, max: number): string[] {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (typeof value === 'string') return value === '' ? [] : [value]
  if (!Array.isArray(value)) return []
  return value.filter((item): item is string => typeof item === 'string' && item !== '').slice(0, max)
}

/** Drops what has no value, so that a dictionary shows only facts. */
export function withoutBlanks(
  values: Readonly<Record<string, string | number | null>>,
): Record<string, string | number> {
  const kept: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== '') kept[name] = value
  return kept
}
