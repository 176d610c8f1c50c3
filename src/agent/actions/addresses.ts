import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** An address with a port. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

// Wider networks than these would make "selective" mean "not isolated".
const MIN_PREFIX_4 = 8
const MIN_PREFIX_6 = 16

/** Family of an address without zone; undefined for anything else. */
export function addressFamily(address: string): 4 | 6 | undefined {
  if (isIPv4(address)) return 4
  return isIPv6(address) && !address.includes('%') ? 6 : undefined
}

/**
 * Checks networks in CIDR form and drops those that lie inside another one, because nft refuses overlapping intervals.
 * @param networks `10.0.0.0/24`, `2001:db8::/32`; a bare address is one host
 * @returns CIDR text that is safe to stand in a ruleset, or undefined when one of them is no network of this family or too wide
 */
export function reduceNetworks(networks: readonly string[], family: 4 | 6): readonly string[] | undefined {
  const parsed: { address: string; prefix: number }[] = []
  for (const network of networks) {
    const [address, prefixText, ...rest] = network.split('/')
    const width = family === 4 ? 32 : 128
    if (address === undefined || rest.length > 0 || addressFamily(address) !== family) return undefined
    if (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText)) return undefined
    const prefix = prefixText === undefined ? width : Number(prefixText)
    if (prefix > width || prefix < (family === 4 ? MIN_PREFIX_4 : MIN_PREFIX_6)) return undefined
    parsed.push({ address, prefix })
  }
  const kind = family === 4 ? 'ipv4' : 'ipv6'
  const covered = new BlockList()
  const kept: string[] = []
  for (const { address, prefix } of parsed.sort((left, right) => left.prefix - right.prefix)) {
    if (covered.check(address, kind)) continue
    covered.addSubnet(address, prefix, kind)
    kept.push(`${address}/${prefix}`)
  }
  return kept.sort()
}

/**
 * Reads `IP:PORT` or `[IP]:PORT`.
 * @returns undefined when it is neither
 */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text)
  const address = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (address === undefined || addressFamily(address) === undefined || port < 1 || port > 65_535) return undefined
  return { address, port }
}

/** Tells whether an address lies in one of the networks (CIDR text of either family). */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  const family = addressFamily(address)
  if (family === undefined) return false
  const list = new BlockList()
  for (const network of networks) {
    const [base, prefix] = network.split('/')
    if (base === undefined || addressFamily(base) !== family) continue
    list.addSubnet(base, Number(prefix), family === 4 ? 'ipv4' : 'ipv6')
  }
  return list.check(address, family === 4 ? 'ipv4' : 'ipv6')
}
