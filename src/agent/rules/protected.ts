import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { coversAddress, type Indicator } from '../../protocol/indicator.ts'
import type { Endpoint } from '../actions/addresses.ts'
import { readGateways } from '../host/facts.ts'

/**
 * Why a rule about this indicator must not be, or undefined. The server and the host's own addresses are never hit; gateways and resolvers
 * only when the tenant's policy says so.
 * @source design actions.md 10.1
 */
export function findProtected(
  indicator: Indicator,
  control: readonly Endpoint[],
  serverName: string,
  allowInfrastructure: boolean,
): string | undefined {
  if (indicator.kind === 'domain') {
    const hit = serverName === indicator.value || serverName.endsWith(`.${indicator.value}`)
    return hit ? `${indicator.value} is the name of the Cordon server` : undefined
  }
  const covered = (addresses: readonly string[]): string | undefined =>
    addresses.find((address) => coversAddress(indicator, address))
  const server = covered(control.map(({ address }) => address))
  if (server !== undefined) return `${server} is the Cordon server`
  const own = covered(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)))
  if (own !== undefined) return `${own} is an address of this host`
  if (allowInfrastructure) return undefined
  const gateway = covered(readGateways())
  if (gateway !== undefined) return `${gateway} is the default gateway of this host`
  const resolver = covered(readResolvers())
  return resolver === undefined ? undefined : `${resolver} is a resolver of this host`
}

/** Addresses of the resolvers this host asks. @source resolv.conf(5) */
export function readResolvers(): readonly string[] {
  // systemd-resolved shows programs only itself; whom it asks stands in a file of its own.
  return ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'].flatMap((path) => {
    try {
      return [...readFileSync(path, 'utf8').matchAll(/^\s*nameserver\s+([0-9a-fA-F:.]+)/gm)].map(
        (match) => match[1] ?? '',
      )
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
      throw error
    }
  })
}
