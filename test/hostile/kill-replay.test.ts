import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CompiledQuery } from 'kysely'
import { pickSome, seededRandom } from '../../bench/random.ts'
import { readIncident } from '../../src/store/incidents.ts'
import { waitUntil } from '../support/answers.ts'
import type { Client, Cordon } from '../support/cordon.ts'
import { databaseKinds } from '../support/databases.ts'
import { giveTenant, type Tenant } from '../support/given.ts'
import { testSeed as seed } from '../support/seed.ts'
import { type HostileCase, MissingFixture, readCases } from './case-file.ts'
import { assertAudited, assertForm, assertNoSecret, prepare, readTarget } from './case-parts.ts'
import { isSame } from './checks.ts'
import { type RemoteServer, startRemote } from './remote.ts'
import { readSnapshot, type Snapshot } from './snapshot.ts'
import type { WireAnswer } from './wire.ts'
import { createWorld, type World } from './world.ts'

/** Cases under way at once. @source design reliability 5.4 */
const atOnce = 32
const kills = 6
/** The embedded store is one file the kill may tear; what differs on the other one is shown by a part of the cases. */
const shares = { sqlite: 1, postgres: 0.4 } as const

// Slow connections are a test of their own, and so is the full volume; a receiver that hangs would outlast every server here.
const elsewhere = ['tr-15-slowloris', 'in-29-diskfull', 'sb-41']

/** A case that is ready to be sent, as often as one likes. */
interface Ready {
  readonly item: HostileCase
  readonly world: World
  readonly foreignBefore: Snapshot
  readonly send: () => Promise<WireAnswer>
  /** Answers that came whole. */
  readonly answers: WireAnswer[]
}

/** Failures of a connection to a server that is not there. */
function isAway(cause: unknown): boolean {
  return /ECONN|EPIPE|socket hang up|connection ended|disconnected/.test(
    `${Object(cause).code} ${Object(cause).message}`,
  )
}

/** Makes a case's world and all it names; null when it needs what does not exist yet. */
async function makeReady(cordon: Cordon, item: HostileCase): Promise<Ready | null> {
  const world = await createWorld(cordon)
  try {
    const target = await readTarget(world, item)
    const send = await prepare(world, item, target)
    const foreignBefore = await readSnapshot(cordon, world.foreign.id)
    return { item, world, foreignBefore, send: () => send(target), answers: [] }
  } catch (cause) {
    if (cause instanceof MissingFixture) return null
    throw cause
  }
}

/** Sends a case as soon as there is a server to take it; a kill may cut it off. @returns whether it was answered */
async function sendOnce({ item, send, answers }: Ready): Promise<boolean> {
  for (;;) {
    try {
      const answer = await send()
      assert.ok(![500, 502, 504].includes(answer.status), `${item.id} was answered ${answer.status}: ${answer.text}`)
      answers.push(answer)
      return true
    } catch (cause) {
      if (!isAway(cause)) throw cause
      if (Object(cause).code !== 'ECONNREFUSED') return false
      await sleep(50)
    }
  }
}

/** Everything that is asked of every case, after the last restart. @source design reliability 5.4 */
async function assertHolds({ item, world, foreignBefore, answers }: Ready): Promise<void> {
  const foreignAfter = await readSnapshot(world.cordon, world.foreign.id)
  assert.ok(isSame(foreignBefore, foreignAfter), `${item.id}: the other tenant changed`)
  for (const answer of answers) {
    assertForm(answer)
    assertNoSecret(world, answer)
    await assertAudited(world, item, answer)
  }
}

/** What a writer was told is written. */
interface Ledger {
  readonly incidentId: string
  readonly acknowledged: string[]
  readonly tried: string[]
}

/** Comments one incident for as long as the run lasts. */
async function write(tenant: Tenant, client: Client, ledger: Ledger, isOver: () => boolean): Promise<void> {
  for (let serial = 0; !isOver(); serial++) {
    const comment = `comment ${serial} on ${ledger.incidentId} of ${tenant.id}`
    ledger.tried.push(comment)
    const path = `/v1.0/security/incidents/${ledger.incidentId}/comments`
    const reply = await client.post(path, { comment }).catch((cause: unknown) => {
      if (isAway(cause)) return null
      throw cause
    })
    if (reply?.status === 200) ledger.acknowledged.push(comment)
    else if (reply !== null) assert.equal(reply.status, 503, reply.text)
    await sleep(reply === null ? 100 : 10)
  }
}

/** Kills and starts the server again and again, each time some while after it has begun to answer. */
async function killOften(
  remote: RemoteServer,
  random: () => number,
  isAnswering: () => Promise<unknown>,
): Promise<void> {
  for (let count = 0; count < kills; count++) {
    await isAnswering()
    await sleep(300 + random() * 2_000)
    await remote.kill()
    await remote.start()
  }
}

async function assertStoreIsWhole(cordon: Cordon, ledgers: readonly Ledger[], tenant: Tenant): Promise<void> {
  for (const { incidentId, acknowledged, tried } of ledgers) {
    const incident = await readIncident(cordon.store.read, tenant.id, incidentId)
    const comments = incident?.doc.comments.map(({ comment }) => comment ?? '') ?? []
    const lost = acknowledged.filter((comment) => !comments.includes(comment))
    assert.deepEqual(lost, [], 'acknowledged comments are missing')
    assert.equal(new Set(comments).size, comments.length, 'a comment stands twice')
    assert.ok(comments.every((comment) => tried.includes(comment)))
  }
  if (cordon.store.dialect === 'postgres') return
  for (const [pragma, expected] of [
    ['integrity_check', [{ integrity_check: 'ok' }]],
    ['foreign_key_check', []],
  ] as const) {
    const { rows } = await cordon.store.read.executeQuery(CompiledQuery.raw(`pragma ${pragma}`))
    assert.deepEqual(rows, expected)
  }
}

for (const kind of databaseKinds) {
  test(`hostile requests, ${atOnce} at once and in any order, while the server is killed again and again (${kind})`, async (t) => {
    t.diagnostic(`CORDON_TEST_SEED=${seed}`)
    const all = readCases<HostileCase>('bad-inputs').filter(({ id }) => !elsewhere.includes(id))
    const cases = pickSome(all, Math.ceil(all.length * shares[kind]), seed)
    const remote = await startRemote(t, kind)
    const { cordon } = remote
    const tenant = await giveTenant(cordon)
    const client = await tenant.as('responder')
    const ledgers: Ledger[] = []
    for (let count = 0; count < 3; count++)
      ledgers.push({ incidentId: await tenant.incident(), acknowledged: [], tried: [] })
    const ready: Ready[] = []
    for (const item of cases) ready.push(...[await makeReady(cordon, item)].filter((made) => made !== null))

    let over = false
    let [sent, answered] = [0, 0]
    const work = async (lane: number): Promise<void> => {
      for (let round = 0; !over; round++) {
        for (const one of pickSome(ready, ready.length, seed + round * atOnce + lane)) {
          if (over) return
          sent++
          if (await sendOnce(one)) answered++
        }
      }
    }
    // A busy machine takes seconds to begin; every life has its share of answers all the same.
    const isAnswering = (): Promise<unknown> => {
      const count = () => ledgers.reduce((sum, ledger) => sum + ledger.acknowledged.length, 0)
      const [answersBefore, commentsBefore] = [answered, count()]
      const isEnough = ([answers = 0, comments = 0]: number[]): boolean =>
        answers - answersBefore > ready.length / 4 / kills && comments - commentsBefore > 1
      return waitUntil(async () => [answered, count()], isEnough)
    }
    const killing = killOften(remote, seededRandom(seed), isAnswering).finally(() => {
      over = true
    })
    const writing = ledgers.map((ledger) => write(tenant, client, ledger, () => over))
    const working = Array.from({ length: atOnce }, (_, lane) => work(lane))
    // All of it has to end before the test does, also when one of them fails.
    await Promise.allSettled([killing, ...working, ...writing])
    await Promise.all([killing, ...working, ...writing])

    // What no kill let through comes through now.
    for (const one of ready) while (one.answers.length === 0) await sendOnce(one)
    for (const one of ready) await assertHolds(one)
    await assertStoreIsWhole(cordon, ledgers, tenant)
    const acknowledged = ledgers.reduce((sum, ledger) => sum + ledger.acknowledged.length, 0)
    t.diagnostic(
      `${ready.length} cases sent ${sent} times, ${answered} answered, ${kills} kills, ${acknowledged} comments acknowledged`,
    )
    assert.ok(ready.length > 220 * shares[kind], `only ${ready.length} cases could be sent`)
    assert.ok(answered > ready.length / 4, `only ${answered} answers came between the kills`)
    assert.ok(acknowledged > kills, `only ${acknowledged} comments were acknowledged`)
    assert.equal((await cordon.anonymous.get('/readyz')).status, 200)
  })
}
