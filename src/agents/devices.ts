import { type Clock, msOf } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import type { Target } from '../model/execution.ts'
import type { PermittedAddresses } from '../protocol/body.ts'
import { boolean, DecodeError, decode, list, nullable, object, optional, text } from '../protocol/decode.ts'
import { readSetting } from '../store/access.ts'
import { dropHoldsOfTask, findAgents, hasAgents, listAgents, readAgent } from '../store/agents.ts'
import type { Store } from '../store/db.ts'
import { readHolders } from '../store/executions.ts'
import { readStoredPolicy } from '../store/safety/policies.ts'
import type { AgentRow } from '../store/schema.ts'

/** What looking agents up needs. */
export interface DeviceDeps {
  readonly store: Pick<Store, 'read' | 'transaction'>
}

/** What tells one network stack of one running kernel from another. */
export interface HostIdentity {
  /** Id of the running boot; containers of one host share it. Empty where the kernel gives none. */
  readonly bootId: string
  /** Every non-loopback address. */
  readonly addresses: readonly string[]
}

/** An enrolled host that fits an identifier. */
export interface KnownDevice {
  readonly id: string
  readonly hostname: string
  /** Its full name; null when it has said none. */
  readonly fqdn: string | null
  /** Null when the host can do the action, else why not. */
  readonly obstacle: (actionType: string) => string | null
  /** What it last said of itself; null before its first heartbeat. */
  readonly host: HostIdentity | null
}

/** Setting with the networks that stay open under selective isolation: `{"ipv4_net": [...], "ipv6_net": [...]}`. */
export const permittedSetting = 'isolation.permitted'

/** Enrolled hosts of a tenant whose id, host name or full name equals the text. */
export async function findDevices(deps: DeviceDeps, tenantId: string, identifier: string): Promise<KnownDevice[]> {
  const agents = await findAgents(deps.store.read, tenantId, identifier)
  return agents.map(({ id, hostname, fqdn, capabilities, facts }) => ({
    id,
    hostname,
    fqdn,
    obstacle: (actionType) => findObstacle(capabilities, actionType),
    host: readHost(facts),
  }))
}

/**
 * The one enrolled host of a tenant with this id, host name or full name.
 * @throws CordonError NotFound when there is none; AmbiguousTarget for several
 */
export async function findOneDevice(deps: DeviceDeps, tenantId: string, identifier: string): Promise<KnownDevice> {
  const [found, ...others] = await findDevices(deps, tenantId, identifier)
  if (found === undefined) throw noSuchDevice()
  if (others.length > 0) throw new CordonError('AmbiguousTarget', 'Several devices have this name; use the device id.')
  return found
}

/** The answer to a name that no enrolled host of the tenant has. */
export function noSuchDevice(): CordonError {
  return new CordonError('NotFound', 'There is no such device.')
}

function readHost(facts: string): HostIdentity | null {
  try {
    const { bootId, host } = decode(decodeHost, JSON.parse(facts))
    return { bootId, addresses: host.addresses }
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
}

const decodeHost = object<{ readonly bootId: string; readonly host: { readonly addresses: readonly string[] } }>(
  { bootId: text(64), host: object({ addresses: list(text(64), 256) }, 'ignore') },
  'ignore',
)

/** True when the tenant lets accounts of its hosts be acted on. @throws CordonError ServiceUnavailable for an unreadable policy */
export async function allowsLocalAccounts(deps: DeviceDeps, tenantId: string): Promise<boolean> {
  return (await readStoredPolicy(deps.store.read, tenantId)).policy.localAccounts.enabled
}

/** True when the tenant has an enrolled host. */
export function hasDevices(deps: DeviceDeps, tenantId: string): Promise<boolean> {
  return hasAgents(deps.store.read, tenantId)
}

/** Whether a host can be spoken with, and what it last said about itself. */
export interface Presence {
  /** When it was last heard of; null for never. */
  readonly lastSeenAt: string | null
  /** Its agent was removed, or enrolled anew with another identity: this one never calls again. */
  readonly revoked: boolean
  /** Null before its first heartbeat. */
  readonly isolated: boolean | null
  /** When the isolation ends by itself; null when it is not isolated. */
  readonly until: string | null
  /** Null before its first heartbeat. */
  readonly restricted: boolean | null
  /** When the restriction ends by itself; null when there is none. */
  readonly restrictedUntil: string | null
}

/** What is known of a host; null when the tenant has no such one. */
export async function readPresence(deps: DeviceDeps, tenantId: string, id: string): Promise<Presence | null> {
  const agent = await readAgent(deps.store.read, tenantId, id)
  if (agent === null) return null
  return { lastSeenAt: agent.last_seen_at, revoked: agent.revoked_at !== null, ...readState(agent.facts) }
}

type HostState = Pick<Presence, 'isolated' | 'until' | 'restricted' | 'restrictedUntil'>

function readState(facts: string): HostState {
  try {
    const { state } = decode(decodeFacts, JSON.parse(facts))
    return { ...state, restrictedUntil: state.restrictedUntil ?? null }
  } catch (error) {
    if (error instanceof DecodeError) return { isolated: null, until: null, restricted: null, restrictedUntil: null }
    throw error
  }
}

interface StoredState {
  readonly isolated: boolean
  readonly until: string | null
  readonly restricted: boolean
  readonly restrictedUntil?: string | null
}

const decodeFacts = object<{ readonly state: StoredState }>(
  {
    state: object<StoredState>(
      {
        isolated: boolean,
        until: nullable(text(40)),
        restricted: boolean,
        restrictedUntil: optional(nullable(text(40))),
      },
      'ignore',
    ),
  },
  'ignore',
)

/** Tasks other than this one that want the host to stay isolated, or restricted. */
export async function findOtherHolds(
  deps: DeviceDeps,
  { tenantId, target, taskId }: { readonly tenantId: string; readonly target: Target; readonly taskId: string },
  family: string,
): Promise<string[]> {
  // By the executions: after the undo of a release its command is what holds the host, for those who held it before.
  const holders = await readHolders(deps.store.read, tenantId, target.key, family)
  return [...new Set(holders.map((holder) => holder.taskId).filter((holder) => holder !== taskId))]
}

/** Ends what a task holds on a host, without an effect there. */
export async function releaseHold(deps: DeviceDeps, agentId: string, taskId: string): Promise<void> {
  await deps.store.transaction((tx) => dropHoldsOfTask(tx, agentId, taskId))
}

/** The networks a tenant leaves open under selective isolation; none unless it chose some. */
export async function readPermittedAddresses(deps: DeviceDeps, tenantId: string): Promise<PermittedAddresses> {
  const stored = await readSetting(deps.store.read, tenantId, permittedSetting)
  return stored === undefined ? {} : decode(decodePermitted, JSON.parse(stored))
}

/** True when a tenant lets files of installed packages be quarantined, once a second person has agreed. */
export async function allowsPackageFiles(deps: DeviceDeps, tenantId: string): Promise<boolean> {
  return (await readStoredPolicy(deps.store.read, tenantId)).policy.quarantine.packageFiles
}

const decodePermitted = object<PermittedAddresses>({
  ipv4_net: optional(list(text(18), 256)),
  ipv6_net: optional(list(text(43), 256)),
})

interface StoredCapability {
  readonly actionType: string
  readonly supported: boolean
  readonly reason?: string
}

const decodeCapabilities = list(
  object<StoredCapability>({ actionType: text(64), supported: boolean, reason: optional(text(500)) }, 'ignore'),
  64,
)

/** Why a host cannot do an action; null when it can. */
export function findObstacle(capabilities: string, actionType: string): string | null {
  const read = readCapabilities(capabilities)
  if (read === null) return 'its capabilities are unreadable'
  const known = read.find((one) => one.actionType === actionType)
  if (known === undefined) return `its agent does not know ${actionType}`
  return known.supported ? null : `${actionType} is unsupported: ${known.reason ?? 'no reason given'}`
}

/** What an agent said it can do; null when what is stored of it cannot be read. */
export function readCapabilities(stored: string): readonly StoredCapability[] | null {
  try {
    return decode(decodeCapabilities, JSON.parse(stored))
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
}

/** A host for people: what it is, how it is, and what it can do. */
export interface ListedDevice {
  readonly id: string
  readonly hostName: string
  readonly fqdn: string | null
  readonly os: string | null
  readonly agentVersion: string | null
  readonly enrolledAt: string
  /** Null for a host that was never heard of. */
  readonly lastSeenAt: string | null
  /**
   * `silent`: not heard of for {@link silentAfterSeconds}. `waiting`: for an admin who lets it in. `revoked`: its agent was removed, and never
   * calls again. `cloned`: two hosts had its key; both are to be enrolled anew.
   */
  readonly health: 'online' | 'silent' | 'never' | 'waiting' | 'revoked' | 'cloned'
  /** Null before its first heartbeat. */
  readonly isolated: boolean | null
  readonly isolatedUntil: string | null
  /** Whether a guard keeps programs from starting; null before its first heartbeat. */
  readonly restricted: boolean | null
  readonly restrictedUntil: string | null
  readonly actions: readonly {
    readonly actionType: string
    readonly supported: boolean
    readonly reason: string | null
  }[]
}

/** Polls are held for less than a minute; a host that missed two of them is silent. */
export const silentAfterSeconds = 120

/** Every host of a tenant by name, removed ones among them. */
export async function listDevices(
  deps: DeviceDeps & { readonly clock: Clock },
  tenantId: string,
): Promise<ListedDevice[]> {
  const rows = await listAgents(deps.store.read, tenantId)
  return Promise.all(rows.map((row) => describe(deps, row)))
}

async function describe(deps: DeviceDeps & { readonly clock: Clock }, row: AgentRow): Promise<ListedDevice> {
  const presence = await readPresence(deps, row.tenant_id, row.id)
  return {
    id: row.id,
    hostName: row.hostname,
    fqdn: row.fqdn,
    os: row.os,
    agentVersion: row.agent_version,
    enrolledAt: row.enrolled_at,
    lastSeenAt: row.last_seen_at,
    health: judgeHealth(row, deps.clock.nowMs()),
    isolated: presence?.isolated ?? null,
    isolatedUntil: presence?.until ?? null,
    restricted: presence?.restricted ?? null,
    restrictedUntil: presence?.restrictedUntil ?? null,
    actions: (readCapabilities(row.capabilities) ?? []).map(({ actionType, supported, reason }) => ({
      actionType,
      supported,
      reason: reason ?? null,
    })),
  }
}

function judgeHealth(row: AgentRow, nowMs: number): ListedDevice['health'] {
  if (row.cloned_at !== null) return 'cloned'
  if (row.revoked_at !== null) return 'revoked'
  if (row.approved_at === null) return 'waiting'
  if (row.last_seen_at === null) return 'never'
  return nowMs - msOf(row.last_seen_at) > silentAfterSeconds * 1_000 ? 'silent' : 'online'
}
