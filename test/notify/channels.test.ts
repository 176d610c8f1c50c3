import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { waitUntil } from '../support/answers.ts'
import type { Cordon } from '../support/cordon.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { startLogServer } from '../support/log-server.ts'
import { decodeHeader, type MailServer, mailAccount, startMailServer } from '../support/mail-server.ts'
import { type Received, receiverTls, startReceiver } from '../support/receiver.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'
import { addChannel, everything, giveGuidedTask, listDeliveries, mailSettings } from './people-world.ts'
import { hurry } from './world.ts'

const secret = Buffer.from('a signing secret of 32 bytes ...').toString('base64')

/** What somebody who can make alerts would call an incident. */
const hostile =
  'Paid\r\nBcc: evil@evil.example\r\n\r\n<a href="https://evil.example">x</a> \u202egnp.exe https://evil.example/x @channel ] " \\ end'

function readSignature({ headers, text }: Received, key: string): boolean {
  const id = String(headers['webhook-id'])
  const seconds = String(headers['webhook-timestamp'])
  assert.ok(Math.abs(Date.now() / 1000 - Number(seconds)) < 300)
  const expected = createHmac('sha256', Buffer.from(key, 'base64')).update(`${id}.${seconds}.${text}`).digest('base64')
  return headers['webhook-signature'] === `v1,${expected}`
}

tenantTestOnEach(
  'a guided task reaches mail, webhook and log, each with all that decides whether to get up',
  async (tenant, cordon, t) => {
    const [mail, receiver, log] = [await startMailServer(t), await startReceiver(t), await startLogServer(t)]
    const { ca } = await receiverTls()
    await addChannel(tenant, 'mail', mailSettings(mail, ca, { user: mailAccount.user }), {
      password: mailAccount.password,
    })
    await addChannel(tenant, 'webhook', { url: `${receiver.origin}/hook`, ...everything }, { signingSecret: secret })
    await addChannel(tenant, 'syslog', { url: `syslog+tls://127.0.0.2:${log.port}`, ca: log.ca, ...everything })

    const { incidentId, taskId } = await giveGuidedTask(tenant, { displayName: 'Web shell', severity: 'high' })
    const [[letter], [record]] = [await mail.wait(1), await log.wait(1)]
    const [post] = await waitUntil(
      async () => receiver.received,
      (all) => all.length > 0,
    )

    const link = `${cordon.url}/t/${tenant.id}/incidents/${incidentId}/tasks/${taskId}`
    assert.ok(letter && record && post)
    assert.deepEqual([letter.secure, letter.user, letter.from], [true, 'cordon', 'cordon@example.org'])
    assert.deepEqual(letter.to, ['soc@example.org'])
    assert.deepEqual(mail.plainCommands, [])
    assert.equal(
      decodeHeader(letter.headers.subject ?? ''),
      `[Cordon] High: waiting for your action - incident ${incidentId}: Web shell`,
    )
    assert.equal(letter.headers['auto-submitted'], 'auto-generated')
    assert.match(letter.headers['message-id'] ?? '', /^<[0-9a-f-]{36}@localhost>$/)
    for (const line of [
      'Severity: High',
      `Incident: ${incidentId} Web shell`,
      'Action: isolateDevice',
      'Target: web-07',
      link,
    ]) {
      assert.ok(letter.text.split('\n').includes(line), letter.text)
    }
    assert.match(letter.text, /^Tenant: tenant /m)
    assert.ok(readSignature(post, secret))
    assert.equal(post.body.type, 'cordon.awaitingAction')
    const { data } = post.body
    assert.deepEqual(
      [data.severity, data.incident, data.action, data.link, data.task.id, data.tenant.id],
      [
        'high',
        { id: incidentId, name: 'Web shell' },
        { type: 'isolateDevice', target: 'web-07' },
        link,
        taskId,
        tenant.id,
      ],
    )
    assert.ok(post.body.text.endsWith(link))
    assert.deepEqual(
      [record.pri, record.host, record.app, record.messageId],
      ['130', 'localhost', 'cordon', 'awaitingAction'],
    )
    assert.match(
      record.data,
      new RegExp(`severity="high" tenant="${tenant.id}".* incident="${incidentId}" task="${taskId}"`),
    )
    assert.ok(record.data.includes(`link="${link}"`))
    const delivered = await waitUntil(
      () => listDeliveries(tenant),
      (all) => all.every(({ state }) => state === 'delivered'),
    )
    assert.deepEqual([delivered.length, new Set(delivered.map(({ id }) => id)).size], [3, 3])
  },
)

tenantTest('text of an attacker makes no header, no line, no link and no mention', async (tenant, _cordon, t) => {
  const [mail, receiver, log] = [await startMailServer(t), await startReceiver(t), await startLogServer(t)]
  const { ca } = await receiverTls()
  await addChannel(tenant, 'mail', mailSettings(mail, ca))
  await addChannel(tenant, 'webhook', { url: `${receiver.origin}/hook`, ...everything }, { signingSecret: secret })
  await addChannel(tenant, 'syslog', { url: `syslog+tls://127.0.0.2:${log.port}`, ca: log.ca, ...everything })
  const name = `${hostile} ${'long '.repeat(60)}`

  await giveGuidedTask(
    tenant,
    { displayName: name },
    { displayName: name, responseAction: fittingAction('isolateDevice', hostile) },
  )
  const [[letter], [record]] = [await mail.wait(1), await log.wait(1)]
  const [post] = await waitUntil(
    async () => receiver.received,
    (all) => all.length > 0,
  )

  assert.ok(letter && record && post)
  assert.equal(letter.headers.bcc, undefined)
  assert.deepEqual(letter.to, ['soc@example.org'])
  assert.equal(letter.raw.match(/^Bcc:/gim), null)
  const shown = [
    decodeHeader(letter.headers.subject ?? ''),
    letter.text,
    post.body.text,
    JSON.stringify(post.body.data),
  ]
  const own = /https:\/\/localhost:\d+\/t\/\S+?(?=["\s]|$)/g
  for (const text of [...shown, record.data, record.text]) {
    assert.doesNotMatch(text.replaceAll(own, ''), /https?:\/\/|evil\.example|@channel|\u202e/)
  }
  assert.doesNotMatch(post.body.text.replaceAll(own, ''), /[<>[\]]/)
  assert.equal(letter.text.split('\n').filter((line) => line !== '').length, 9, letter.text)
  assert.ok((letter.headers.subject ?? '').length < 1_000)
  // rsyslog read one record, with the quotes and brackets inside its values.
  assert.match(record.data, /^\[cordon@32473 id="[0-9a-f-]{36}" .*\]$/)
  assert.equal((await log.wait(1)).length, 1)
})

/** Waits until the newest message says so. */
async function waitForDelivery(tenant: Tenant, state: string, error: RegExp): Promise<Record<string, unknown>> {
  const all = await waitUntil(
    () => listDeliveries(tenant),
    (found) => found.some((one) => one.state === state && error.test(String(one.lastError))),
  )
  return all[0] ?? {}
}

tenantTest('what a server does not take now comes again with the same id, and once', async (tenant, cordon, t) => {
  const mail = await startMailServer(t)
  const receiver = await startReceiver(t)
  const { ca } = await receiverTls()
  mail.refuse(451)
  receiver.behave(() => ({ status: 503 }))
  await addChannel(tenant, 'mail', mailSettings(mail, ca))
  await addChannel(tenant, 'webhook', { url: `${receiver.origin}/hook`, ...everything }, { signingSecret: secret })

  await giveGuidedTask(tenant)
  await waitForDelivery(tenant, 'waiting', /^MailDeferred: .* 451/)
  await waitForDelivery(tenant, 'waiting', /^WebhookRefused: .* 503/)
  mail.refuse(null)
  receiver.behave(() => ({ status: 204 }))
  await hurry(cordon, tenant)
  const delivered = await waitUntil(
    () => listDeliveries(tenant),
    (all) => all.every(({ state }) => state === 'delivered'),
  )

  const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
  assert.ok(ids.length >= 2)
  assert.equal(new Set(ids).size, 1)
  assert.ok(receiver.received.every((post) => readSignature(post, secret)))
  assert.equal(mail.mails.length, 1)
  const mailed = delivered.find(
    ({ channelId }) => channelId !== undefined && String(mail.mails[0]?.headers['message-id']).length > 0,
  )
  assert.ok(mailed)
  assert.ok(delivered.some(({ id }) => mail.mails[0]?.headers['message-id'] === `<${id}@localhost>`))
})

tenantTest(
  'nothing is said to a mail server without TLS, and a refusal for good is not repeated',
  async (tenant, _cordon, t) => {
    const plain = await startMailServer(t, { plain: true })
    const strict = await startMailServer(t, { secure: true })
    const { ca } = await receiverTls()
    strict.refuse(550)
    const url = `smtps://127.0.0.2:${strict.port}`
    await addChannel(tenant, 'mail', mailSettings(plain, ca), {}, 'plain')
    await addChannel(tenant, 'mail', { ...mailSettings(strict, ca), url }, {}, 'strict')

    await giveGuidedTask(tenant)
    await waitForDelivery(tenant, 'waiting', /^StartTlsRefused/)
    await waitForDelivery(tenant, 'failed', /^MailRefused: .* 550/)

    assert.deepEqual([plain.mails, plain.plainCommands, strict.mails], [[], [], []])
  },
)

tenantTest(
  'a channel reaches no address that the rules forbid, and trusts no other certificate',
  async (tenant, _cordon, t) => {
    const mail: MailServer = await startMailServer(t)
    const log = await startLogServer(t)
    const { ca } = await receiverTls()
    const settings = mailSettings(mail, ca)

    const inside = await addChannel(tenant, 'mail', { ...settings, url: 'smtp://169.254.169.254:587' }, {}, 'metadata')
    const local = await addChannel(tenant, 'syslog', { url: 'syslog+tcp://127.0.0.1:514', ...everything }, {}, 'local')
    const untrusted = await addChannel(tenant, 'mail', { ...settings, ca: null }, {}, 'untrusted')
    const other = await addChannel(
      tenant,
      'syslog',
      { url: `syslog+tls://127.0.0.2:${log.port}`, ca, ...everything },
      {},
      'other',
    )
    const admin = await tenant.as('admin')
    const test = async (id: string): Promise<unknown> =>
      (await admin.post(`/api/v1/connectors/${id}/test`)).body.checks[0].code

    assert.deepEqual(
      [await test(inside), await test(local), await test(untrusted), await test(other)],
      ['AddressForbidden', 'AddressForbidden', 'CertificateUntrusted', 'CertificateUntrusted'],
    )
  },
)

tenantTest('a test message says that it is one', async (tenant, _cordon, t) => {
  const mail = await startMailServer(t, { secure: true })
  const { ca } = await receiverTls()
  const settings = { ...mailSettings(mail, ca, { user: mailAccount.user }), url: `smtps://127.0.0.2:${mail.port}` }
  const id = await addChannel(tenant, 'mail', settings, { password: mailAccount.password })
  const admin = await tenant.as('admin')

  const tested = await admin.post(`/api/v1/connectors/${id}/test`)
  const { health, secrets } = (await admin.get(`/api/v1/connectors/${id}`)).body

  assert.deepEqual([tested.status, tested.body.ok], [200, true], tested.text)
  assert.match(mail.mails[0]?.text ?? '', /test message; nothing has happened/)
  assert.deepEqual([health.state, Object.keys(secrets)], ['working', ['password']])
  assert.doesNotMatch(JSON.stringify((await admin.get('/api/v1/connectors')).body), /mail-canary/)
})

tenantTestOnEach('what happens reaches the channels that want it, and only those', async (tenant, cordon, t) => {
  const receiver = await startReceiver(t)
  const only = async (event: string): Promise<string> => {
    const settings = { url: `${receiver.origin}/${event}`, events: [event], minSeverity: 'low' }
    return addChannel(tenant, 'webhook', settings, { signingSecret: secret }, event)
  }
  for (const event of ['awaitingAction', 'highSeverityIncident', 'executionFailed', 'outcomeUnknown']) await only(event)
  const admin = await tenant.as('admin')
  const draft = { title: 'Odd', severity: 'high', providerAlertId: 'p-1', serviceSource: 'unknown' }

  const made = await admin.post('/v1.0/security/alerts_v2', draft)
  await admin.post('/v1.0/security/alerts_v2', { ...draft, title: 'Dull', severity: 'low', providerAlertId: 'p-2' })
  await giveGuidedTask(tenant, { severity: 'informational' })
  const { taskId } = await giveGuidedTask(
    tenant,
    { severity: 'low' },
    { responseAction: fittingAction('isolateDevice', 'web-07') },
  )
  const paths = await waitUntil(
    async () => receiver.received.map(({ path, body }) => `${path} ${body.data.severity}`).sort(),
    (all) => all.length >= 2,
  )
  await waitUntil(
    () => countJobs(cordon, tenant),
    (count) => count === 0,
  )

  assert.equal(made.status, 201, made.text)
  assert.ok(taskId)
  assert.deepEqual(paths, ['/awaitingAction low', '/highSeverityIncident high'])
  assert.equal(receiver.received.length, 2)
})

async function countJobs(cordon: Cordon, tenant: Tenant): Promise<number> {
  const query = cordon.store.read.selectFrom('jobs').select('id').where('tenant_id', '=', tenant.id)
  return (await query.where('kind', 'in', ['tell-people', 'deliver-message']).execute()).length
}
