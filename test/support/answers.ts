import assert from 'node:assert/strict'
import type { Reply } from './cordon.ts'

export const guidPattern: RegExp = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
export const instantPattern: RegExp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/

/** What a test knows of a refusal beside its status. */
export interface ExpectedError {
  readonly code?: string
  /** `innerError.code`; null when there must be none. */
  readonly inner?: string | null
  readonly message?: string | RegExp
  readonly target?: string
}

/** Words that would tell a stranger how we are built. */
const inside = /\bat [\w.<>]+ \(|node_modules|node:|\.ts:\d|SQLITE|kysely|fastify|postgres|select |insert into/i

/** An answer must be a whole Graph error: status, body, ids in header and body, nothing of our insides. */
export function assertError(reply: Reply, status: number, expected: ExpectedError = {}): void {
  assert.equal(reply.status, status, `${reply.status} ${reply.text}`)
  assert.match(String(reply.headers['content-type']), /^application\/json/)
  const { error, ...rest } = reply.body
  assert.deepEqual(rest, {})
  assert.equal(typeof error.code, 'string')
  assert.ok(error.message.length > 0)
  const { innerError } = error
  assert.match(innerError.date, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
  assert.match(innerError['request-id'], guidPattern)
  assert.equal(innerError['request-id'], reply.headers['request-id'])
  assert.equal(innerError['client-request-id'], reply.headers['client-request-id'])
  assert.doesNotMatch(reply.text, inside)
  if (expected.code !== undefined) assert.equal(error.code, expected.code, reply.text)
  if (expected.inner !== undefined) assert.equal(innerError.code ?? null, expected.inner, reply.text)
  if (typeof expected.message === 'string') assert.equal(error.message, expected.message)
  if (expected.message instanceof RegExp) assert.match(error.message, expected.message)
  if (expected.target !== undefined) assert.equal(error.target, expected.target, reply.text)
}

/** The answer's body with ids and times of this one request taken out, so that two answers can be compared byte by byte. */
export function comparable(reply: Reply): string {
  return reply.text
    .replaceAll(/"(request-id|client-request-id)":"[0-9a-f-]{36}"/g, '"$1":"-"')
    .replaceAll(/"date":"[0-9T:-]{19}"/g, '"date":"-"')
}

/** Asks until `done` says yes; work behind a 204 goes on after the answer. Its patience is for a machine that does much else beside. */
export async function waitUntil<T>(
  read: () => Promise<T>,
  done: (value: T) => boolean,
  withinSeconds = 60,
): Promise<T> {
  const deadline = Date.now() + withinSeconds * 1_000
  for (;;) {
    const value = await read()
    if (done(value)) return value
    if (Date.now() > deadline) {
      throw new Error(`not so within ${withinSeconds} s, but: ${JSON.stringify(value)?.slice(0, 1000)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}
