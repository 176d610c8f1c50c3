import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ActionType } from '../../src/model/actions.ts'
import type { IncidentTask } from '../../src/model/generated.ts'
import { waitUntil } from './answers.ts'
import { onEnd } from './cleanup.ts'
import { type Client, type Cordon, startCordon } from './cordon.ts'
import { giveEnrolmentToken } from './device.ts'
import { giveTenant, type Tenant } from './given.ts'

/** An agent that dies on the way begins anew, and a busy machine takes its time for each. */
const patienceSeconds = 180

const program = fileURLToPath(new URL('./agent-process.ts', import.meta.url))

/** A real server and a real agent on this machine that looks for files in one folder only. */
export interface FileSite {
  readonly cordon: Cordon
  readonly tenant: Tenant
  readonly responder: Client
  readonly deviceId: string
  readonly folder: string
  readonly stateDirectory: string
  /** Enrols and starts a further agent on this machine, with a folder of its own. */
  readonly addHost: (name: string) => Promise<{ readonly deviceId: string; readonly folder: string }>
  /** Starts the agent, or one that kills itself at a failpoint. */
  readonly startAgent: (failpoint?: string) => ChildProcess
  /** Requests an action and waits for its end. */
  readonly execute: (
    actionType: ActionType,
    responseAction: IncidentTask['responseAction'],
  ) => Promise<{ readonly taskId: string; readonly task: Record<string, unknown> }>
  /** Takes a task's action back and waits for the end of that. */
  readonly undo: (taskId: string) => Promise<Record<string, unknown>>
  // biome-ignore lint/suspicious/noExplicitAny: tests look into executions of every action
  readonly executions: (taskId: string) => Promise<any[]>
}

/**
 * @param isStarted without it nothing runs before `startAgent`
 * @returns undefined when the test was skipped, which it is without root
 */
export async function createFileSite(t: TestContext, isStarted = true): Promise<FileSite | undefined> {
  if (process.getuid?.() !== 0) {
    t.skip('the agent needs root')
    return undefined
  }
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const { folder, stateDirectory, deviceId } = await enrolHost(t, cordon, tenant.id, 'web-01')
  const startAgent: FileSite['startAgent'] = (failpoint) => {
    const words =
      failpoint === undefined ? ['agent', 'run', '--state', stateDirectory] : ['die-at', failpoint, stateDirectory]
    const agent = spawn(process.execPath, [program, ...words], { stdio: 'ignore' })
    onEnd(t, () => agent.kill('SIGKILL'))
    return agent
  }
  if (isStarted) startAgent()
  if (isStarted) await waitForFacts(cordon, deviceId)
  const responder = await tenant.as('responder')
  const executions: FileSite['executions'] = async (taskId) =>
    (await responder.get(`/api/v1/tasks/${taskId}/executions`)).body.value
  return {
    ...{ cordon, tenant, responder, deviceId, folder, stateDirectory, startAgent, executions },
    addHost: async (name) => {
      const host = await enrolHost(t, cordon, tenant.id, name)
      const agent = spawn(process.execPath, [program, 'agent', 'run', '--state', host.stateDirectory], {
        stdio: 'ignore',
      })
      onEnd(t, () => agent.kill('SIGKILL'))
      await waitForFacts(cordon, host.deviceId)
      return host
    },
    execute: async (actionType, responseAction) => {
      const taskId = await tenant.task(await tenant.incident(), { actionType, responseAction })
      const reply = await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
      if (reply.status !== 204) throw new Error(`not accepted: ${reply.status} ${reply.text}`)
      const read = async () => (await responder.get(`/beta/security/incidentTasks/${taskId}`)).body
      const task = await waitUntil(read, ({ actionStatus }) => actionStatus !== 'inProgress', patienceSeconds)
      return { taskId, task }
    },
    undo: async (taskId) => {
      const reply = await responder.post(`/api/v1/tasks/${taskId}/undo`)
      if (reply.status >= 300) throw new Error(`no undo: ${reply.status} ${reply.text}`)
      const read = async () => (await executions(taskId))[0]
      return waitUntil(
        read,
        ({ state }) => ['succeeded', 'partial', 'failed', 'refused'].includes(state),
        patienceSeconds,
      )
    },
  }
}

/** Enrols a host that looks for files in one folder only; its agent does not run. */
async function enrolHost(
  t: TestContext,
  cordon: Cordon,
  tenantId: string,
  name: string,
): Promise<{ readonly folder: string; readonly stateDirectory: string; readonly deviceId: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-files-'))
  const stateDirectory = mkdtempSync(join(tmpdir(), 'cordon-agent-'))
  onEnd(t, () => rmSync(stateDirectory, { recursive: true, force: true }))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(stateDirectory, 'agent.conf'), `search = ${folder}\n`)
  const token = await giveEnrolmentToken(cordon, tenantId)
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[program, 'agent', 'enroll', '--server', cordon.url, '--token', token, '--ca', cordon.caPath],
    ...['--state', stateDirectory, '--name', name],
  ])
  return { folder, stateDirectory, deviceId: JSON.parse(stdout).deviceId }
}

async function waitForFacts(cordon: Cordon, deviceId: string): Promise<void> {
  const facts = cordon.store.read.selectFrom('agents').select('facts').where('id', '=', deviceId)
  await waitUntil(
    () => facts.executeTakeFirst(),
    (row) => row?.facts !== '{}',
    patienceSeconds,
  )
}
