import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ActionType } from '../../src/model/actions.ts'
import { type Client, type Cordon, startCordon } from './cordon.ts'
import { giveEnrolmentToken } from './device.ts'
import { fittingAction, giveTenant, type Tenant } from './given.ts'
import { createLab, type Lab, SERVICE_PORT } from './netns.ts'

const program = fileURLToPath(new URL('./agent-process.ts', import.meta.url))

/** A real server, and a real agent on the endpoint of a lab. */
export interface Site {
  readonly cordon: Cordon
  readonly tenant: Tenant
  readonly lab: Lab
  readonly deviceId: string
  /** The running agent of the endpoint. */
  readonly agent: ChildProcess
  readonly stateDirectory: string
  /** Starts the agent of a state directory in a namespace. */
  readonly startAgent: (stateDirectory: string, namespace?: string) => Promise<ChildProcess>
  /** Enrols a further host and returns its state directory; its agent does not run. */
  readonly enrol: (
    name: string,
    namespace?: string,
  ) => Promise<{ readonly stateDirectory: string; readonly deviceId: string }>
}

/**
 * Builds a lab with a server and an agent, which has reported once.
 * @param config text of the agent's agent.conf
 * @returns undefined when the test was skipped
 */
export async function createSite(t: TestContext, config: string = ''): Promise<Site | undefined> {
  const lab = await createLab(t)
  if (lab === undefined) return undefined
  const cordon = await startCordon(t, { host: '::' })
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const server = `https://${lab.control4}:${new URL(cordon.url).port}`
  const enrol: Site['enrol'] = async (name, namespace = lab.endpoint) => {
    const stateDirectory = await mkdtemp(join(tmpdir(), 'cordon-agent-'))
    t.after(() => rm(stateDirectory, { recursive: true, force: true, maxRetries: 10 }))
    const token = await giveEnrolmentToken(cordon, tenant.id)
    const enrolled = await lab.exec(
      namespace,
      ...[process.execPath, program, 'agent', 'enroll', '--server', server, '--token', token],
      ...['--ca', cordon.caPath, '--state', stateDirectory, '--name', name],
    )
    assert.equal(enrolled.code, 0, enrolled.stderr)
    await writeFile(join(stateDirectory, 'agent.conf'), config)
    return { stateDirectory, deviceId: JSON.parse(enrolled.stdout).deviceId }
  }
  const startAgent: Site['startAgent'] = async (stateDirectory, namespace = lab.endpoint) => {
    const probes = [`${lab.internet4}:${SERVICE_PORT}`, `[${lab.internet6}]:${SERVICE_PORT}`]
    const words = ['agent', 'run', '--state', stateDirectory, '--config', stateDirectory, '--probe', ...probes]
    const agent = lab.start(namespace, process.execPath, program, ...words)
    agent.stderr?.resume()
    agent.stdout?.resume()
    return agent
  }
  const { stateDirectory, deviceId } = await enrol('web-01')
  const agent = await startAgent(stateDirectory)
  await waitUntil(async () => {
    const query = cordon.store.read.selectFrom('agents').select('facts').where('id', '=', deviceId)
    return (await query.executeTakeFirst())?.facts !== '{}'
  })
  return { cordon, tenant, lab, deviceId, agent, stateDirectory, startAgent, enrol }
}

/** An action that was carried out, and its task as a client reads it afterwards. */
export interface Carried {
  readonly id: string
  readonly incidentId: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly task: any
  readonly ms: number
}

/** Executes a new task's action and waits for its end; the task's incident is a new one unless it is named. */
export async function execute(
  tenant: Tenant,
  actionType: ActionType,
  identifier: string,
  knownIncident?: string,
): Promise<Carried> {
  const incidentId = knownIncident ?? (await tenant.incident())
  const responseAction = fittingAction(actionType, identifier) as never
  const id = await tenant.task(incidentId, { actionType, responseAction })
  const responder = await tenant.as('responder')
  const start = performance.now()
  const accepted = await responder.post(`/beta/security/incidentTasks/${id}/executeResponseAction`)
  assert.equal(accepted.status, 204, accepted.text)
  const task = await waitForEnd(responder, id)
  return { id, incidentId, task, ms: Math.round(performance.now() - start) }
}

/** Waits until a task's action is no longer under way; returns the task. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export async function waitForEnd(client: Client, taskId: string, seconds: number = 120): Promise<any> {
  let task = (await client.get(`/beta/security/incidentTasks/${taskId}`)).body
  await waitUntil(async () => {
    task = (await client.get(`/beta/security/incidentTasks/${taskId}`)).body
    return task.actionStatus !== 'inProgress'
  }, seconds)
  return task
}

/** Takes a task's action back and waits until that has succeeded; returns the undo execution. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export async function undo(tenant: Tenant, taskId: string): Promise<any> {
  const responder = await tenant.as('responder')
  const answer = await responder.post(`/api/v1/tasks/${taskId}/undo`)
  assert.ok(answer.status < 300, answer.text)
  await waitUntil(async () => {
    const [newest] = await readExecutions(tenant, taskId)
    assert.ok(!['failed', 'refused', 'expired', 'cancelled'].includes(newest.state), JSON.stringify(newest))
    return newest.kind === 'undo' && newest.state === 'succeeded'
  })
  return (await readExecutions(tenant, taskId))[0]
}

/** Changes a section of the tenant's safety policy. */
export async function setPolicy(tenant: Tenant, section: string, changes: Record<string, unknown>): Promise<void> {
  const admin = await tenant.as('admin')
  const { body } = await admin.get('/api/v1/policies')
  const policy = { ...body, [section]: { ...body[section], ...changes } }
  const headers = { 'Content-Type': 'application/json', 'If-Match': '*' }
  const answer = await admin.send('PUT', '/api/v1/policies', JSON.stringify(policy), headers)
  assert.equal(answer.status, 200, answer.text)
}

/** The executions of a task, newest first. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export async function readExecutions(tenant: Tenant, taskId: string): Promise<any[]> {
  return (await (await tenant.as('responder')).get(`/api/v1/tasks/${taskId}/executions`)).body.value
}

/** Waits for something for up to two minutes. */
export async function waitUntil(condition: () => Promise<boolean>, seconds: number = 120): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!(await condition())) {
    if (performance.now() > end) assert.fail(`waited ${seconds} s in vain`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
