import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sql } from 'kysely'
import { readCheckpoint } from '../../src/audit/checkpoint.ts'
import { openCheckpointFolder } from '../../src/audit/checkpoint-folder.ts'
import { BrokenLog, type CheckpointWriter, startCheckpoints } from '../../src/audit/checkpoints.ts'
import { verifyLog } from '../../src/audit/verify.ts'
import { systemClock } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import type { AuditKey } from '../../src/io/secrets.ts'
import type { Store } from '../../src/store/db.ts'
import { otherTenant, tenant } from '../store/given.ts'
import { waitUntil } from '../support/answers.ts'
import { onEnd } from '../support/cleanup.ts'
import { eachDatabase, makeStore } from '../support/databases.ts'
import { key, writeLog } from './given.ts'

const log = createLog('silent')

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-checkpoints-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

interface Given {
  readonly everySeconds?: number
  readonly auditKey?: AuditKey
}

/** A writer that looks only when it is asked, and stops with the test. */
function start(t: TestContext, store: Store, path: string, given: Given = {}): CheckpointWriter {
  const { everySeconds = 3_600, auditKey = key } = given
  const folder = openCheckpointFolder(path)
  const writer = startCheckpoints({ store, clock: systemClock, log, auditKeys: [auditKey], folder, everySeconds })
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping ??= writer.stop()
    return stopping
  }
  onEnd(t, stop)
  return { ...writer, stop }
}

async function sizesIn(path: string): Promise<Record<string, number>> {
  const notes = await openCheckpointFolder(path).listNotes()
  const read = notes.map(({ text }) => readCheckpoint(text, [key.publicKey]))
  return Object.fromEntries(read.map((checkpoint) => [checkpoint?.tenantId, checkpoint?.size]))
}

async function tamperWith(store: Store, change: ReturnType<typeof sql>): Promise<void> {
  await store.transaction(async (tx) => {
    if (store.dialect === 'postgres') await sql`drop trigger if exists audit_no_change on audit`.execute(tx)
    else await sql`drop trigger if exists audit_no_update`.execute(tx)
    await change.execute(tx)
  })
}

eachDatabase('every log is signed in the end, and the checkpoints vouch for what is there', async (t, store) => {
  const folder = makeFolder(t)
  await writeLog(store, 7)
  await writeLog(store, 3, otherTenant)
  const writer = start(t, store, folder)
  const taken = readCheckpoint((await writer.take(tenant)) ?? '', [key.publicKey])
  await writeLog(store, 4)

  await writer.stop()

  assert.equal(taken?.size, 7)
  assert.deepEqual(await sizesIn(folder), { [tenant]: 11, [otherTenant]: 3 })
  const notes = await openCheckpointFolder(folder).listNotesOf(tenant)
  const checkpoints = notes.flatMap(({ text }) => readCheckpoint(text, [key.publicKey]) ?? [])
  const report = await verifyLog(store.read, tenant, checkpoints)
  assert.deepEqual([report.coveredTo, report.findings], [11, []])
  assert.equal(writer.problem(), null)
})

test('checkpoints are written by themselves while the log grows', async (t) => {
  const store = await makeStore(t, 'sqlite')
  const folder = makeFolder(t)
  const writer = start(t, store, folder, { everySeconds: 0.02 })

  await writeLog(store, 5)
  await waitUntil(
    () => sizesIn(folder),
    (sizes) => sizes[tenant] === 5,
  )
  await writeLog(store, 5)
  await waitUntil(
    () => sizesIn(folder),
    (sizes) => sizes[tenant] === 10,
  )
  // The note is there before what the next start goes on from; a file on its way has another name.
  await writer.stop()

  // One file a day, and what the next start goes on from.
  assert.equal(readdirSync(join(folder, tenant)).length, 2)
})

test('a log without entries has no checkpoint', async (t) => {
  const store = await makeStore(t, 'sqlite')
  const writer = start(t, store, makeFolder(t))

  assert.equal(await writer.take(tenant), null)
})

for (const isKept of [true, false]) {
  test(`a later start goes on ${isKept ? 'from the tree it kept' : 'without the tree it kept'}`, async (t) => {
    const store = await makeStore(t, 'sqlite')
    const folder = makeFolder(t)
    await writeLog(store, 6)
    await start(t, store, folder).stop()
    if (!isKept) rmSync(join(folder, tenant, 'tree'))
    await writeLog(store, 6)

    const writer = start(t, store, folder)
    await writer.take(tenant)

    assert.equal(writer.problem(), null)
    assert.equal((await sizesIn(folder))[tenant], 12)
  })
}

test('a kept tree that is not the signed one is not believed', async (t) => {
  const store = await makeStore(t, 'sqlite')
  const folder = makeFolder(t)
  await writeLog(store, 6)
  await start(t, store, folder).stop()
  const path = join(folder, tenant, 'tree')
  const kept = readFileSync(path, 'utf8')
  for (const damage of [
    kept.replace('6 ', '7 '),
    `6 ${['0', '0', '0'].map((digit) => digit.repeat(64)).join(' ')}\n`,
    'x',
    '',
  ]) {
    writeFileSync(path, damage)
    await writeLog(store, 1)

    const writer = start(t, store, folder)
    await writer.take(tenant)
    await writer.stop()

    assert.equal(writer.problem(), null)
  }
  assert.equal((await sizesIn(folder))[tenant], 10)
})

/** What somebody does to the log, while the server runs or before its next start. */
const tamperings: readonly (readonly [name: string, change: () => ReturnType<typeof sql>])[] = [
  ['a new entry is changed', () => sql`update audit set reason = 'x' where seq = 9`],
  ['the end is gone', () => sql`update audit_heads set size = 5`],
]

for (const [name, change] of tamperings) {
  eachDatabase(`nothing is signed when ${name} while the server runs, and /readyz is told`, async (t, store) => {
    const folder = makeFolder(t)
    await writeLog(store, 7)
    const writer = start(t, store, folder)
    await writer.take(tenant)
    await writeLog(store, 3)
    await tamperWith(store, change())

    await assert.rejects(writer.take(tenant), BrokenLog)
    await writer.stop()

    assert.equal(writer.problem(), 'the audit log is not the one that was signed')
    assert.equal((await sizesIn(folder))[tenant], 7)
  })
}

for (const [what, entries] of [
  ['a shorter log', 3],
  ['a longer log', 9],
] as const) {
  test(`${what} that was written anew is not signed by the next start`, async (t) => {
    const folder = makeFolder(t)
    const first = await makeStore(t, 'sqlite')
    await writeLog(first, 7)
    await start(t, first, folder).stop()
    const second = await makeStore(t, 'sqlite')
    await writeLog(second, 4, otherTenant)
    await writeLog(second, 1)
    await writeLog(second, entries - 1)
    for (const isKept of [true, false]) {
      if (!isKept) rmSync(join(folder, tenant, 'tree'))
      const writer = start(t, second, folder)

      await assert.rejects(writer.take(tenant), BrokenLog)
      await writer.take(otherTenant)
      await writer.stop()
      assert.deepEqual(await sizesIn(folder), { [tenant]: 7, [otherTenant]: 4 })
    }
  })
}

test('a checkpoint that another key signed stops the signing', async (t) => {
  const store = await makeStore(t, 'sqlite')
  const folder = makeFolder(t)
  await writeLog(store, 3)
  await start(t, store, folder).stop()

  const writer = start(t, store, folder, { auditKey: generateKeyPairSync('ed25519') })

  await assert.rejects(writer.take(tenant), BrokenLog)
})

test('of two servers on one folder the checkpoint stays that covers more', async (t) => {
  const store = await makeStore(t, 'sqlite')
  const folder = makeFolder(t)
  await writeLog(store, 3)
  const [one, two] = [start(t, store, folder), start(t, store, folder)]
  await one.take(tenant)
  await writeLog(store, 3)
  await two.take(tenant)

  await one.take(tenant)

  assert.equal((await sizesIn(folder))[tenant], 6)
  assert.deepEqual([one.problem(), two.problem()], [null, null])
})

test('a folder that cannot be written is a problem until it can', async (t) => {
  const store = await makeStore(t, 'sqlite')
  const folder = makeFolder(t)
  // Also root cannot make a folder where a file stands.
  writeFileSync(join(folder, 'file'), '')
  const path = join(folder, 'file', 'checkpoints')
  await writeLog(store, 3)
  const writer = start(t, store, path, { everySeconds: 0.02 })
  await waitUntil(
    async () => writer.problem(),
    (problem) => problem === 'audit checkpoints cannot be written',
  )

  rmSync(join(folder, 'file'))

  await waitUntil(
    async () => writer.problem(),
    (problem) => problem === null,
  )
  assert.equal((await sizesIn(path))[tenant], 3)
})

test('the files are whole and can be read by anybody', async (t) => {
  const store = await makeStore(t, 'sqlite')
  const folder = makeFolder(t)
  chmodSync(folder, 0o755)
  await writeLog(store, 3)

  await start(t, store, folder).stop()

  const names = readdirSync(join(folder, tenant))
  assert.deepEqual(
    names.filter((name) => name.endsWith('.tmp')),
    [],
  )
  assert.match(names.sort()[0] ?? '', /^\d{4}-\d\d-\d\d\.checkpoint$/)
})
