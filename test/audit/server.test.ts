import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { readCheckpoint } from '../../src/audit/checkpoint.ts'
import { verifyLog } from '../../src/audit/verify.ts'
import { readAuditPublicKeys } from '../../src/io/secrets.ts'
import type { Store } from '../../src/store/db.ts'
import { readExecutionsOfTask } from '../../src/store/executions.ts'
import { assertError, waitUntil } from '../support/answers.ts'
import { type Client, type Cordon, startCordon } from '../support/cordon.ts'
import { databaseKinds } from '../support/databases.ts'
import { fittingAction, giveTenant, type Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

interface Entry {
  readonly seq: number
  readonly action: string
  readonly objectId: string
  readonly decision: string
}

async function listAll(client: Client, query: string): Promise<Entry[][]> {
  const pages: Entry[][] = []
  for (let path: string | undefined = `/api/v1/audit${query}`; path !== undefined; ) {
    const answer = await client.get(path)
    assert.equal(answer.status, 200, answer.text)
    pages.push(answer.body.value)
    const next: string | undefined = answer.body['@odata.nextLink']
    path = next && new URL(next).pathname + new URL(next).search
  }
  return pages
}

/** Changes that leave entries: two incidents, three changes each, and one refusal. */
async function giveHistory(tenant: Tenant): Promise<readonly [string, string]> {
  const responder = await tenant.as('responder')
  const ids = [await tenant.incident(), await tenant.incident()] as const
  for (const severity of ['high', 'low', 'medium']) {
    for (const id of ids) {
      const answer = await responder.patch(`/v1.0/security/incidents/${id}`, { severity, customTags: [severity] })
      assert.equal(answer.status, 200, answer.text)
    }
  }
  assertError(await responder.patch(`/v1.0/security/incidents/${ids[0]}`, { severity: 'none' }), 400)
  return ids
}

tenantTestOnEach('the log is listed newest first, page by page, without gaps', async (tenant) => {
  await giveHistory(tenant)
  const auditor = await tenant.as('auditor')

  const whole = (await listAll(auditor, '?$top=1000')).flat()
  const pages = await listAll(auditor, '?$top=3')

  assert.deepEqual(
    whole.map((entry) => entry.seq),
    whole.map((_, index) => whole.length - index),
  )
  assert.ok(whole.length >= 7)
  assert.ok(pages.every((page) => page.length <= 3))
  assert.deepEqual(pages.flat(), whole)
})

tenantTestOnEach('the list is narrowed by object, actor, action, decision and time', async (tenant) => {
  const [first] = await giveHistory(tenant)
  const auditor = await tenant.as('auditor')
  const whole = (await listAll(auditor, '')).flat() as (Entry & { readonly time: string; readonly actorId: string })[]
  const [newest] = whole
  const refused = whole.find((entry) => entry.decision === 'refused')
  assert.ok(newest && refused)
  const count = async (query: string): Promise<number> => (await listAll(auditor, query)).flat().length

  assert.equal(await count(`?objectType=incident&objectId=${first}`), 3)
  assert.equal(await count(`?objectType=incident&objectId=${first}&$top=2`), 3)
  assert.equal(await count('?action=updateIncident'), 6)
  assert.equal(await count(`?action=updateIncident&actorId=${refused.actorId}`), 6)
  assert.equal(await count('?decision=refused'), 1)
  assert.equal(await count(`?to=${whole.at(-1)?.time}`), 0)
  assert.equal(await count(`?from=${whole.at(-1)?.time}`), whole.length)
  assert.equal(await count('?from=2999-01-01T00:00:00Z'), 0)
})

tenantTest('a parameter that is wrong is refused by name', async (tenant) => {
  const auditor = await tenant.as('auditor')
  for (const [query, target] of [
    ['$top=0', '$top'],
    ['$top=1001', '$top'],
    ['$skiptoken=x', '$skiptoken'],
    ['$filter=a', '$filter'],
    ['from=yesterday', 'from'],
    ['objectId=', 'objectId'],
    ['objectId=%00', 'objectId'],
  ] as const) {
    assertError(await auditor.get(`/api/v1/audit?${query}`), 400, { code: 'BadRequest', target })
  }
})

tenantTest("nobody sees another tenant's entries or checkpoint", async (tenant, cordon) => {
  await giveHistory(tenant)
  const other = await giveTenant(cordon)
  const auditor = await other.as('auditor')

  const entries = (await listAll(auditor, '')).flat()
  const note = (await auditor.get('/api/v1/audit/checkpoint')).text

  assert.deepEqual(
    entries.filter((entry) => entry.action === 'updateIncident'),
    [],
  )
  assert.equal(readCheckpoint(note, await readAuditPublicKeys(cordon.dataDir))?.tenantId, other.id)
})

tenantTestOnEach('a checkpoint covers the log up to this moment', async (tenant, cordon) => {
  const admin = await tenant.as('admin')
  await giveHistory(tenant)

  const answer = await admin.get('/api/v1/audit/checkpoint')

  assert.equal(answer.headers['content-type'], 'text/plain;charset=utf-8')
  const checkpoint = readCheckpoint(answer.text, await readAuditPublicKeys(cordon.dataDir))
  assert.ok(checkpoint)
  const report = await verifyLog(cordon.store.read, tenant.id, [checkpoint])
  assert.deepEqual([report.findings, report.coveredTo], [[], report.entries])
})

test('/readyz warns while no checkpoint can be written, and requests go on', async (t) => {
  const cordon = await startCordon(t)
  const admin = await cordon.as('admin')
  // The first round is over; the next would come in ten seconds.
  assert.equal((await admin.get('/api/v1/audit/checkpoint')).status, 200)
  rmSync(join(cordon.dataDir, 'checkpoints'), { recursive: true, force: true })
  writeFileSync(join(cordon.dataDir, 'checkpoints'), '')
  await cordon.createClient('reader')

  assertError(await admin.get('/api/v1/audit/checkpoint'), 503)

  const ready = await cordon.anonymous.get('/readyz')
  assert.deepEqual([ready.status, ready.text], [200, 'ready\nwarning: audit checkpoints cannot be written\n'])
  rmSync(join(cordon.dataDir, 'checkpoints'))
  assert.equal((await admin.get('/api/v1/audit/checkpoint')).status, 200)
  assert.equal((await cordon.anonymous.get('/readyz')).text, 'ready\n')
})

/** Makes the database refuse further entries, all but those of one action. */
async function closeLog(store: Store, except = ''): Promise<void> {
  await store.transaction(async (tx) => {
    if (store.dialect === 'sqlite') {
      await sql`
        create trigger closed before insert on audit when new.action <> ${sql.lit(except)}
        begin select raise(abort, 'closed'); end
      `.execute(tx)
      return
    }
    await sql`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'closed'; end $$
    `.execute(tx)
    await sql`
      create trigger closed before insert on audit for each row when (new.action <> ${sql.lit(except)})
      execute function refuse()
    `.execute(tx)
  })
}

async function openLog(store: Store): Promise<void> {
  const table = store.dialect === 'postgres' ? sql` on audit` : sql``
  await store.transaction((tx) => sql`drop trigger closed${table}`.execute(tx))
}

async function giveIsolation(cordon: Cordon): Promise<{ readonly tenant: Tenant; readonly taskId: string }> {
  const tenant = await giveTenant(cordon)
  await tenant.agent({ hostName: 'web-08', can: ['isolateDevice'] })
  const responseAction = fittingAction('isolateDevice', 'web-08')
  const taskId = await tenant.task(await tenant.incident(), { actionType: 'isolateDevice', responseAction })
  return { tenant, taskId }
}

async function countCommands(cordon: Cordon, taskId: string): Promise<number> {
  return (await cordon.store.read.selectFrom('commands').select('id').where('task_id', '=', taskId).execute()).length
}

for (const databaseKind of databaseKinds) {
  test(`without the log no change is made and answered 503, and reads go on (${databaseKind})`, async (t) => {
    const cordon = await startCordon(t, { databaseKind })
    const { tenant, taskId } = await giveIsolation(cordon)
    const incidentId = await tenant.incident()
    const [responder, admin] = [await tenant.as('responder'), await tenant.as('admin')]
    const path = `/v1.0/security/incidents/${incidentId}`
    const before = await responder.get(path)
    await closeLog(cordon.store)
    const startedAt = performance.now()

    const answers = [
      await responder.patch(path, { severity: 'low' }),
      await responder.post(`${path}/comments`, { comment: 'x' }),
      await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`),
      await admin.post('/v1.0/security/alerts_v2', { title: 'x', severity: 'low' }),
    ]

    for (const answer of answers) {
      assertError(answer, 503, { code: 'ServiceUnavailable' })
      assert.match(String(answer.headers['retry-after']), /^\d+$/)
    }
    // One that were tried again as after a conflict would take ten seconds by itself.
    assert.ok(performance.now() - startedAt < answers.length * 10_000)
    assert.equal((await responder.get(path)).text, before.text)
    assert.deepEqual(await readExecutionsOfTask(cordon.store.read, tenant.id, taskId), [])
    assert.equal(await countCommands(cordon, taskId), 0)
    await openLog(cordon.store)
    assert.equal((await responder.patch(path, { severity: 'low' })).status, 200)
  })

  test(`an action that was asked for waits with its dispatch until the log takes entries (${databaseKind})`, async (t) => {
    const cordon = await startCordon(t, { databaseKind })
    const { tenant, taskId } = await giveIsolation(cordon)
    const responder = await tenant.as('responder')
    await closeLog(cordon.store, 'executeResponseAction')

    const answer = await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)

    assert.equal(answer.status, 204, answer.text)
    await sleep(1_000)
    assert.equal(await countCommands(cordon, taskId), 0)
    const [execution] = await readExecutionsOfTask(cordon.store.read, tenant.id, taskId)
    assert.equal(execution?.state, 'queued')
    await openLog(cordon.store)
    await waitUntil(
      () => countCommands(cordon, taskId),
      (count) => count === 1,
    )
  })
}
