import assert from 'node:assert/strict'
import { isRefusal } from '../../src/model/errors.ts'
import type { TypeName } from '../../src/model/generated.ts'
import { type ReadOptions, readEntity } from '../../src/model/graph-validate.ts'

/** A caller without the header that opts in to hidden enum members. */
export const closed: ReadOptions = { includeUnknownEnumMembers: false }
/** A caller with that header. */
export const open: ReadOptions = { includeUnknownEnumMembers: true }

/** What a body is read as, or why it is refused. The body is parsed text, as on the server, so that `__proto__` is an own key. */
export function read(type: TypeName, mode: 'create' | 'patch', body: string, options: ReadOptions = closed): unknown {
  const outcome = readEntity(type, JSON.parse(body), mode, options)
  return isRefusal(outcome) ? outcome : outcome.value
}

/** {@link read} in a patch. */
export function patch(type: TypeName, body: string, options: ReadOptions = closed): unknown {
  return read(type, 'patch', body, options)
}

/** {@link read} of a new alert with its two required properties and these. */
export function createAlert(properties: string, options: ReadOptions = closed): unknown {
  return read('alert', 'create', `{"title":"t","severity":"low"${properties === '' ? '' : `,${properties}`}}`, options)
}

/** An alert as created by {@link createAlert} without its two required properties. */
export function alertWith(properties: string): Record<string, unknown> {
  const { title, severity, ...rest } = Object(createAlert(properties))
  assert.deepEqual([title, severity], ['t', 'low'])
  return rest
}

/** Fails unless `outcome` is a refusal at `path` for that reason. */
export function assertRefused(outcome: unknown, path: string, reason: RegExp): void {
  assert.ok(isRefusal(outcome), `accepted: ${JSON.stringify(outcome)}`)
  assert.equal(outcome.refused, 'BadRequest')
  assert.match(outcome.reason, reason)
  assert.equal(Object(outcome).path, path)
}
