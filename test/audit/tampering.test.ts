import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import type { Checkpoint } from '../../src/audit/checkpoint.ts'
import { createVerifier, type LogReport, verifyLog } from '../../src/audit/verify.ts'
import type { Store, Tx } from '../../src/store/db.ts'
import { tenant } from '../store/given.ts'
import { eachDatabase, makeStore } from '../support/databases.ts'
import { testSeed as seed } from '../support/seed.ts'
import { checkpointOf, type Log, readLog, writeLog } from './given.ts'
import { seeded, tamper } from './tampering.ts'

function verifyRows({ rows, head }: Log, checkpoints: readonly Checkpoint[]): LogReport {
  const verifier = createVerifier(tenant, checkpoints)
  for (const row of rows) verifier.take(row)
  return verifier.end(head)
}

test('10,000 random tamperings with a log are all found', async (t) => {
  const store = await makeStore(t, 'sqlite')
  await writeLog(store, 60)
  const log = await readLog(store)
  const checkpoints = [checkpointOf(log, 35), checkpointOf(log, 60)]
  assert.deepEqual(verifyRows(log, checkpoints).findings, [])

  const random = seeded(seed)
  const missed: string[] = []
  const kinds = new Map<string, number>()
  for (let count = 0; count < 10_000; count++) {
    const { name, log: broken } = tamper(log, random)
    const { findings } = verifyRows(broken, checkpoints)
    if (findings.length === 0) missed.push(name)
    for (const kind of new Set(findings.map((finding) => finding.kind))) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }

  t.diagnostic(`seed ${seed}; found by kind: ${JSON.stringify(Object.fromEntries(kinds))}`)
  assert.deepEqual(missed, [], `seed ${seed}`)
  assert.equal(kinds.size, 7)
})

/** Ends a transaction that must leave nothing behind. */
class TakenBack extends Error {}

/** Puts a log in the place of the one in the database, as its owner can, and looks at it; then everything is as it was. */
async function verifyInPlace(store: Store, log: Log, checkpoints: readonly Checkpoint[]): Promise<LogReport> {
  let report: LogReport | undefined
  const attempt = store.transaction(async (tx) => {
    await takeGuardAway(store, tx)
    await replaceLog(tx, log)
    report = await verifyLog(tx, tenant, checkpoints)
    throw new TakenBack()
  })
  await assert.rejects(attempt, TakenBack)
  if (report === undefined) throw new Error('nothing was verified')
  return report
}

async function takeGuardAway(store: Store, tx: Tx): Promise<void> {
  if (store.dialect === 'postgres') await sql`alter table audit disable trigger audit_no_change`.execute(tx)
  else for (const change of ['update', 'delete']) await sql`drop trigger ${sql.ref(`audit_no_${change}`)}`.execute(tx)
}

async function replaceLog(tx: Tx, log: Log): Promise<void> {
  await tx.deleteFrom('audit').execute()
  await tx.deleteFrom('audit_heads').execute()
  const rows = log.rows.map((row) => ({ ...row }))
  if (rows.length > 0) await tx.insertInto('audit').values(rows).execute()
  if (log.head) await tx.insertInto('audit_heads').values(log.head).execute()
}

/** What the database itself does not even take: two entries with one number, or bytes that are no text. */
function isStorable({ rows }: Log): boolean {
  const text = JSON.stringify(rows)
  return new Set(rows.map((row) => `${row.tenant_id} ${row.seq}`)).size === rows.length && !text.includes('\\u0000')
}

eachDatabase('500 random tamperings with the log in its database are all found', async (t, store) => {
  await writeLog(store, 25)
  const log = await readLog(store)
  const checkpoints = [checkpointOf(log, 11), checkpointOf(log, 25)]
  assert.deepEqual((await verifyLog(store.read, tenant, checkpoints)).findings, [])

  const random = seeded(seed)
  const missed: string[] = []
  let done = 0
  while (done < 500) {
    const { name, log: broken } = tamper(log, random)
    // In a database the order is that of the numbers, so that swapped rows are no change.
    if (!isStorable(broken) || name.endsWith('with their numbers')) continue
    done += 1
    const { findings } = await verifyInPlace(store, broken, checkpoints)
    if (findings.length === 0) missed.push(name)
  }

  t.diagnostic(`seed ${seed}`)
  assert.deepEqual(missed, [], `seed ${seed}`)
  assert.deepEqual((await verifyLog(store.read, tenant, checkpoints)).findings, [])
})

test('values of other types and bytes that are no text are found in SQLite', async (t) => {
  const store = await makeStore(t, 'sqlite')
  await writeLog(store, 12)
  const log = await readLog(store)
  const damages = [
    sql`update audit set reason = cast(x'ff41' as text) where seq = 7`,
    sql`update audit set actor_name = cast(actor_name as blob) where seq = 7`,
    sql`update audit set seq = 7.5 where seq = 7`,
    sql`update audit set seq = 'seven' where seq = 7`,
    sql`update audit set details = 7 where seq = 7`,
    sql`update audit set details = null where seq = 7`,
    sql`update audit set code = '' where code is null and seq = 8`,
    sql`update audit set tenant_id = 'another' where seq = 7`,
  ]

  for (const damage of damages) {
    let findings: LogReport['findings'] = []
    const attempt = store.transaction(async (tx) => {
      await takeGuardAway(store, tx)
      await damage.execute(tx)
      findings = (await verifyLog(tx, tenant, [checkpointOf(log, 12)])).findings
      throw new TakenBack()
    })
    await assert.rejects(attempt, TakenBack)
    assert.ok(
      findings.some(({ seq }) => seq === 7 || seq === 8),
      JSON.stringify(findings),
    )
  }
})

test('a finding names the entry', async (t) => {
  const store = await makeStore(t, 'sqlite')
  await writeLog(store, 10)
  const log = await readLog(store)
  const checkpoints = [checkpointOf(log, 10)]
  const first = (rows: Log['rows'], head = log.head): unknown => {
    const { kind, seq } = verifyRows({ rows, head }, checkpoints).findings[0] ?? {}
    return [kind, seq]
  }

  assert.deepEqual(first(log.rows.with(3, { ...row(log, 4), reason: 'another' })), ['changed', 4])
  assert.deepEqual(first(log.rows.toSpliced(5, 2)), ['missing', 6])
  assert.deepEqual(first(log.rows.slice(0, 8)), ['truncated', 9])
  assert.deepEqual(first(log.rows.with(2, row(log, 3)).with(8, row(log, 3))), ['misplaced', 9])
  assert.deepEqual(first(log.rows, { ...head(log), size: 9 }), ['unexpected', 10])
  assert.deepEqual(first(log.rows, { ...head(log), hash: row(log, 9).hash }), ['head', 10])
})

function row(log: Log, seq: number): Log['rows'][number] {
  const found = log.rows[seq - 1]
  assert.ok(found)
  return found
}

function head(log: Log): NonNullable<Log['head']> {
  assert.ok(log.head)
  return log.head
}

test('what was written after the last checkpoint is compared with itself only', async (t) => {
  const store = await makeStore(t, 'sqlite')
  await writeLog(store, 10)
  const log = await readLog(store)

  const report = verifyRows(log, [checkpointOf(log, 6)])

  assert.deepEqual([report.entries, report.coveredTo, report.findings], [10, 6, []])
  const forged = verifyRows({ ...log, rows: log.rows.with(8, { ...row(log, 9), reason: 'x' }) }, [checkpointOf(log, 6)])
  assert.deepEqual(forged.findings.map(({ kind, seq }) => [kind, seq])[0], ['changed', 9])
})
