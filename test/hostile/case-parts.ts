import assert from 'node:assert/strict'
import { signRequest } from '../../src/protocol/request-signature.ts'
import { PROTOCOL_HEADER, SEQUENCE_HEADER, SIGNATURE_HEADER } from '../../src/protocol/version.ts'
import type { Cordon } from '../support/cordon.ts'
import { type Bytes, type HostileCase, MissingFixture, makeBytes, makeText, wholeBytes } from './case-file.ts'
import { countRefusals } from './snapshot.ts'
import { encodeTarget, exchange, exchangeRaw, type WireAnswer, type WireRequest } from './wire.ts'
import type { World } from './world.ts'

/**
 * The request target of a case, its placeholders filled in; empty for raw bytes.
 * @throws MissingFixture where the case needs something that does not exist yet
 */
export async function readTarget(world: World, item: HostileCase): Promise<string> {
  if (item.method === 'RAW') return ''
  const target = await makeText(item.path, (text) => fill(world, text))
  if (mayBeAbsent(item) || isRouted(world.cordon, target)) return target
  throw new MissingFixture(`no route for ${item.method} ${target.split('?', 1)[0]?.slice(0, 60)}`)
}

/** Features that there will never be, so that nothing at their place is the right answer. The others have to exist to be tested. */
const absentForGood: readonly string[] = ['po-17-login-empty', 'po-18-login-enum']

function mayBeAbsent(item: HostileCase): boolean {
  return item.expectStatus === 404 || absentForGood.includes(item.id)
}

/** Replaces what stands in double braces and has a fixture's form; anything else in braces is payload. */
async function fill(world: World, text: string): Promise<string> {
  let filled = ''
  let from = 0
  for (const match of text.matchAll(/\{\{([a-zA-Z][\w+:.=\-,/[\]"]*)\}\}/g)) {
    const name = match[1] ?? ''
    const value = await world.value(name)
    if (value === null) throw new MissingFixture(`no fixture for ${name}`)
    filled += text.slice(from, match.index) + value
    from = match.index + match[0].length
  }
  return filled + text.slice(from)
}

/** True when the server has an operation at that path, whatever its method. */
function isRouted(cordon: Cordon, target: string): boolean {
  const path = (target.split('?', 1)[0] ?? '').toLowerCase()
  return cordon.server.routes.some((route) => {
    const pattern = route.path.toLowerCase().replaceAll(/[.$]/g, '\\$&').replaceAll(/:\w+/g, '[^/]+')
    return new RegExp(`^${pattern}$`).test(path)
  })
}

/** Everything that is decided before the request goes out, so that snapshots are taken around the request alone. */
export async function prepare(
  world: World,
  item: HostileCase,
  target: string,
): Promise<(path: string) => Promise<WireAnswer>> {
  const { cordon } = world
  if (item.method === 'RAW') {
    const bytes = await fill(world, item.raw ?? '')
    return () => exchangeRaw(cordon, bytes)
  }
  const headers: [string, string][] = []
  for (const [name, recipe] of Object.entries(item.headers)) {
    headers.push([name, await makeText(recipe, (text) => fill(world, text))])
  }
  const body = item.body === null ? null : await makeBytes(item.body, (text) => fill(world, text))
  const isAgent = target.startsWith('/api/v1/agent/')
  return async (path) => {
    const request: WireRequest = { method: item.method, target: path, headers, body }
    return exchange(cordon, isAgent ? signAsAgent(world, request) : request)
  }
}

/** Speaks the agent's protocol where the case does not: its version, the whole form of a message, number and signature. */
function signAsAgent(world: World, request: WireRequest): WireRequest {
  const sent = new Map(request.headers.map(([name, value]) => [name.toLowerCase(), value]))
  const headers = [...request.headers]
  const body = completeBody(world, request)
  if (!sent.has(PROTOCOL_HEADER)) headers.push([PROTOCOL_HEADER, '1'])
  const signer = world.agents.signerOf(request.target, (sent.get('authorization') ?? '').replace(/^Bearer /, ''))
  if (signer === null || sent.has(SIGNATURE_HEADER)) return { ...request, headers, body }
  const { key, kid } = signer
  const seq = Number(sent.get(SEQUENCE_HEADER) ?? signer.seq)
  if (!sent.has(SEQUENCE_HEADER)) headers.push([SEQUENCE_HEADER, String(seq)])
  const pathAndQuery = encodeTarget(request.target)
  const text = body === null ? '' : textOf(body)
  const signature = signRequest(key, kid, { method: request.method, pathAndQuery, seq, body: text })
  return { ...request, headers: [...headers, [SIGNATURE_HEADER, signature]], body }
}

function textOf(body: Bytes): string {
  return Buffer.concat([...body.pieces()]).toString('utf8')
}

/** The messages in the case file are abbreviated; whole ones reach the rule that the case is about. */
function completeBody(world: World, { body, target }: WireRequest): Bytes | null {
  if (body === null || !/\/(results|enroll)$/.test(target)) return body
  const sent: Record<string, unknown> = JSON.parse(textOf(body))
  if ('executionId' in sent) return body
  const whole = target.endsWith('/enroll') ? world.agents.completeEnrolment(sent) : world.agents.completeResult(sent)
  return whole === null ? body : wholeBytes(JSON.stringify(whole))
}

/** @source design reliability 5.4, 2 */
export function assertForm(answer: WireAnswer): void {
  assert.match(answer.headers.get('request-id') ?? '', /^[0-9a-f-]{36}$/, 'no request-id')
  if (answer.status < 400) return
  const { error } = answer.json ?? {}
  assert.ok(
    typeof error?.code === 'string' && typeof error.message === 'string',
    `no Graph error: ${answer.text.slice(0, 200)}`,
  )
  assert.equal(error.innerError['request-id'], answer.headers.get('request-id'))
  assert.doesNotMatch(answer.text, /\bat [\w.<>]+ \(|node_modules|\.ts:\d|SQLITE|kysely|fastify|\/src\/|insert into/i)
}

/** @source design reliability 5.4, 6 */
export function assertNoSecret(world: World, answer: WireAnswer): void {
  const shown = answer.text + [...answer.headers.values()].join('\n')
  for (const secret of world.secrets) assert.ok(!shown.includes(secret), 'a secret came back')
}

/** @source design reliability 5.4, 5: one entry for each change refused to somebody known */
export async function assertAudited(world: World, item: HostileCase, answer: WireAnswer): Promise<void> {
  const isKnown = Object.values(item.headers).some((value) =>
    /^Bearer \{\{token:(?!agent|disabled)/.test(String(value)),
  )
  const isRefused = [400, 403, 404, 409, 412, 413, 415].includes(answer.status)
  if (!isKnown || !isRefused || ['GET', 'OPTIONS', 'TRACE', 'RAW'].includes(item.method)) return
  if (answer.json?.error?.code === 'ResourceNotFound') return
  assert.equal(
    await countRefusals(world.cordon, answer.headers.get('request-id') ?? ''),
    1,
    'the refusal left no trace',
  )
}
