import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Command } from '../../src/protocol/command.ts'
import { onEnd } from '../support/cleanup.ts'
import { type Client, type Cordon, type Credentials, type Reply, startCordon } from '../support/cordon.ts'
import { enrolDevice, type FakeDevice, makeResult } from '../support/device.ts'
import { fittingAction, giveTenant } from '../support/given.ts'

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

const failpoints = [
  'before-start',
  'after-queue-before-wake',
  'after-start-before-record',
  'after-mark-sent-before-answer',
  'after-ack-before-answer',
  'after-result-before-answer',
  'after-check-before-record',
]

const sameRequest = { 'client-request-id': '5f0c4e9e-54a0-4a39-a4a5-3e1c3f3c0b11' }

for (const failpoint of failpoints) {
  test(`a server killed ${failpoint} loses no execution and gives no command a second effect`, async (t) => {
    const site = await prepareSite(t)
    const doomed = await startProcess(t, site, failpoint)
    const { taskId, device } = site
    const responder = await signIn(site)
    const host = playHost(device)
    onEnd(t, host.stop)
    const execute = (): Promise<Reply> =>
      responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`, undefined, sameRequest)
    // The server may die before it answers; the request's id makes asking again safe.
    const first = await execute()

    await waitForDeath(doomed)
    await startProcess(t, site, undefined)
    assert.equal((first.status === 0 ? await execute() : first).status, 204)
    const read = () => responder.get(`/beta/security/incidentTasks/${taskId}`)
    await waitUntil(async () => (await read()).body?.actionStatus === 'completed')
    host.stop()
    await host.ended

    const executions = (await responder.get(`/api/v1/tasks/${taskId}/executions`)).body.value
    assert.equal(executions.length, 1)
    assert.equal(executions[0].state, 'succeeded')
    assert.deepEqual(host.effects, [executions[0].id])
  })
}

interface Site {
  readonly dataDir: string
  readonly caPath: string
  readonly taskId: string
  readonly credentials: Credentials
  readonly device: FakeDevice
  /** Where the processes listen; the same over a restart. */
  port: number
}

/** A data folder with an enrolled device, a responder and a task, made by a server that has stopped. */
async function prepareSite(t: TestContext): Promise<Site> {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const site: { port: number } = { port: 0 }
  const { store } = cordon
  // The device outlives the server it enrolled with: whatever it sends goes where the server is now.
  const anonymous: Client = { ...cordon.anonymous }
  const device = await enrolDevice({ ...cordon, store, anonymous } satisfies Cordon, tenant.id, 'web-09')
  anonymous.send = (method, path, body, headers) => send(site.port, cordon.caPath, method, path, body, headers)
  const taskId = await tenant.task(await tenant.incident(), {
    actionType: 'isolateDevice',
    responseAction: fittingAction('isolateDevice', 'web-09') as never,
  })
  const credentials = await cordon.createClient('responder', tenant.id)
  await cordon.server.stop()
  return Object.assign(site, { dataDir: cordon.dataDir, caPath: cordon.caPath, taskId, credentials, device })
}

async function startProcess(t: TestContext, site: Site, failpoint: string | undefined): Promise<ChildProcess> {
  const args = [program, 'serve', '--data', site.dataDir, '--port', String(site.port)]
  const env = { ...process.env, ...(failpoint === undefined ? {} : { CORDON_FAILPOINT: failpoint }) }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  onEnd(t, async () => {
    child.kill('SIGKILL')
    await waitForDeath(child)
  })
  site.port = await new Promise<number>((resolve, reject) => {
    let seen = ''
    child.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString()
      const match = /"url":"https:\/\/[^"]*:(\d+)"/.exec(seen)
      if (match) resolve(Number(match[1]))
    })
    child.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)))
  })
  return child
}

/** A host that does every command once, as the agent's journal makes it, and repeats its messages until they are answered. */
function playHost(device: FakeDevice) {
  const effects: string[] = []
  const results = new Map<string, ReturnType<typeof makeResult>>()
  let stopped = false
  const work = async (command: Command): Promise<void> => {
    await insist(() => device.acknowledge(command.commandId))
    const result = results.get(command.commandId) ?? makeResult(command)
    if (!results.has(command.commandId)) effects.push(command.commandId)
    results.set(command.commandId, result)
    await insist(() => device.report(result))
  }
  const insist = async (message: () => Promise<Reply>): Promise<void> => {
    while (!stopped) {
      const reply = await message().catch(() => undefined)
      if (reply !== undefined && reply.status < 500) return
      await pause(50)
    }
  }
  const loop = async (): Promise<void> => {
    while (!stopped) {
      const commands = await device.fetch().catch(() => [])
      for (const command of commands) await work(command)
      await pause(50)
    }
  }
  return { effects, ended: loop(), stop: () => (stopped = true) }
}

async function signIn(site: Site): Promise<Pick<Client, 'get' | 'post'>> {
  const { tenantId, clientId, clientSecret } = site.credentials
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope: 'https://graph.microsoft.com/.default',
  })
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const path = `/${tenantId}/oauth2/v2.0/token`
  const { body } = await send(site.port, site.caPath, 'POST', path, form.toString(), type)
  const authorization = { authorization: `Bearer ${body.access_token}` }
  const nothing: Reply = { status: 0, headers: {}, text: '', body: undefined }
  const attempt = (method: string, at: string, headers: Record<string, string> = {}): Promise<Reply> =>
    send(site.port, site.caPath, method, at, undefined, { ...authorization, ...headers }).catch(() => nothing)
  return { get: (at) => attempt('GET', at), post: (at, _body, headers) => attempt('POST', at, headers) }
}

function send(
  port: number,
  caPath: string,
  method: string,
  path: string,
  body: string | Buffer | undefined,
  headers: Record<string, string> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const length = { 'content-length': String(Buffer.byteLength(body ?? '')) }
    const options = { host: 'localhost', port, method, path, ca: readFileSync(caPath), agent: false as const }
    const sent = request({ ...options, headers: { ...length, ...headers } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const json = text.startsWith('{') ? JSON.parse(text) : undefined
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: json })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

function waitForDeath(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => child.once('exit', () => resolve()))
}

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries += 1) {
    if (tries > 1_200) assert.fail('waited a minute in vain')
    await pause(50)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
