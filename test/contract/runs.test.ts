import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { exportAudit } from '../../src/api/v1/audit/list.ts'
import { answerExport, type ExportRow, toCsvRow } from '../../src/api/v1/export-rows.ts'
import { systemClock } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import type { Permission } from '../../src/model/permissions.ts'
import { openStore } from '../../src/store/db.ts'
import { recordChange } from '../../src/store/record.ts'
import { makeCall } from '../access/support.ts'
import { waitUntil } from '../support/answers.ts'
import { type Cordon, startCordon } from '../support/cordon.ts'
import { databaseKinds } from '../support/databases.ts'
import { giveTenant } from '../support/given.ts'

interface Download {
  readonly status: number | undefined
  readonly text: string
  readonly trailers: Readonly<Record<string, string | undefined>>
}

/** A file with what stands behind it. */
async function download(cordon: Cordon, path: string, token: string): Promise<Download> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}` }
    request(`${cordon.url}${path}`, { ca: cordon.ca, headers }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () =>
        resolve({
          status: answer.statusCode,
          text: Buffer.concat(chunks).toString('utf8'),
          trailers: answer.trailers,
        }),
      )
    })
      .on('error', reject)
      .end()
  })
}

/** Takes the beginning of a file and goes away. */
async function breakOff(cordon: Cordon, path: string, token: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}` }
    const asked = request(`${cordon.url}${path}`, { ca: cordon.ca, headers }, (answer) => {
      // That it broke off is what is wanted.
      answer.on('error', () => {})
      answer.once('close', resolve)
      answer.once('data', () => asked.destroy())
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** What the server writes back to a request line, headers included. */
async function speak(cordon: Cordon, line: string, token: string): Promise<string> {
  const { hostname, port, host } = new URL(cordon.url)
  const socket = connect({ host: hostname, port: Number(port), ca: cordon.ca })
  socket.write(`${line}\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`)
  return text(socket)
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

for (const databaseKind of databaseKinds) {
  test(`on ${databaseKind} every run of the tenant is in the list, page by page, and the file holds exactly the filter`, async (t) => {
    const cordon = await startCordon(t, { databaseKind })
    const tenant = await giveTenant(cordon)
    const other = await giveTenant(cordon, await cordon.createTenant('Other'))
    await other.execution(await other.task(await other.incident()), 'failed')
    const incidentId = await tenant.incident()
    const states = ['succeeded', 'failed', 'awaitingApproval', 'unknown', 'succeeded'] as const
    const ids: string[] = []
    for (const state of states) {
      const taskId = await tenant.task(incidentId, { displayName: `=task ${state}` })
      ids.push(await tenant.execution(taskId, state, { saying: state === 'failed' ? '-no "host", here' : '' }))
    }
    const reader = await tenant.as('reader')
    const token = await cordon.token(await cordon.createClient('reader', tenant.id))
    const idsOf = (body: { value: { id: string }[] }): string[] => body.value.map(({ id }) => id)

    const whole = (await reader.get('/api/v1/executions?$count=true')).body
    const pages: string[] = []
    for (let next: string | undefined = '/api/v1/executions?$top=2'; next !== undefined; ) {
      const { body } = await reader.get(next)
      pages.push(...idsOf(body))
      const link: string | undefined = body['@odata.nextLink']
      next = link?.slice(cordon.url.length)
    }
    const open = (await reader.get('/api/v1/executions?state=awaitingApproval&state=unknown')).body
    const nobodys = (await reader.get('/api/v1/executions?requestedBy=somebody')).body
    const later = (await reader.get(`/api/v1/executions?from=${systemClock.now()}`)).body
    const csv = await download(cordon, '/api/v1/executions/export?state=failed', token)
    const lines = await download(cordon, '/api/v1/executions/export?format=jsonl', token)
    const asked = await speak(cordon, 'HEAD /api/v1/executions/export HTTP/1.1', token)
    const old = await speak(cordon, 'GET /api/v1/executions/export?format=jsonl HTTP/1.0', token)
    const monitor = await (await tenant.as('monitor')).get('/api/v1/executions')
    const refused = await Promise.all(
      ['state=done', 'actionType=nuke', '$skiptoken=1', 'from=yesterday', 'format=csv', 'who=me'].map((one) =>
        reader.get(`/api/v1/executions?${one}`),
      ),
    )

    assert.equal(whole['@odata.count'], states.length)
    assert.deepEqual(idsOf(whole).sort(), [...ids].sort())
    assert.deepEqual(pages, idsOf(whole))
    assert.deepEqual(idsOf(open).sort(), [ids[2], ids[3]].sort())
    assert.deepEqual([nobodys.value, later.value], [[], []])
    assert.equal(csv.status, 200)
    const [, row = '', rest] = csv.text.split('\r\n')
    assert.ok(row.startsWith(`${ids[1]},`), row)
    assert.ok(row.includes("'=task failed"), row)
    assert.ok(row.includes(`"'-no ""host"", here"`), row)
    assert.equal(rest, '')
    assert.deepEqual(csv.trailers, { 'cordon-row-count': '1', 'cordon-content-sha256': sha256(csv.text) })
    assert.equal(lines.text.trim().split('\n').length, states.length)
    assert.equal(lines.trailers['cordon-content-sha256'], sha256(lines.text))
    // Without a body in chunks there is no place for trailers.
    assert.match(asked, /^HTTP\/1\.1 200 (?!.*Trailer).*text\/csv.*\r\n\r\n$/s)
    assert.match(old, /^HTTP\/1\.[01] 200 /)
    assert.ok(!old.includes('Trailer') && old.endsWith(`\r\n\r\n${lines.text}`), old)
    assert.equal(monitor.status, 403)
    assert.deepEqual(
      refused.map(({ status }) => status),
      refused.map(() => 400),
    )
  })
}

test('a file begins before its last rows are looked for, and waits for whoever takes it', async () => {
  const read: number[] = []
  const pages = async function* (): AsyncGenerator<ExportRow[]> {
    for (let page = 0; page < 3; page++) {
      read.push(page)
      yield [{ page }]
    }
  }

  const ends: object[] = []
  const record = async (end: object): Promise<void> => void ends.push(end)

  const answer = answerExport({ name: 'rows', format: 'csv', columns: ['page'], pages, record })
  const pieces = answer.pieces?.text[Symbol.asyncIterator]()
  const atFirst = [...read]
  const first = await pieces?.next()
  const afterOne = [...read]
  const others = [await pieces?.next(), await pieces?.next(), await pieces?.next()]

  assert.deepEqual([atFirst, afterOne, read], [[], [0], [0, 1, 2]])
  assert.equal(first?.value, 'page\r\n0\r\n')
  assert.deepEqual(
    others.map((one) => one?.value),
    ['1\r\n', '2\r\n', undefined],
  )
  assert.deepEqual(answer.pieces?.trailers(), {
    'Cordon-Row-Count': '3',
    'Cordon-Content-SHA256': sha256('page\r\n0\r\n1\r\n2\r\n'),
  })
  assert.deepEqual(ends, [{ ending: 'whole', rows: 3, sha256: sha256('page\r\n0\r\n1\r\n2\r\n') }])
})

test('a file whose trace cannot be kept does not end as a whole one', async () => {
  const pages = async function* (): AsyncGenerator<ExportRow[]> {
    yield [{ a: 1 }]
  }
  const record = (): Promise<void> => Promise.reject(new Error('no room'))
  const pieces = answerExport({ name: 'rows', format: 'csv', columns: ['a'], pages, record }).pieces?.text

  const taken: string[] = []
  const end = (async () => {
    for await (const piece of pieces ?? []) taken.push(piece)
  })()

  await assert.rejects(end, /no room/)
  assert.deepEqual(taken, ['a\r\n1\r\n'])
})

test('the audit log is read while its file is taken, and a whole one says its rows and hash', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon)
  const actor = { tenantId: tenant.id, id: 'test', kind: 'system', name: 'test' } as const
  const entry = { action: 'madeUp', objectType: 'thing', decision: 'allowed' } as const
  const audit = Array.from({ length: 2_500 }, (_, index) => ({ ...entry, objectId: String(index) }))
  await cordon.store.transaction((tx) => recordChange(tx, { at: systemClock.now(), actor, audit }))
  const token = await cordon.token(await cordon.createClient('auditor', tenant.id))
  const caller = { ...actor, permissions: new Set<Permission>() }
  const call = { ...makeCall({ rawQuery: 'format=jsonl&action=madeUp' }), caller }
  const countLines = (text: string): number => text.split('\n').length - 1

  const whole = await download(cordon, '/api/v1/audit/export?format=jsonl&action=madeUp', token)
  const store = await openStore(join(cordon.dataDir, 'cordon.db'))
  const pieces = (await exportAudit({ store, clock: systemClock, log: createLog('silent') })(call)).pieces?.text[
    Symbol.asyncIterator
  ]()
  const first = await pieces?.next()
  await store.close()
  const rest = await pieces?.next().catch(() => 'the database is closed')

  assert.equal(whole.status, 200)
  assert.equal(countLines(whole.text), 2_500)
  assert.deepEqual(whole.trailers, { 'cordon-row-count': '2500', 'cordon-content-sha256': sha256(whole.text) })
  assert.equal(countLines(String(first?.value)), 1_000)
  assert.equal(rest, 'the database is closed', 'the rest had not been read yet')
})

test('who took which rows away stands in the audit log once, whole or cut, and never in the file itself', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon)
  const actor = { tenantId: tenant.id, id: 'test', kind: 'system', name: 'test' } as const
  const entry = { action: 'madeUp', objectType: 'thing', decision: 'allowed' } as const
  const audit = Array.from({ length: 12_000 }, (_, index) => ({
    ...entry,
    objectId: String(index),
    reason: 'x'.repeat(2_000),
  }))
  await cordon.store.transaction((tx) => recordChange(tx, { at: systemClock.now(), actor, audit }))
  await tenant.execution(await tenant.task(await tenant.incident()), 'failed')
  const auditor = await tenant.as('auditor')
  const token = await cordon.token(await cordon.createClient('auditor', tenant.id))
  const path = '/api/v1/audit/export?format=jsonl&from=2026-01-01T00:00:00Z'
  const listExports = async () =>
    (await auditor.get('/api/v1/audit?objectType=export')).body.value.map(
      ({ action, objectId, details }: Record<string, unknown>) => ({ action, objectId, details }),
    )

  const first = await download(cordon, path, token)
  const second = await download(cordon, path, token)
  const runs = await download(cordon, '/api/v1/executions/export?state=failed', token)
  await speak(cordon, 'HEAD /api/v1/audit/export HTTP/1.1', token)
  await breakOff(cordon, '/api/v1/audit/export?action=madeUp', token)
  const [cut, ...whole] = await waitUntil(listExports, (all) => all.length === 4)

  const from = '2026-01-01T00:00:00.0000000Z'
  const traceOf = ({ text }: { text: string }, action: string, format: string, filter: object, rows: number) => ({
    action,
    objectId: sha256(text),
    details: { filter, format, rows, sha256: sha256(text), ending: 'whole' },
  })
  const rowsOf = ({ text }: { text: string }): number => text.trim().split('\n').length
  const state = { state: ['failed'], actionType: [], requestedBy: [] }
  assert.deepEqual(whole, [
    traceOf(runs, 'exportExecutions', 'csv', state, 1),
    traceOf(second, 'exportAudit', 'jsonl', { from }, rowsOf(second)),
    traceOf(first, 'exportAudit', 'jsonl', { from }, rowsOf(first)),
  ])
  // The second file has one entry more than the first: that of the first.
  assert.equal(first.text.includes('"exportAudit"'), false)
  assert.equal(second.text.split('\n').filter((line) => line.includes('"exportAudit"')).length, 1)
  assert.ok(second.text.endsWith(first.text))
  assert.equal(cut?.details.ending, 'cut')
  assert.ok(cut?.details.rows < audit.length, `${cut?.details.rows}`)
  assert.deepEqual(cut?.details.filter, { action: 'madeUp' })
})

test('no cell of a row is a formula, and what is null is empty', () => {
  const row = {
    time: '2026-03-08T05:29:59.9999999Z',
    a: '=HYPERLINK("https://evil.example")',
    b: '+1',
    c: '-2+3',
    d: '@SUM(A1)',
    e: '\t=1',
    f: '\r=1',
    g: null,
    h: 'a "quoted", reason',
    i: { note: '=1' },
  }

  const text = toCsvRow(Object.keys(row), row)

  assert.equal(
    text,
    `${[
      '2026-03-08T05:29:59.9999999Z',
      '"\'=HYPERLINK(""https://evil.example"")"',
      "'+1",
      "'-2+3",
      "'@SUM(A1)",
      "'\t=1",
      '"\'\r=1"',
      '',
      '"a ""quoted"", reason"',
      '"{""note"":""=1""}"',
    ].join(',')}\r\n`,
  )
})
