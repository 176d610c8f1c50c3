import assert from 'node:assert/strict'

/** What stands for a value that differs from run to run, inside a string of an expected answer. */
const placeholders: Readonly<Record<string, string>> = {
  guid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  instant: '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{7}Z',
  number: '(?:0|[1-9]\\d*)',
  base64: '[A-Za-z0-9+/]+={0,2}',
  date: '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d',
}

/**
 * Asserts that a JSON value is exactly the expected one, where strings of the expected one may hold `<guid>`, `<instant>`, `<date>`, `<number>`, `<base64>` and
 * `<name>` of `values`; the whole string `<any>` fits everything but null and absent.
 */
export function assertShape(actual: unknown, expected: unknown, values: Readonly<Record<string, string>>): void {
  assert.deepEqual(actual, fill(actual, expected, values))
}

/** The expected value with every placeholder that fits replaced by what stands there, so that a deep comparison shows the rest. */
function fill(actual: unknown, expected: unknown, values: Readonly<Record<string, string>>): unknown {
  if (typeof expected === 'string') return fillString(actual, expected, values)
  if (Array.isArray(expected)) {
    const items: readonly unknown[] = Array.isArray(actual) ? actual : []
    return expected.map((item, index) => fill(items[index], item, values))
  }
  if (typeof expected !== 'object' || expected === null) return expected
  const members = typeof actual === 'object' && actual !== null ? actual : {}
  return Object.fromEntries(
    Object.entries(expected).map(([name, value]) => [name, fill(Reflect.get(members, name), value, values)]),
  )
}

function fillString(actual: unknown, expected: string, values: Readonly<Record<string, string>>): unknown {
  if (expected === '<any>') return actual ?? expected
  if (typeof actual !== 'string') return expected
  const pattern = expected
    .split(/(<\w+>)/)
    .map((part) => {
      const name = /^<(\w+)>$/.exec(part)?.[1] ?? ''
      return placeholders[name] ?? (values[name] ?? part).replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
    })
    .join('')
  return new RegExp(`^${pattern}$`).test(actual) ? actual : expected
}
