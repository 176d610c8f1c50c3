import { BlockList, isIP, isIPv6 } from 'node:net'

/** A network that an administrator lets Cordon reach though the general rule forbids it. */
export interface AllowedNetwork {
  readonly network: BlockList
  /** null: every port. */
  readonly port: number | null
}

/**
 * Reads one entry of the outbound allow-list: `10.1.2.0/24:8443`, `[fd00::]/8:443` or `127.0.0.1/32:*`.
 * @throws Error naming the entry
 */
export function readAllowedNetwork(text: string): AllowedNetwork {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+))\/(\d{1,3}):(\d{1,5}|\*)$/i.exec(text.trim())
  const address = parts?.[1] ?? parts?.[2] ?? ''
  const version = isIP(address)
  const prefix = Number(parts?.[3])
  const port = parts?.[4] === '*' ? null : Number(parts?.[4])
  if (version === 0 || prefix > (version === 6 ? 128 : 32) || (port !== null && !(port >= 1 && port <= 65_535))) {
    throw new Error(`an allowed network is written as 10.1.2.0/24:8443 or [fd00::]/8:443, not '${text}'`)
  }
  const network = new BlockList()
  network.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4')
  return { network, port }
}

/** Whether an entry of the allow-list names this address and port. */
export function isAllowed(allow: readonly AllowedNetwork[], address: string, port: number): boolean {
  return allow.some((entry) => (entry.port === null || entry.port === port) && contains(entry.network, address))
}

/** Ranges that are not of the public unicast internet. @source IANA special-purpose address registries; RFC 6890 */
const specialV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const

/** Only 2000::/3 is public at all; within it these carry other addresses (Teredo, 6to4), or are for protocols and documents. */
const specialV6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
] as const

const publicV6 = listOf([['2000::', 3]], 'ipv6')
const special = { v4: listOf(specialV4, 'ipv4'), v6: listOf(specialV6, 'ipv6') }

function listOf(subnets: readonly (readonly [string, number])[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family)
  return list
}

/** Whether an address is one of the public unicast internet. IPv6 forms that carry an IPv4 address are not. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false
  if (!isIPv6(address)) return !contains(special.v4, address)
  return contains(publicV6, address) && !contains(special.v6, address)
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
