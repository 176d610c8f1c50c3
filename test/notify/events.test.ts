import assert from 'node:assert/strict'
import { defaultPolicy } from '../../src/model/safety/policy.ts'
import type { CommandResult } from '../../src/protocol/result.ts'
import { waitUntil } from '../support/answers.ts'
import { wholeFile } from '../support/cleanup.ts'
import type { Cordon } from '../support/cordon.ts'
import { enrolDevice, makeResult } from '../support/device.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { type LogServer, startLogServer } from '../support/log-server.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'
import { type Receiver, receiverTls, startReceiver } from '../support/receiver.ts'
import { tenantTest } from '../support/shared-cordon.ts'
import { addChannel, giveGuidedTask, listDeliveries, mailSettings } from './people-world.ts'

/** What a message has to be about. */
interface About {
  readonly incidentId: string
  /** Null where no task is meant. */
  readonly taskId: string | null
}

interface Servers {
  readonly mail: MailServer
  readonly receiver: Receiver
  readonly log: LogServer
}

/** Servers for all tests of the file; each message says which tenant it is for. */
let servers: Promise<Servers> | null = null

function shareServers(): Promise<Servers> {
  servers ??= Promise.all([startMailServer(wholeFile), startReceiver(wholeFile), startLogServer(wholeFile)]).then(
    ([mail, receiver, log]) => ({ mail, receiver, log }),
  )
  return servers
}

/** Causes one event in a tenant whose three channels want it and nothing else, and holds what arrives against it. */
function eventTest(event: string, words: string, cause: (tenant: Tenant, cordon: Cordon) => Promise<About>): void {
  tenantTest(`${event} arrives by mail, webhook and syslog over TLS, once each`, async (tenant, cordon) => {
    const { mail, receiver, log } = await shareServers()
    const { ca } = await receiverTls()
    const wish = { events: [event], minSeverity: 'informational' }
    await addChannel(tenant, 'mail', mailSettings(mail, ca, wish))
    await addChannel(
      tenant,
      'webhook',
      { url: `${receiver.origin}/${event}`, ...wish },
      { signingSecret: Buffer.alloc(32, 7).toString('base64') },
    )
    await addChannel(tenant, 'syslog', { url: `syslog+tls://127.0.0.2:${log.port}`, ca: log.ca, ...wish })

    const { incidentId, taskId } = await cause(tenant, cordon)
    const delivered = await waitUntil(
      () => listDeliveries(tenant),
      (all) => all.length === 3 && all.every(({ state }) => state === 'delivered'),
      60,
    )
    const records = await waitUntil(
      async () => (await log.wait(0)).filter(({ data }) => data.includes(`tenant="${tenant.id}"`)),
      (all) => all.length > 0,
      60,
    )

    const page = `${cordon.url}/t/${tenant.id}/incidents/${incidentId}`
    const link = taskId === null ? page : `${page}/tasks/${taskId}`
    const mails = mail.mails.filter(({ text }) => text.includes(tenant.id))
    const posts = receiver.received.filter(({ path }) => path === `/${event}`)
    assert.deepEqual([mails.length, posts.length, records.length], [1, 1, 1])
    assert.deepEqual(
      delivered.map((one) => [one.event, one.incidentId]),
      Array.from({ length: 3 }, () => [event, incidentId]),
    )
    assert.ok(mails[0]?.text.includes(`What: ${words}\n`) && mails[0].text.endsWith(`${link}\n`), mails[0]?.text)
    const { type, data } = posts[0]?.body ?? {}
    assert.deepEqual([type, data.incident.id, data.link], [`cordon.${event}`, incidentId, link])
    assert.equal(records[0]?.messageId, event)
    assert.ok(records[0]?.data.includes(`incident="${incidentId}"`) && records[0].data.includes(`link="${link}"`))
    if (taskId === null) return
    assert.ok(mails[0]?.text.includes('Action: isolateDevice\nTarget: '), mails[0]?.text)
    assert.deepEqual([data.task.id, data.action.type], [taskId, 'isolateDevice'])
    assert.ok(records[0]?.data.includes(`task="${taskId}" action="isolateDevice" target="`))
  })
}

/** A task for a host that reports what it is told to. */
async function runOnHost(
  tenant: Tenant,
  cordon: Cordon,
  changes: Partial<CommandResult>,
  source = 'defenderExpertsGuidedResponse',
): Promise<About> {
  const device = await enrolDevice(cordon, tenant.id, 'db-09')
  const responseAction = fittingAction('isolateDevice', device.id)
  const about = await giveGuidedTask(tenant, { severity: 'medium' }, { responseAction, source })
  if (source === 'defenderExpertsGuidedResponse') await execute(tenant, about.taskId)
  const [command] = await waitUntil(
    () => device.fetch(),
    (all) => all.length > 0,
    60,
  )
  assert.ok(command)
  await device.acknowledge(command.commandId)
  const reply = await device.report(makeResult(command, changes))
  assert.equal(reply.status, 200, reply.text)
  return about
}

async function execute(tenant: Tenant, taskId: string): Promise<void> {
  const answer = await (await tenant.as('responder')).post(
    `/beta/security/incidentTasks/${taskId}/executeResponseAction`,
  )
  assert.equal(answer.status, 204, answer.text)
}

eventTest('awaitingAction', 'waiting for your action', (tenant) => giveGuidedTask(tenant, { severity: 'low' }))

eventTest('highSeverityIncident', 'new incident of high severity', async (tenant) => {
  const draft = { title: 'Odd', severity: 'high', providerAlertId: 'p-1', serviceSource: 'unknown' }
  const made = await (await tenant.as('admin')).post('/v1.0/security/alerts_v2', draft)
  assert.equal(made.status, 201, made.text)
  return { incidentId: made.body.incidentId, taskId: null }
})

eventTest('approvalRequested', 'an action waits for approval', async (tenant, cordon) => {
  const rule = { name: 'two', actionTypes: null, assetGroup: null, minTier: null, approvals: 1 }
  const policy = { ...defaultPolicy, fourEyes: { approvalHours: 1, rules: [rule] } }
  const set = await (await tenant.as('admin')).send('PUT', '/api/v1/policies', JSON.stringify(policy), {
    'Content-Type': 'application/json',
    'If-Match': '*',
  })
  assert.equal(set.status, 200, set.text)
  const device = await enrolDevice(cordon, tenant.id, 'db-09')
  const about = await giveGuidedTask(tenant, {}, { responseAction: fittingAction('isolateDevice', device.id) })
  await execute(tenant, about.taskId)
  return about
})

eventTest('executionFailed', 'an action failed', (tenant, cordon) =>
  runOnHost(tenant, cordon, { state: 'failed', proof: null }),
)

eventTest('outcomeUnknown', 'the outcome of an action is unknown', (tenant, cordon) =>
  runOnHost(tenant, cordon, { proof: null }),
)

eventTest('managedActionRan', 'a managed action was carried out', (tenant, cordon) =>
  runOnHost(tenant, cordon, {}, 'defenderExpertsManagedResponse'),
)
