import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { readExecutionsOfTask } from '../../src/store/executions.ts'
import { type MortalServer, prepareServer } from '../faults/server.ts'
import { waitUntil } from '../support/answers.ts'
import { onEnd } from '../support/cleanup.ts'
import type { Client, Reply } from '../support/cordon.ts'
import { databaseKinds } from '../support/databases.ts'
import { fittingAction } from '../support/given.ts'
import { bindPassword, startDirectory } from '../support/slapd.ts'
import { createConnector } from './ldap-world.ts'

const env = { CORDON_OUTBOUND_ALLOW: '127.0.0.1/32:*,[::1]/128:*', CORDON_LOG_LEVEL: 'trace' }

async function makeTask(server: MortalServer, user: string): Promise<string> {
  const expert = await server.as('expert')
  const { body, status, text } = await expert.post('/beta/security/incidentTasks', {
    displayName: `Disable ${user}`,
    description: 'Its password was used from two countries.',
    actionType: 'disableUser',
    source: 'defenderExpertsGuidedResponse',
    responseAction: fittingAction('disableUser', user),
    incident: { id: '1' },
  })
  assert.equal(status, 201, text)
  return body.id
}

async function reached(server: MortalServer, taskId: string): Promise<unknown> {
  return waitUntil(
    async () => (await readExecutionsOfTask(server.store.read, server.tenantId, taskId))[0],
    (found) => found?.state === 'succeeded',
    60,
  )
}

for (const databaseKind of databaseKinds) {
  for (const failpoint of ['before-start', 'after-start-before-record']) {
    test(`killed at ${failpoint} the user is disabled once, and the undo knows how it was (${databaseKind})`, async (t) => {
      const directory = await startDirectory(t)
      const server = await prepareServer(t, databaseKind, ['1'], { env })
      await server.start({ failpoint })
      await createConnector(await server.as('admin'), { settings: directory.settings })
      const taskId = await makeTask(server, 'ada')
      const responder = await server.as('responder')
      await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`).catch(() => null)
      assert.equal(await server.ended(), 'SIGKILL')
      assert.equal((await directory.bind('ada', 'ada-password')).ok, failpoint === 'before-start')

      await server.start()
      await reached(server, taskId)

      const [execution] = await readExecutionsOfTask(server.store.read, server.tenantId, taskId)
      assert.equal(execution?.result?.changed, true)
      assert.equal((await directory.bind('ada', 'ada-password')).ok, false)
      assert.equal((await responder.post(`/api/v1/tasks/${taskId}/undo`)).status, 202)
      await reached(server, taskId)
      assert.ok((await directory.bind('ada', 'ada-password')).ok)
    })
  }
}

/** Every file below a folder, by its path there. */
function readFolder(folder: string): Map<string, Buffer> {
  const files = globSync('**/*', { cwd: folder }).filter((file) => statSync(join(folder, file)).isFile())
  return new Map(files.map((file) => [file, readFileSync(join(folder, file))]))
}

/** Where the next page of the audit log is; empty after the last. */
function nextOf({ body }: Reply): string {
  const link = body['@odata.nextLink']
  return link === undefined ? '' : link.slice(new URL(link).origin.length)
}

/** Sends a request and remembers what came back, whatever it was. */
type Ask = (
  client: Client,
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Reply>

test('fifty secrets appear nowhere: in no answer, audit entry, log, database file or backup of it', async (t) => {
  const directory = await startDirectory(t)
  const dataDir = mkdtempSync(join(tmpdir(), 'cordon-secrets-'))
  onEnd(t, () => rmSync(dataDir, { recursive: true, force: true }))
  const server = await prepareServer(t, 'sqlite', ['1'], { env, dataDir })
  await server.start()
  const [admin, responder, auditor] = [
    await server.as('admin'),
    await server.as('responder'),
    await server.as('auditor'),
  ]
  const answers: string[] = []
  const ask: Ask = async (client, method, path, body, headers = {}) => {
    const type = { 'Content-Type': 'application/json', ...headers }
    const reply = await client.send(method, path, body === undefined ? undefined : JSON.stringify(body), type)
    answers.push(reply.text, JSON.stringify(reply.headers))
    return reply
  }
  const secrets = Array.from({ length: 50 }, () => `canary${randomBytes(12).toString('hex')}`)
  const path = '/api/v1/connectors'
  const taskId = await makeTask(server, 'ada')

  for (const [index, secret] of secrets.entries()) {
    const whole = { kind: 'ldap', name: `c${index}`, settings: directory.settings, secrets: { bindPassword: secret } }
    // In its place, and in every wrong one.
    const { body, status } = await ask(admin, 'POST', path, whole)
    assert.equal(status, 201)
    await ask(admin, 'POST', path, whole)
    await ask(admin, 'POST', path, { ...whole, name: `d${index}`, secrets: { [secret]: 'x' } })
    await ask(admin, 'POST', path, { ...whole, name: `d${index}`, secrets: { bindPassword: { value: secret } } })
    await ask(admin, 'POST', path, {
      ...whole,
      settings: { ...directory.settings, url: `ldaps://cordon:${secret}@localhost` },
    })
    await ask(admin, 'POST', path, { ...whole, settings: { ...directory.settings, bindPassword: secret } })
    const one = `${path}/${body.id}`
    await ask(admin, 'GET', one)
    if (index % 5 === 0) await ask(admin, 'POST', `${one}/test`)
    if (index % 10 === 0) await ask(responder, 'POST', `/beta/security/incidentTasks/${taskId}/executeResponseAction`)
    const next = { ...whole, kind: undefined, secrets: { bindPassword: `${secret}-2` } }
    await ask(admin, 'PUT', one, next, { 'If-Match': '*' })
    if (index % 2 === 0) await ask(admin, 'DELETE', one)
  }
  const { body } = await ask(admin, 'GET', path)
  const working = `${path}/${body.value[0].id}`
  const right = { name: 'right', settings: directory.settings, secrets: { bindPassword } }
  await ask(admin, 'PUT', working, right, { 'If-Match': '*' })
  assert.equal((await ask(admin, 'POST', `${working}/test`)).body.ok, true)
  for (let next = '/api/v1/audit?$top=1000'; next !== ''; ) next = nextOf(await ask(auditor, 'GET', next))
  const database = new DatabaseSync(join(dataDir, 'cordon.db'))
  database.exec(`VACUUM INTO '${join(dataDir, 'backup.db')}'`)
  database.close()

  assert.match(server.output(), /"msg":"listening"/)
  const places = readFolder(dataDir)
  places.set('answers', Buffer.from(answers.join('\n')))
  places.set('log', Buffer.from(server.output()))
  assert.ok(places.get('cordon.db') && places.get('backup.db'))
  for (const [place, content] of places) {
    for (const secret of [...secrets, bindPassword]) {
      const forms = [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')]
      for (const form of forms) assert.ok(!content.includes(form), `${place} holds a secret`)
    }
  }
})
