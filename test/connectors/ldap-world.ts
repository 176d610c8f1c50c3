import type { ActionType } from '../../src/model/actions.ts'
import { waitUntil } from '../support/answers.ts'
import type { Ending } from '../support/cleanup.ts'
import { type Client, type Cordon, type Reply, startCordon } from '../support/cordon.ts'
import { fittingAction, giveTenant, type Tenant } from '../support/given.ts'
import { bindPassword, type Directory, type DirectoryOptions, startDirectory } from '../support/slapd.ts'

/** A server with a tenant that has a directory. */
export interface LdapWorld {
  readonly cordon: Cordon
  readonly tenant: Tenant
  readonly directory: Directory
  readonly admin: Client
  readonly responder: Client
  readonly connectorId: string
  /** Makes a task for that user. Returns its id. */
  task(actionType: ActionType, user: string): Promise<string>
  execute(taskId: string): Promise<Reply>
  undo(taskId: string): Promise<Reply>
  /** The newest execution of a task, once it has that state. */
  reached(taskId: string, state: string): Promise<Reply['body']>
  /** Makes a task, has it executed and waits until it is done. Returns its id. */
  carryOut(actionType: ActionType, user: string): Promise<string>
}

/** Starts a directory and a server that may reach it, and sets the connector up over the API. */
export async function startWorld(
  t: Ending,
  options: DirectoryOptions & { readonly settings?: (directory: Directory) => object } = {},
): Promise<LdapWorld> {
  const directory = await startDirectory(t, options)
  const cordon = await startCordon(t, { outbound: { allow: ['127.0.0.1/32:*', '[::1]/128:*'] } })
  const tenant = await giveTenant(cordon)
  const admin = await tenant.as('admin')
  const responder = await tenant.as('responder')
  const settings = { ...directory.settings, usersMayChangePassword: true, ...options.settings?.(directory) }
  const made = await createConnector(admin, { settings })
  const incident = await tenant.incident()
  const world: LdapWorld = {
    cordon,
    tenant,
    directory,
    admin,
    responder,
    connectorId: made.body.id,
    task: (actionType, user) => tenant.task(incident, { actionType, responseAction: fittingAction(actionType, user) }),
    execute: (taskId) => responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`),
    undo: (taskId) => responder.post(`/api/v1/tasks/${taskId}/undo`),
    reached: async (taskId, state) => {
      const list = (): Promise<Reply> => responder.get(`/api/v1/tasks/${taskId}/executions`)
      const reply = await waitUntil(list, ({ body }) => body.value[0]?.state === state)
      return reply.body.value[0]
    },
    carryOut: async (actionType, user) => {
      const taskId = await world.task(actionType, user)
      const reply = await world.execute(taskId)
      if (reply.status !== 204) throw new Error(reply.text)
      await world.reached(taskId, 'succeeded')
      return taskId
    },
  }
  return world
}

/** Sets a connector up. */
export async function createConnector(
  admin: Client,
  given: { readonly settings: object; readonly name?: string; readonly secret?: string },
): Promise<Reply> {
  const { settings, name = 'Head office', secret = bindPassword } = given
  const reply = await admin.post('/api/v1/connectors', {
    kind: 'ldap',
    name,
    settings,
    secrets: { bindPassword: secret },
  })
  if (reply.status !== 201) throw new Error(reply.text)
  return reply
}
