import type { PermittedAddresses } from '../protocol/body.ts'
import { boolean, DecodeError, decode, list, object, optional, text } from '../protocol/decode.ts'
import { readSetting } from '../store/access.ts'
import { dropHoldsOfTask, findAgents, hasAgents, readAgent, readHolds } from '../store/agents.ts'
import type { Store } from '../store/db.ts'

/** What looking agents up needs. */
export interface DeviceDeps {
  readonly store: Store
}

/** An enrolled host that fits an identifier. */
export interface KnownDevice {
  readonly id: string
  readonly hostname: string
  /** Null when the host can do the action, else why not. */
  readonly obstacle: (actionType: string) => string | null
}

/** Setting with the networks that stay open under selective isolation: `{"ipv4_net": [...], "ipv6_net": [...]}`. */
export const permittedSetting = 'isolation.permitted'

/** Enrolled hosts of a tenant whose id, host name or full name equals the text. */
export async function findDevices(deps: DeviceDeps, tenantId: string, identifier: string): Promise<KnownDevice[]> {
  const agents = await findAgents(deps.store.read, tenantId, identifier)
  return agents.map(({ id, hostname, capabilities }) => ({
    id,
    hostname,
    obstacle: (actionType) => findObstacle(capabilities, actionType),
  }))
}

/** True when the tenant has an enrolled host. */
export function hasDevices(deps: DeviceDeps, tenantId: string): Promise<boolean> {
  return hasAgents(deps.store.read, tenantId)
}

/** When a host was last heard of; null when never, or when there is none. */
export async function readLastSeen(deps: DeviceDeps, tenantId: string, id: string): Promise<string | null> {
  return (await readAgent(deps.store.read, tenantId, id))?.last_seen_at ?? null
}

/** Tasks other than this one that want the host to stay isolated. */
export async function findOtherHolds(deps: DeviceDeps, agentId: string, taskId: string): Promise<string[]> {
  const holds = await readHolds(deps.store.read, agentId)
  return [...new Set(holds.map((hold) => hold.task_id).filter((holder) => holder !== taskId))]
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

function findObstacle(capabilities: string, actionType: string): string | null {
  try {
    const known = decode(decodeCapabilities, JSON.parse(capabilities)).find((one) => one.actionType === actionType)
    if (known === undefined) return `its agent does not know ${actionType}`
    return known.supported ? null : `${actionType} is unsupported: ${known.reason ?? 'no reason given'}`
  } catch (error) {
    if (error instanceof DecodeError) return 'its capabilities are unreadable'
    throw error
  }
}
