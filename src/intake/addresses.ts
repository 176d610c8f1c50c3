import { BlockList, isIP } from 'node:net'

/** Addresses of machines inside: private, unique local and carrier-grade NAT ranges. RFC 1918, RFC 4193, RFC 6598. */
const inside = new BlockList()
inside.addSubnet('10.0.0.0', 8)
inside.addSubnet('172.16.0.0', 12)
inside.addSubnet('192.168.0.0', 16)
inside.addSubnet('100.64.0.0', 10)
inside.addSubnet('fc00::', 7, 'ipv6')

/** Addresses that name no machine of their own: this host, loopback, link-local, multicast, broadcast. RFC 6890. */
const nobody = new BlockList()
nobody.addSubnet('0.0.0.0', 8)
nobody.addSubnet('127.0.0.0', 8)
nobody.addSubnet('169.254.0.0', 16)
nobody.addSubnet('224.0.0.0', 4)
nobody.addAddress('255.255.255.255')
nobody.addAddress('::', 'ipv6')
nobody.addAddress('::1', 'ipv6')
nobody.addSubnet('fe80::', 10, 'ipv6')
nobody.addSubnet('ff00::', 8, 'ipv6')

/** Public name servers that every machine talks to. */
const everybodys: ReadonlySet<string> = new Set([
  '8.8.8.8',
  '8.8.4.4',
  '1.1.1.1',
  '1.0.0.1',
  '9.9.9.9',
  '149.112.112.112',
  '208.67.222.222',
  '208.67.220.220',
  '2001:4860:4860::8888',
  '2001:4860:4860::8844',
  '2606:4700:4700::1111',
  '2606:4700:4700::1001',
  '2620:fe::fe',
])

/**
 * An IP address in its one canonical spelling: no zone, IPv4-mapped IPv6 as IPv4, IPv6 compressed in lower case.
 * @returns null when the text is no address
 */
export function canonicalAddress(text: string): string | null {
  const version = isIP(text)
  if (version === 4) return text
  if (version === 0) return null
  const bare = text.split('%', 1)[0] ?? text
  const canonical = new URL(`http://[${bare}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical)
  if (mapped === null) return canonical
  const high = Number.parseInt(mapped[1] ?? '', 16)
  const low = Number.parseInt(mapped[2] ?? '', 16)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** True for a canonical address of an inside range: a machine of ours. */
export function isInsideAddress(address: string): boolean {
  return inside.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
}

/** True for a canonical address that can tell machines apart; false for loopback, broadcast and the like. */
export function namesMachine(address: string): boolean {
  return !nobody.check(address, address.includes(':') ? 'ipv6' : 'ipv4') && !everybodys.has(address)
}
