import { readFileSync } from 'node:fs'
import { endianness } from 'node:os'

/** One end of a connection. */
export interface ConnectionEnd {
  readonly address: string
  readonly port: number
}

/** A TCP connection that is established now. */
export interface Connection {
  readonly local: ConnectionEnd
  readonly remote: ConnectionEnd
}

/** State of an established connection in the kernel's tables. @source proc_net_tcp, include/net/tcp_states.h */
const ESTABLISHED = '01'

/** Every established TCP connection of this network namespace that leaves the host. */
export function listConnections(): readonly Connection[] {
  return ['/proc/self/net/tcp', '/proc/self/net/tcp6']
    .flatMap((path) => readConnections(readTable(path), endianness()))
    .filter(({ remote }) => remote.address !== '::1' && !remote.address.startsWith('127.'))
}

/**
 * Reads one of the kernel's tables of TCP sockets.
 * @param order byte order of this machine: the kernel prints addresses as 32-bit words of its own
 */
export function readConnections(table: string, order: 'BE' | 'LE'): readonly Connection[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line): Connection[] => {
      const [, local, remote, state] = line.trim().split(/\s+/)
      const ends = state === ESTABLISHED ? [readEnd(local, order), readEnd(remote, order)] : []
      return ends[0] && ends[1] ? [{ local: ends[0], remote: ends[1] }] : []
    })
}

function readEnd(text: string | undefined, order: 'BE' | 'LE'): ConnectionEnd | undefined {
  const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text ?? '')
  if (match?.[1] === undefined) return undefined
  const bytes = (match[1].match(/.{8}/g) ?? []).flatMap((word) => {
    const octets = (word.match(/../g) ?? []).map((octet) => Number.parseInt(octet, 16))
    return order === 'LE' ? octets.reverse() : octets
  })
  return {
    address: bytes.length === 4 ? bytes.join('.') : writeAddress6(bytes),
    port: Number.parseInt(match[2] ?? '', 16),
  }
}

/** An IPv6 address in full, or the IPv4 address it carries. */
function writeAddress6(bytes: readonly number[]): string {
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255
  if (mapped) return bytes.slice(12).join('.')
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  )
  const text = groups.join(':')
  const [longest] = [...text.matchAll(/(^|:)0(:0)+(:|$)/g)].sort((left, right) => right[0].length - left[0].length)
  return longest === undefined
    ? text
    : `${text.slice(0, longest.index)}::${text.slice(longest.index + longest[0].length)}`
}

/** A table that cannot be read, on a kernel without IPv6, holds nothing. */
function readTable(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
