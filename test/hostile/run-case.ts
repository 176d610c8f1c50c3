import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Cordon } from '../support/cordon.ts'
import { startStopwatch } from '../support/stopwatch.ts'
import { type HostileCase, MissingFixture } from './case-file.ts'
import { assertAudited, assertForm, assertNoSecret, prepare, readTarget } from './case-parts.ts'
import { checks, heldOtherwise, isSame } from './checks.ts'
import { watchOutbound } from './outbound.ts'
import { readSnapshot, type Snapshot } from './snapshot.ts'
import type { WireAnswer } from './wire.ts'
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
    return await runInWorld(world, item, await readTarget(world, item))
  } catch (cause) {
    if (cause instanceof MissingFixture) return { id, group, run: false, reason: cause.message }
    throw cause
  }
}

async function runInWorld(world: World, item: HostileCase, target: string): Promise<CaseResult> {
  const send = await prepare(world, item, target)
  const [before, foreignBefore] = await readBoth(world)
  const rssBefore = process.memoryUsage.rss()
  const outbound = watchOutbound()
  const { answer, slowestProbeMs } = await withProbes(world, item, () => send(target))
  const sentElsewhere = outbound.stop(world.receivers)
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
      const [startedAt, watch] = [performance.now(), startStopwatch()]
      await reader.get('/v1.0/security/incidents?$top=1')
      slowestProbeMs = Math.max(slowestProbeMs, Math.min(performance.now() - startedAt, watch.ms()))
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

/** What a busy machine may add to an answer; with it a wait for an endpoint outside, of 10 s, is still told from none. */
const busyMs = 7_000

/** Cases that say themselves that an answer may take longer, and how many milliseconds. */
const slowCases: Readonly<Record<string, number>> = {
  'in-07-50mb': 25_000,
  'in-08-gzipbomb': 25_000,
  'in-23-supernode': 25_000,
  // The endpoint of the case hangs, and has 10 s.
  'sb-41': 11_000,
}

/** @source design reliability 5.4, 1 to 3 */
function assertEveryCase(item: HostileCase, answer: WireAnswer, grownMb: number): void {
  assert.ok(![500, 502, 504].includes(answer.status), `answered ${answer.status}`)
  const limitMs = slowCases[item.id] ?? 2_000
  const [took, reckoned] = [answer.tookMs, answer.reckonedMs].map((ms) => ms.toFixed(0))
  assert.ok(Math.min(answer.tookMs, answer.reckonedMs) < limitMs, `took ${took} ms, ${reckoned} ms of them reckoning`)
  assert.ok(answer.tookMs < limitMs + busyMs, `took ${took} ms`)
  assertForm(answer)
  assert.ok(grownMb < 50, `memory grew by ${grownMb.toFixed(0)} MB`)
  assert.deepEqual(Object.keys(Object.prototype), [])
}
