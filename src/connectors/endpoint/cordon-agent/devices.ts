import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { type DeviceDeps, findDevices, type HostIdentity } from '../../../agents/devices.ts'
import type { ActionType } from '../../../model/actions.ts'
import { serverHostTag } from '../../../model/safety/verdict.ts'
import type { Resolution } from '../../connector.ts'

/** What naming hosts needs: the store, and which host is this server's own. */
export interface NamingDeps extends DeviceDeps {
  readonly readOwnHost: () => HostIdentity
}

/** The hosts of a name that an action on a whole host can be ordered from. */
export async function resolveDevice(
  deps: NamingDeps,
  tenantId: string,
  actionType: ActionType,
  identifier: string,
): Promise<readonly Resolution[]> {
  const devices = await findDevices(deps, tenantId, identifier)
  const own = deps.readOwnHost()
  return devices.map(({ id, hostname, fqdn, obstacle, host }) => {
    const reason = obstacle(actionType)
    const aliases = fqdn === null ? {} : { aliases: [fqdn] }
    const tags = host !== null && isSameHost(own, host) ? { tags: [serverHostTag] } : {}
    return {
      target: { kind: 'device' as const, key: id, displayName: hostname, identifier, ...aliases, ...tags },
      supported: reason === null,
      reason: reason === null ? null : `${hostname}: ${reason}`,
    }
  })
}

/** The host this process runs on, as it is now: interfaces come and go. */
export function readOwnHost(): HostIdentity {
  const addresses = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address)
  return { bootId: readBootId(), addresses }
}

/**
 * Whether two descriptions are of one host. The boot id alone does not tell: containers and network namespaces of a host share it, and each
 * can be isolated without the others.
 */
function isSameHost(one: HostIdentity, other: HostIdentity): boolean {
  if (one.bootId === '' || one.bootId !== other.bootId) return false
  const isBare = one.addresses.length === 0 && other.addresses.length === 0
  return isBare || one.addresses.some((address) => other.addresses.includes(address))
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return ''
    throw cause
  }
}
