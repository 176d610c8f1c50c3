import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import { startServer } from '../../src/main.ts'
import { insertJob } from '../../src/store/jobs.ts'
import { waitUntil } from '../support/answers.ts'
import { onEnd } from '../support/cleanup.ts'
import { type Cordon, startCordon } from '../support/cordon.ts'
import { makeMigratedDatabase } from '../support/databases.ts'
import { giveTenant, type Tenant } from '../support/given.ts'
import { startMailServer } from '../support/mail-server.ts'
import { receiverTls } from '../support/receiver.ts'
import { addChannel, giveGuidedTask, listDeliveries, mailSettings } from './people-world.ts'
import { hurry } from './world.ts'

/** Waits until nothing is left to be told. */
async function settle(cordon: Cordon, tenant: Tenant): Promise<void> {
  const jobs = cordon.store.read.selectFrom('jobs').select('id').where('tenant_id', '=', tenant.id)
  await waitUntil(
    () => jobs.where('kind', 'in', ['tell-people', 'deliver-message']).execute(),
    (rows) => rows.length === 0,
    60,
  )
}

for (const kind of ['sqlite', 'postgres'] as const) {
  test(`a message that waits when the server stops is delivered once after its restart (${kind})`, async (t) => {
    const { ca } = await receiverTls()
    const outbound = { allow: ['127.0.0.2/32:*'] }
    const database = kind === 'postgres' ? await makeMigratedDatabase(t, kind) : undefined
    const cordon = await startCordon(t, { outbound, database })
    const tenant = await giveTenant(cordon)
    const mail = await startMailServer(t)
    await addChannel(tenant, 'mail', mailSettings(mail, ca))
    mail.refuse(451)
    await giveGuidedTask(tenant, { displayName: 'Waits over a restart' })
    await waitUntil(
      () => listDeliveries(tenant),
      ([first]) => Number(first?.attempts) > 0,
    )
    await cordon.server.stop()
    mail.refuse(null)
    await hurry(cordon, tenant)

    const { dataDir } = cordon
    const fixed = { host: 'localhost', port: 0, http: false, publicOrigins: [], strictGraph: false }
    const again = await startServer({ dataDir, database, outbound, ...fixed }, createLog('fatal'))
    onEnd(t, () => again.stop())
    await mail.wait(1)
    await settle(cordon, tenant)

    assert.equal(mail.mails.length, 1)
    assert.match(mail.mails[0]?.text ?? '', /Waits over a restart/)
  })
}

test('a message that was handed over and not written down comes again under the same id', async (t) => {
  const { ca } = await receiverTls()
  const cordon = await startCordon(t, { outbound: { allow: ['127.0.0.2/32:*'] } })
  const tenant = await giveTenant(cordon)
  const mail = await startMailServer(t)
  await addChannel(tenant, 'mail', mailSettings(mail, ca))
  await giveGuidedTask(tenant)
  await mail.wait(1)
  await settle(cordon, tenant)

  // What a server leaves behind that dies between the two.
  const row = await cordon.store.read.selectFrom('deliveries').selectAll().executeTakeFirstOrThrow()
  await cordon.store.transaction(async (tx) => {
    await tx.updateTable('deliveries').set({ state: 'waiting', finished_at: null }).execute()
    const payload = { deliveryId: row.id, since: row.created_at }
    await insertJob(tx, tenant.id, systemClock.now(), { id: row.id, kind: 'deliver-message', payload })
  })
  await mail.wait(2)

  const ids = mail.mails.map(({ headers }) => headers['message-id'])
  assert.equal(new Set(ids).size, 1)
})

test('two servers on one database tell people of each thing once', async (t) => {
  const { ca } = await receiverTls()
  const outbound = { allow: ['127.0.0.2/32:*'] }
  const database = await makeMigratedDatabase(t, 'postgres')
  const cordon = await startCordon(t, { outbound, database })
  await startCordon(t, { outbound, database, dataDir: cordon.dataDir })
  const tenant = await giveTenant(cordon)
  const mail = await startMailServer(t)
  await addChannel(tenant, 'mail', mailSettings(mail, ca))

  const given = await Promise.all(Array.from({ length: 20 }, () => giveGuidedTask(tenant)))
  await mail.wait(given.length)
  await settle(cordon, tenant)

  assert.equal(mail.mails.length, given.length)
  assert.equal(new Set(mail.mails.map(({ headers }) => headers['message-id'])).size, given.length)
})
