import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { sql } from 'kysely'
import { openCheckpointFolder } from '../../src/audit/checkpoint-folder.ts'
import { startCheckpoints } from '../../src/audit/checkpoints.ts'
import { systemClock } from '../../src/io/clock.ts'
import { checkpointFolder, databaseFile } from '../../src/io/data-dir.ts'
import { createLog } from '../../src/io/log.ts'
import { loadKeys } from '../../src/io/secrets.ts'
import { listAuditEntries, listAuditHeads } from '../../src/store/audit-log.ts'
import { openStore } from '../../src/store/db.ts'
import { otherTenant, tenant } from '../store/given.ts'
import { onEnd } from '../support/cleanup.ts'
import { type DatabaseKind, makeDatabase } from '../support/databases.ts'
import { writeLog } from './given.ts'

const bin = join(import.meta.dirname, '../../bin/cordon.js')

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

function cordon(...args: string[]): Promise<Outcome> {
  const { CORDON_DATA: _, CORDON_DATABASE: __, CORDON_AUDIT_CHECKPOINTS: ___, ...env } = process.env
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], { env, timeout: 60_000 }, (cause, out, err) => {
      resolve({ code: cause === null ? 0 : typeof cause.code === 'number' ? cause.code : -1, out, err })
    })
  })
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-audit-cli-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A data folder with two logs, 20 and 5 entries, signed as a server leaves them when it stops. */
async function giveData(t: TestContext, kind: DatabaseKind = 'sqlite'): Promise<{ data: string; database: string }> {
  const data = makeFolder(t)
  const database = kind === 'sqlite' ? databaseFile(data) : await makeDatabase(t, kind)
  const { auditKeys } = await loadKeys(data)
  const store = await openStore(database)
  await writeLog(store, 20)
  await writeLog(store, 5, otherTenant)
  const folder = openCheckpointFolder(checkpointFolder(data))
  await startCheckpoints({ store, clock: systemClock, log: createLog('silent'), auditKeys, folder }).stop()
  await store.close()
  return { data, database }
}

/** Changes a database as its owner can. */
function tamper(file: string, ...statements: readonly string[]): void {
  const database = new DatabaseSync(file)
  database.exec('drop trigger audit_no_update; drop trigger audit_no_delete')
  for (const statement of statements) database.exec(statement)
  database.close()
}

test('a whole log verifies with exit code 0, and tells how far checkpoints vouch', async (t) => {
  const { data } = await giveData(t)

  const { code, out, err } = await cordon('audit', 'verify', '--data', data, '--json')

  assert.equal(code, 0, err)
  const report = JSON.parse(out)
  assert.deepEqual([report.holds, report.badCheckpoints, report.uncovered, report.logs.length], [true, [], [], 2])
  const [first] = report.logs
  assert.deepEqual(
    [first.tenantId, first.entries, first.coveredTo, first.checkpoints, first.findings],
    [tenant, 20, 20, 1, []],
  )
  assert.match(
    (await cordon('audit', 'verify', '--data', data)).out,
    /20 entries, no fault found.*\n(.*\n)The audit log holds\.\n$/,
  )
})

test('a log in PostgreSQL verifies, and stops doing so when an entry is gone', async (t) => {
  const { data, database } = await giveData(t, 'postgres')

  assert.equal((await cordon('audit', 'verify', '--data', data, '--database', database)).code, 0)

  const store = await openStore(database)
  await store.transaction(async (tx) => {
    await sql`alter table audit disable trigger audit_no_change`.execute(tx)
    await sql`delete from audit where seq = 4 and tenant_id = ${otherTenant}`.execute(tx)
  })
  await store.close()
  const { code, out } = await cordon('audit', 'verify', '--data', data, '--database', database)
  assert.equal(code, 1)
  assert.match(out, /missing at 4: entry 4 is missing/)
})

const faults: readonly (readonly [what: string, statements: readonly string[], said: RegExp])[] = [
  ['a changed entry', ["update audit set reason = 'x' where seq = 7"], /changed at 7/],
  ['a dropped entry', ['delete from audit where seq = 7'], /missing at 7: entry 7 is missing/],
  [
    'swapped entries',
    [
      'update audit set seq = 99 where seq = 7',
      'update audit set seq = 7 where seq = 8',
      'update audit set seq = 8 where seq = 99',
    ],
    /changed at 7/,
  ],
  [
    'an added entry',
    [
      'insert into audit select tenant_id, 21, at, actor_id, actor_kind, actor_name, action, object_type, object_id, decision, code, reason, request_id, client_request_id, before_digest, after_digest, details, hash from audit where seq = 20',
    ],
    /changed at 21/,
  ],
  ['a cut end', ['delete from audit where seq > 15'], /truncated at 16: entries 16 to 20 are gone/],
  [
    'a cut end that the head agrees with',
    [
      `delete from audit where seq > 15 and tenant_id = '${tenant}'`,
      `update audit_heads set size = 15, hash = (select hash from audit where seq = 15) where tenant_id = '${tenant}'`,
    ],
    /truncated at 16: entries 16 to 20 are gone; a checkpoint knows them/,
  ],
  ['a log that is gone', ['delete from audit', 'delete from audit_heads'], /truncated at 1: entries 1 to 5 are gone/],
]

test('every fault in the database ends with exit code 1 and is named', async (t) => {
  const { data } = await giveData(t)
  for (const [what, statements, said] of faults) {
    const copy = makeFolder(t)
    cpSync(data, copy, { recursive: true })
    tamper(databaseFile(copy), ...statements)

    const { code, out } = await cordon('audit', 'verify', '--data', copy)

    assert.equal(code, 1, what)
    assert.match(out, said, what)
    assert.match(out, /The audit log DOES NOT HOLD\.\n$/)
  }
})

test('a log without any checkpoint does not count as verified', async (t) => {
  const { data } = await giveData(t)
  rmSync(checkpointFolder(data), { recursive: true })

  const { code, out } = await cordon('audit', 'verify', '--data', data, '--tenant', tenant)

  assert.equal(code, 1)
  assert.match(out, /no checkpoint to compare with/)
})

test('a checkpoint kept elsewhere shows what was written anew together with its own checkpoints', async (t) => {
  const { data } = await giveData(t)
  const elsewhere = join(makeFolder(t), 'kept')
  const key = join(makeFolder(t), 'key')
  const [note] = await openCheckpointFolder(checkpointFolder(data)).listNotesOf(tenant)
  writeFileSync(elsewhere, note?.text ?? '')
  writeFileSync(key, (await cordon('audit', 'key', '--data', data)).out)
  const forged = await giveForged(t, data)

  assert.equal((await cordon('audit', 'verify', '--data', forged)).code, 0)
  const { code, out } = await cordon('audit', 'verify', '--data', forged, '--checkpoint', elsewhere)

  assert.equal(code, 1)
  assert.match(out, /checkpoint at 1: of the entries 1 to 20 at least one is not what/)
  assert.equal((await cordon('audit', 'verify', '--data', data, '--checkpoint', elsewhere, '--key', key)).code, 0)
})

/** Somebody who has the whole server, its key too, writes the log anew. */
async function giveForged(t: TestContext, data: string): Promise<string> {
  const folder = makeFolder(t)
  mkdirSync(join(folder, 'keys'))
  cpSync(join(data, 'keys'), join(folder, 'keys'), { recursive: true })
  const store = await openStore(databaseFile(folder))
  await writeLog(store, 1)
  await writeLog(store, 24)
  const { auditKeys } = await loadKeys(folder)
  const checkpoints = openCheckpointFolder(checkpointFolder(folder))
  await startCheckpoints({ store, clock: systemClock, log: createLog('silent'), auditKeys, folder: checkpoints }).stop()
  await store.close()
  return folder
}

test('a checkpoint that the key did not sign is named', async (t) => {
  const { data } = await giveData(t)
  const path = join(makeFolder(t), 'note')
  const [note] = await openCheckpointFolder(checkpointFolder(data)).listNotesOf(tenant)
  writeFileSync(path, (note?.text ?? '').replace('\n20\n', '\n10\n'))

  const { code, out } = await cordon('audit', 'verify', '--data', data, '--checkpoint', path)

  assert.equal(code, 1)
  assert.ok(out.includes(`${path}: not signed with the key`), out)
})

test('an export verifies without the database, and not when a line is changed, left out or moved', async (t) => {
  const { data } = await giveData(t)
  const file = join(makeFolder(t), 'export.jsonl')
  const exported = (await cordon('audit', 'export', '--data', data)).out
  const lines = exported.split('\n')
  const verify = async (content: string): Promise<Outcome> => {
    writeFileSync(file, content)
    return cordon('audit', 'verify', '--data', data, '--file', file)
  }

  assert.equal(lines.length, 26)
  assert.equal((await verify(exported)).code, 0)
  const broken: readonly (readonly [string, RegExp])[] = [
    [lines.with(6, (lines[6] ?? '').replace('updateIncident', 'deleteIncident')).join('\n'), /changed at 7/],
    [lines.toSpliced(6, 1).join('\n'), /missing at 7/],
    [
      lines
        .with(6, lines[7] ?? '')
        .with(7, lines[6] ?? '')
        .join('\n'),
      /missing at 7/,
    ],
    [lines.with(6, (lines[6] ?? '').replace('{', '{ ')).join('\n'), /changed at 7/],
    [lines.slice(0, 15).join('\n'), /truncated at 16/],
  ]
  for (const [content, said] of broken) {
    const { code, out } = await verify(content)
    assert.equal(code, 1)
    assert.match(out, said)
  }
})

test('verifying changes nothing in the database', async (t) => {
  const { data } = await giveData(t)
  const before = readFileSync(databaseFile(data))

  await cordon('audit', 'verify', '--data', data)

  assert.ok(before.equals(readFileSync(databaseFile(data))))
})

for (const kind of ['sqlite', 'postgres'] as const) {
  test(`an export on ${kind} beside an open store leaves one entry in each log, which names the user, and the logs hold`, async (t) => {
    const { data, database } = await giveData(t, kind)
    const where = kind === 'sqlite' ? [] : ['--database', database]
    const store = await openStore(database)
    onEnd(t, () => store.close())

    const { code, out, err } = await cordon('audit', 'export', '--data', data, ...where)
    const { code: verified, out: report } = await cordon('audit', 'verify', '--data', data, ...where, '--json')

    assert.equal(code, 0, err)
    assert.equal(verified, 0, report)
    for (const [tenantId, rows] of [[tenant, 20] as const, [otherTenant, 5] as const]) {
      const lines = out.split('\n').filter((line) => line.includes(`"tenantId":"${tenantId}"`))
      const sha256 = hash('sha256', lines.map((line) => `${line}\n`).join(''))
      const log = await listAuditEntries(store.read, tenantId, 0, 100)
      const entry = log.at(-1)
      assert.equal(lines.length, rows)
      assert.equal(log.length, rows + 1, 'none holds its own entry')
      assert.deepEqual(
        [entry?.action, entry?.object_type, entry?.object_id, entry?.actor_kind, entry?.actor_id],
        ['exportAudit', 'export', sha256, 'system', 'cli'],
      )
      assert.equal(entry?.actor_name, `cordon audit export (${userInfo().username})`)
      assert.deepEqual(JSON.parse(entry?.details ?? ''), { filter: {}, format: 'jsonl', rows, sha256, ending: 'whole' })
    }
  })
}

test('an export whose reader goes away leaves an entry that says it was cut, and ends with an exit code', async (t) => {
  const { data, database } = await giveData(t)
  const store = await openStore(database)
  onEnd(t, () => store.close())
  // More than a pipe takes.
  await writeLog(store, 2_000)

  const child = spawn(process.execPath, [bin, 'audit', 'export', '--data', data, '--tenant', tenant], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  child.stdout.once('data', () => child.stdout.destroy())
  const [code] = await once(child, 'exit')

  const entry = (await listAuditEntries(store.read, tenant, 2_020, 10)).at(-1)
  const details = JSON.parse(entry?.details ?? '{}')
  assert.notEqual(code, 0)
  assert.deepEqual([entry?.action, details.ending], ['exportAudit', 'cut'])
  assert.ok(details.rows < 2_020, `${details.rows}`)
})

test('a database that can only be read is exported when that is asked for, and says that no entry is left', async (t) => {
  const { data, database } = await giveData(t, 'postgres')
  const name = new URL(database).pathname.slice(1)
  const store = await openStore(database)
  onEnd(t, () => store.close())
  await sql`alter database ${sql.id(name)} set default_transaction_read_only = on`.execute(store.read)

  const refused = await cordon('audit', 'export', '--data', data, '--database', database)
  const allowed = await cordon('audit', 'export', '--data', data, '--database', database, '--allow-unrecorded')

  assert.equal(refused.code, 2)
  assert.equal(refused.out, '')
  assert.match(refused.err, /can only be read, so that the export cannot leave its entry .*--allow-unrecorded/)
  assert.equal(allowed.code, 0, allowed.err)
  assert.match(allowed.err, /goes on without one/)
  assert.equal(allowed.out.trim().split('\n').length, 25)
  assert.equal((await listAuditEntries(store.read, tenant, 0, 100)).length, 20)
})

test('an export of a tenant without a log begins none', async (t) => {
  const { data, database } = await giveData(t)

  const { code, err } = await cordon('audit', 'export', '--data', data, '--tenant', 'nobody')

  const store = await openStore(database)
  onEnd(t, () => store.close())
  assert.equal(code, 1)
  assert.match(err, /There is no log of the tenant nobody/)
  assert.deepEqual(
    (await listAuditHeads(store.read)).map((head) => head.tenant_id).sort(),
    [tenant, otherTenant].sort(),
  )
})

test('a SIEM gets OCSF events of the two classes', async (t) => {
  const { data } = await giveData(t)

  const { out } = await cordon('audit', 'export', '--data', data, '--format', 'ocsf', '--tenant', otherTenant)

  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(events.length, 5)
  for (const [index, event] of events.entries()) {
    assert.deepEqual([event.class_uid, event.category_uid, event.type_uid], [3004, 3, 300403])
    assert.deepEqual([event.metadata.version, event.metadata.sequence], ['1.6.0', index + 1])
    assert.deepEqual(event.entity, { type: 'incident', uid: String(index) })
    assert.equal(event.status_id, index % 4 === 0 ? 2 : 1)
    assert.equal(event.time, Date.parse(event.metadata.original_time))
  }
})

test('wrong use ends with exit code 2 and says what is wrong', async (t) => {
  const { data } = await giveData(t)

  const format = await cordon('audit', 'export', '--data', data, '--format', 'csv')
  const key = await cordon('audit', 'verify', '--data', data, '--key', 'x')

  assert.deepEqual([format.code, key.code], [2, 2])
  assert.match(format.err, /--format takes jsonl or ocsf/)
  assert.match(key.err, /--key takes a verifier key/)
})
