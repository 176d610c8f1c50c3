import type { KeyObject } from 'node:crypto'
import { revokeDevice } from '../../src/agents/identity/enroll.ts'
import { systemClock } from '../../src/io/clock.ts'
import type { Command } from '../../src/protocol/command.ts'
import { makeKeyPair, readPrivateKey } from '../../src/protocol/jws.ts'
import { ENROLL_KID } from '../../src/protocol/request-signature.ts'
import { waitUntil } from '../support/answers.ts'
import type { Cordon } from '../support/cordon.ts'
import { enrolDevice, type FakeDevice, makeResult } from '../support/device.ts'
import { fittingAction, type Tenant } from '../support/given.ts'

/** Enrolled hosts of a case and commands for them, made when first asked for. */
export interface AgentWorld {
  device(): Promise<FakeDevice>
  revokedDevice(): Promise<FakeDevice>
  /** Id of an isolation the device has acknowledged; each name has one of its own. `waiting` is not even fetched. */
  command(name: string): Promise<string>
  /** Id of an isolation that has succeeded. */
  finished(): Promise<string>
  commandOfOther(): Promise<string>
  /** The body of the result that finished the command. */
  sameResult(): Promise<string>
  /** The whole form of a result that a case abbreviates; null where it names no command of this world. */
  completeResult(abbreviated: Readonly<Record<string, unknown>>): object | null
  /** The public key of a host that is about to enrol. */
  newKey(): string
  /** The whole form of an enrolment that a case abbreviates. */
  completeEnrolment(abbreviated: Readonly<Record<string, unknown>>): object
  /** Who signs a request: the device of the bearer token, or a host that enrols. */
  signerOf(path: string, token: string): Signer | null
}

/** Whoever signs a request. */
export interface Signer {
  readonly key: KeyObject
  readonly kid: string
  readonly seq: number
}

/** Hosts of a case and the commands they have acknowledged. */
interface Hosts {
  readonly enrolled: FakeDevice[]
  readonly commands: Map<string, Command>
  enrol(hostName: string): Promise<FakeDevice>
  /** An isolation of the host that waits for it. */
  order(hostName: string): Promise<{ readonly device: FakeDevice; readonly id: string }>
  acknowledged(hostName: string): Promise<{ readonly device: FakeDevice; readonly command: Command }>
}

function createHosts(cordon: Cordon, tenant: Tenant): Hosts {
  const devices = new Map<string, Promise<FakeDevice>>()
  const hosts: Hosts = {
    enrolled: [],
    commands: new Map(),
    enrol: (hostName) => {
      const device = devices.get(hostName) ?? enrolDevice(cordon, tenant.id, hostName)
      devices.set(hostName, device)
      return device.then((made) => {
        if (!hosts.enrolled.includes(made)) hosts.enrolled.push(made)
        return made
      })
    },
    order: async (hostName) => {
      const device = await hosts.enrol(hostName)
      const responseAction = fittingAction('isolateDevice', device.id)
      const taskId = await tenant.task(await tenant.incident(), { responseAction })
      const path = `/beta/security/incidentTasks/${taskId}/executeResponseAction`
      const answer = await (await tenant.as('responder')).post(path)
      if (answer.status !== 204) throw new Error(`not accepted: ${answer.text}`)
      return { device, id: await queuedCommand(cordon, taskId) }
    },
    acknowledged: async (hostName) => {
      const { device, id } = await hosts.order(hostName)
      const command = (await device.fetch()).find(({ commandId }) => commandId === id)
      if (command === undefined) throw new Error('the command did not reach the device')
      await device.acknowledge(id)
      hosts.commands.set(id, command)
      return { device, command }
    },
  }
  return hosts
}

/** Makes the agents of one case. */
export function createAgentWorld(cordon: Cordon, tenant: Tenant): AgentWorld {
  const hosts = createHosts(cordon, tenant)
  const named = new Map<string, Promise<string>>()
  const once = (name: string, make: () => Promise<string>): Promise<string> => {
    const id = named.get(name) ?? make()
    named.set(name, id)
    return id
  }
  const acknowledge = async (hostName: string): Promise<string> =>
    (await hosts.acknowledged(hostName)).command.commandId
  let finalResult: object = {}
  const pair = makeKeyPair()
  const world: AgentWorld = {
    device: () => hosts.enrol('host-01'),
    revokedDevice: async () => {
      const device = await hosts.enrol('gone-01')
      const actor = { tenantId: tenant.id, id: 'hostile', kind: 'system', name: 'hostile' } as const
      await revokeDevice({ store: cordon.store, clock: systemClock }, actor, device.id)
      return device
    },
    command: (name) =>
      once(name, async () => (name === 'waiting' ? (await hosts.order('host-01')).id : acknowledge('host-01'))),
    finished: () =>
      once('finished', async () => {
        const { device, command } = await hosts.acknowledged('host-01')
        const result = makeResult(command)
        const answer = await device.report(result)
        if (answer.status !== 200) throw new Error(`the result was not taken: ${answer.text}`)
        finalResult = result
        return command.commandId
      }),
    commandOfOther: () => once('other', () => acknowledge('host-02')),
    sameResult: async () => {
      await world.finished()
      return JSON.stringify(finalResult)
    },
    completeResult: (abbreviated) => {
      const command = hosts.commands.get(String(abbreviated.commandId))
      return command === undefined ? null : { ...makeResult(command), proof: null, ...abbreviated }
    },
    newKey: () => pair.publicKey,
    completeEnrolment,
    signerOf: (path, token) => {
      if (path.endsWith('/enroll')) return { key: readPrivateKey(pair.privateKeyPem), kid: ENROLL_KID, seq: 1 }
      const device = hosts.enrolled.find((known) => known.token === token)
      return device === undefined ? null : { key: device.key, kid: device.id, seq: device.lastSeq() + 100 }
    },
  }
  return world
}

function completeEnrolment(abbreviated: Readonly<Record<string, unknown>>): object {
  const host = { machineId: '0'.repeat(32), os: 'Debian GNU/Linux 12 (bookworm)', agentVersion: '0.1.0' }
  return { ...host, capabilities: [], ...abbreviated }
}

/** The command that the job of an accepted execution queues. */
async function queuedCommand(cordon: Cordon, taskId: string): Promise<string> {
  const find = () =>
    cordon.store.read
      .selectFrom('commands')
      .innerJoin('executions', 'executions.id', 'commands.id')
      .select('commands.id')
      .where('executions.task_id', '=', taskId)
      .executeTakeFirst()
  const row = await waitUntil(find, (found) => found !== undefined)
  return row?.id ?? ''
}
