import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { signRequest } from '../../src/protocol/request-signature.ts'
import { PROTOCOL_HEADER, SEQUENCE_HEADER, SIGNATURE_HEADER } from '../../src/protocol/version.ts'
import type { Cordon } from '../support/cordon.ts'
import { type Bytes, type HostileCase, MissingFixture, makeBytes, makeText, wholeBytes } from './case-file.ts'
import { checks, heldOtherwise, isSame } from './checks.ts'
import { watchOutbound } from './outbound.ts'
import { countRefusals, readSnapshot, type Snapshot } from './snapshot.ts'
import { encodeTarget, exchange, exchangeRaw, type WireAnswer, type WireRequest } from './wire.ts'
import { createWorld, type World } from './world.ts'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** What became of a case. */
export type CaseResult =
  | { readonly id: string; readonly group: string; readonly run: false; readonly reason: string }
  | {
      readonly id: string
      readonly group: string
      readonly run: true
      readonly status: number
      readonly isStatusGood: boolean
      /** What did not hold: the case's own check, or one of the assertions for every case. */
      readonly faults: readonly string[]
    }

/** Runs one case in a world of its own. */
export async function runCase(cordon: Cordon, item: HostileCase): Promise<CaseResult> {
  const { id, group } = item
  const world = await createWorld(cordon)
  try {
    const target = item.method === 'RAW' ? '' : await makeText(item.path, (text) => fill(world, text))
    if (item.method !== 'RAW' && item.expectStatus !== 404 && !isRouted(cordon, target)) {
      return { id, group, run: false, reason: `no route for ${item.method} ${target.split('?', 1)[0]?.slice(0, 60)}` }
    }
    return await runInWorld(world, item, target)
  } catch (cause) {
    if (cause instanceof MissingFixture) return { id, group, run: false, reason: cause.message }
    throw cause
  }
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

async function runInWorld(world: World, item: HostileCase, target: string): Promise<CaseResult> {
  const send = await prepare(world, item, target)
  const [before, foreignBefore] = await readBoth(world)
  const rssBefore = process.memoryUsage.rss()
  const outbound = watchOutbound()
  const { answer, slowestProbeMs } = await withProbes(world, item, () => send(target))
  const sentElsewhere = outbound.stop()
  const grownMb = (readMemory(answer) - rssBefore) / 1_048_576
  const [after, foreignAfter] = await readBoth(world)
  const faults: string[] = []
  await note(faults, () => assertEveryCase(item, answer, grownMb))
  await note(faults, () => assert.ok(isSame(foreignBefore, foreignAfter), 'the other tenant changed'))
  await note(faults, () => assertNoSecret(world, answer))
  await note(faults, () => assertAudited(world, item, answer))
  const check = checks[item.check ?? '']
  if (check)
    await note(faults, () =>
      check({ world, answer, before, after, slowestProbeMs, sentElsewhere, send: (path = target) => send(path) }),
    )
  else if (item.check !== undefined && !(item.check in heldOtherwise)) faults.push(`nothing asserts "${item.check}"`)
  const isStatusGood = [item.expectStatus, ...(item.alsoAccept ?? [])].includes(answer.status)
  return { id: item.id, group: item.group, run: true, status: answer.status, isStatusGood, faults }
}

/** Reads a list again and again beside the request when its case says that others must not suffer. */
async function withProbes(
  world: World,
  item: HostileCase,
  send: () => Promise<WireAnswer>,
): Promise<{ answer: WireAnswer; slowestProbeMs: number }> {
  if (!item.check?.includes('stays responsive')) return { answer: await send(), slowestProbeMs: 0 }
  const reader = await world.tenant.as('reader')
  let slowestProbeMs = 0
  let isDone = false
  const probe = async (): Promise<void> => {
    while (!isDone) {
      const startedAt = performance.now()
      await reader.get('/v1.0/security/incidents?$top=1')
      slowestProbeMs = Math.max(slowestProbeMs, performance.now() - startedAt)
    }
  }
  const probes = probe()
  const answer = await send()
  isDone = true
  await probes
  return { answer, slowestProbeMs }
}

/** Bytes of memory; what a request that was taken left for the collector does not count, what a refused one cost does. */
function readMemory(answer: WireAnswer): number {
  if (answer.status < 300) collectGarbage()
  return process.memoryUsage.rss()
}

async function note(faults: string[], assertion: () => void | Promise<void>): Promise<void> {
  try {
    await assertion()
  } catch (cause) {
    if (!(cause instanceof assert.AssertionError)) throw cause
    faults.push(cause.message.replaceAll(/\s+/g, ' ').slice(0, 300))
  }
}

async function readBoth({ cordon, tenant, foreign }: World): Promise<[Snapshot, Snapshot]> {
  return [await readSnapshot(cordon, tenant.id), await readSnapshot(cordon, foreign.id)]
}

/** Everything that is decided before the request goes out, so that snapshots are taken around the request alone. */
async function prepare(
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

/** Cases that say themselves that an answer may take longer. */
const slowCases = new Set(['in-07-50mb', 'in-08-gzipbomb', 'in-23-supernode'])

/** @source design reliability 5.4, 1 to 3 */
function assertEveryCase(item: HostileCase, answer: WireAnswer, grownMb: number): void {
  assert.ok(![500, 502, 504].includes(answer.status), `answered ${answer.status}`)
  if (!slowCases.has(item.id)) assert.ok(answer.tookMs < 2_000, `took ${answer.tookMs.toFixed(0)} ms`)
  assert.match(answer.headers.get('request-id') ?? '', /^[0-9a-f-]{36}$/, 'no request-id')
  if (answer.status >= 400) {
    const { error } = answer.json ?? {}
    assert.ok(
      typeof error?.code === 'string' && typeof error.message === 'string',
      `no Graph error: ${answer.text.slice(0, 200)}`,
    )
    assert.equal(error.innerError['request-id'], answer.headers.get('request-id'))
    assert.doesNotMatch(answer.text, /\bat [\w.<>]+ \(|node_modules|\.ts:\d|SQLITE|kysely|fastify|\/src\/|insert into/i)
  }
  assert.ok(grownMb < 50, `memory grew by ${grownMb.toFixed(0)} MB`)
  assert.deepEqual(Object.keys(Object.prototype), [])
}

/** @source design reliability 5.4, 6 */
function assertNoSecret(world: World, answer: WireAnswer): void {
  const shown = answer.text + [...answer.headers.values()].join('\n')
  for (const secret of world.secrets) assert.ok(!shown.includes(secret), 'a secret came back')
}

/** @source design reliability 5.4, 5: one entry for each change refused to somebody known */
async function assertAudited(world: World, item: HostileCase, answer: WireAnswer): Promise<void> {
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
