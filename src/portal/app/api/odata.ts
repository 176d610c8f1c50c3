/** A text as it stands in a filter: in quotes, its own quotes doubled. */
export function quote(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

/** `name in ('a','b')`; nothing without values. */
export function isOneOf(name: string, values: readonly string[]): string[] {
  return values.length === 0 ? [] : [`${name} in (${values.map(quote).join(',')})`]
}

/** In an address, the value of a property that has none. */
export const none = 'null'

/** As {@link isOneOf}; {@link none} among the values stands for no value. */
export function isOneOfOrNone(name: string, values: readonly string[]): string[] {
  const [some] = isOneOf(
    name,
    values.filter((value) => value !== none),
  )
  if (!values.includes(none)) return some === undefined ? [] : [some]
  return [some === undefined ? `${name} eq null` : `(${some} or ${name} eq null)`]
}

/** A path with its query options, those that are empty left out. */
export function withOptions(path: string, options: Readonly<Record<string, string | number>>): string {
  const written = Object.entries(options)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
  return written.length === 0 ? path : `${path}?${written.join('&')}`
}
