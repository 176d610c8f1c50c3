import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** A thing that a rule is about, in its one spelling. */
export interface Indicator {
  readonly kind: 'ipv4' | 'ipv6' | 'domain' | 'md5' | 'sha1' | 'sha256'
  /** A network in CIDR form (one address has its full length), a name in lower case, or hexadecimal digits. */
  readonly value: string
  /** The URL whose host this is; null where the indicator itself was named. */
  readonly url: string | null
}

/** An indicator that no rule can be made of, and why. */
export interface UnusableIndicator {
  readonly problem: string
}

/** Wider networks than these would cut a host off from more than anybody means. @source design actions.md 10.3 */
const minPrefix = { ipv4: 16, ipv6: 32 } as const
const hashKinds = new Map([
  [32, 'md5'],
  [40, 'sha1'],
  [64, 'sha256'],
] as const)

/** Addresses that never are another host: this host, link-local, multicast, broadcast. @source RFC 6890 */
const special = new BlockList()
for (const [address, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
] as const) {
  special.addSubnet(address, prefix, 'ipv4')
}
for (const [address, prefix] of [
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  special.addSubnet(address, prefix, 'ipv6')
}

/**
 * Reads an address, a network, a domain, a URL or a file hash.
 * @returns undefined for anything else
 */
export function parseIndicator(text: string): Indicator | UnusableIndicator | undefined {
  const trimmed = text.trim()
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) return parseUrl(trimmed)
  const hash = /^[0-9a-f]+$/i.test(trimmed) ? hashKinds.get(trimmed.length as 32 | 40 | 64) : undefined
  if (hash !== undefined) return { kind: hash, value: trimmed.toLowerCase(), url: null }
  return parseNetwork(trimmed) ?? parseDomain(trimmed)
}

/** Tells a usable indicator from the reason why it is none. */
export function isUsable(found: Indicator | UnusableIndicator | undefined): found is Indicator {
  return found !== undefined && 'kind' in found
}

/** True when the networks of the address indicator hold the address. */
export function coversAddress(indicator: Indicator, address: string): boolean {
  const [base = '', prefix] = indicator.value.split('/')
  if (indicator.kind !== 'ipv4' && indicator.kind !== 'ipv6') return false
  const list = new BlockList()
  list.addSubnet(base, Number(prefix), indicator.kind)
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

function parseUrl(text: string): Indicator | UnusableIndicator | undefined {
  const host = URL.canParse(text) ? new URL(text).hostname.replace(/^\[|\]$/g, '') : ''
  const found = host === '' ? undefined : (parseNetwork(host) ?? parseDomain(host))
  return isUsable(found) ? { ...found, url: text.slice(0, 2000) } : found
}

function parseNetwork(text: string): Indicator | UnusableIndicator | undefined {
  const [address = '', prefixText, ...rest] = text.split('/')
  if (rest.length > 0 || (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText))) return undefined
  const kind = isIPv4(address) ? 'ipv4' : isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined
  if (kind === undefined) return undefined
  const width = kind === 'ipv4' ? 32 : 128
  const prefix = prefixText === undefined ? width : Number(prefixText)
  if (prefix > width) return undefined
  if (prefix < minPrefix[kind]) return { problem: `a network wider than /${minPrefix[kind]} is never blocked` }
  const bits = kind === 'ipv4' ? bitsOf4(address) : bitsOf6(address)
  const base = (bits >> BigInt(width - prefix)) << BigInt(width - prefix)
  const written = kind === 'ipv4' ? write4(base) : write6(base)
  if (special.check(written, kind) || /^::ffff:/.test(written)) {
    return { problem: `${text} is this host itself, link-local, multicast or another notation` }
  }
  return { kind, value: `${written}/${prefix}`, url: null }
}

function parseDomain(text: string): Indicator | undefined {
  const name = text.replace(/\.$/, '')
  // The URL parser turns international names into the form that goes over the wire.
  const host =
    /^[^\s/?#@:\\[\]%]+$/.test(name) && URL.canParse(`http://${name}`) ? new URL(`http://${name}`).hostname : ''
  const labels = host.split('.')
  const sound = labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))
  if (labels.length < 2 || !sound || host.length > 253 || /^\d+$/.test(labels.at(-1) ?? '')) return undefined
  return { kind: 'domain', value: host, url: null }
}

function bitsOf4(address: string): bigint {
  return address.split('.').reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n)
}

function bitsOf6(address: string): bigint {
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (dotted) => {
    const bits = bitsOf4(dotted)
    return `${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`
  })
  const [head = '', tail] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const middle = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...middle, ...right].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n)
}

function write4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 0xffn)).join('.')
}

function write6(bits: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(112 - index * 16)) & 0xffffn).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
