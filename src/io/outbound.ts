import { lookup as systemLookup } from 'node:dns/promises'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import { rootCertificates } from 'node:tls'
import { type AllowedNetwork, isAllowed, isPublicAddress, readAllowedNetwork } from './addresses.ts'

/** What an administrator decides about requests that leave this server. */
export interface OutboundOptions {
  /** Networks and ports beyond the public internet's web ports; see {@link readAllowedNetwork}. */
  readonly allow: readonly string[]
  /** PEM of a CA that receivers' certificates may come from, beside the public ones. */
  readonly ca?: string | undefined
  /** Resolves a name; the system's resolver without. */
  readonly resolve?: (host: string) => Promise<readonly Resolved[]>
}

/** An address a name resolved to. */
export interface Resolved {
  readonly address: string
  readonly family: number
}

/** One request to a receiver. */
export interface OutboundRequest {
  readonly url: string
  readonly contentType: string
  readonly body: string
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>
  /** For everything: resolving, connecting, sending and reading. */
  readonly timeoutMs: number
}

/** One request for a document, or to an endpoint that answers with one. */
export interface OutboundExchange {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Absent: none is sent. */
  readonly body?: string | undefined
  readonly timeoutMs: number
  /** What is beyond is cut off. */
  readonly maxAnswerBytes: number
}

/** What a receiver answered; of the body at most what was asked for. */
export interface OutboundAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** Why there is no answer. `refused`: the rules forbid the address, and no packet left for it. */
export interface OutboundFailure {
  readonly failed: 'refused' | 'unreachable' | 'timeout'
  readonly reason: string
}

/** A server that does not speak HTTP. */
export interface Peer {
  /** Name or address. */
  readonly host: string
  readonly port: number
  /** Ports at which its kind of server may be asked on the public internet. */
  readonly usualPorts: readonly number[]
  readonly timeoutMs: number
}

/** The one way out: every connection this server makes to an address somebody else named goes through here. */
export interface Outbound {
  /** Where a server is, after the rules: connect to these addresses, never to the name. */
  locate(peer: Peer): Promise<readonly Resolved[] | OutboundFailure>
  /** What can be said of a URL without resolving it: null when it may be asked. */
  check(url: string): string | null
  /** Sends and reads at most the first 4 KiB of the answer. */
  post(request: OutboundRequest): Promise<OutboundAnswer | OutboundFailure>
  exchange(request: OutboundExchange): Promise<OutboundAnswer | OutboundFailure>
}

const maxUrlLength = 2048
const maxAnswerBytes = 4096
const webPorts: ReadonlySet<number> = new Set([443, 8443])

/** Where a request goes, as far as its URL says. */
interface Target {
  readonly url: URL
  /** Without the brackets of an IPv6 address. */
  readonly host: string
  readonly port: number
}

/**
 * Makes the guarded client: https with a valid certificate only; public unicast addresses at web ports only, unless the allow-list names
 * network and port; every address of a name must pass, and the connection goes to a checked address; redirects are answers, not followed.
 * @throws Error for a malformed allow-list
 * @source design reliability P27 and part 4 (outbound HTTP guard)
 */
export function createOutbound(options: OutboundOptions): Outbound {
  const allow = options.allow.map(readAllowedNetwork)
  const resolve = options.resolve ?? ((host: string) => systemLookup(host, { all: true }))
  const ca = options.ca === undefined ? undefined : [...rootCertificates, options.ca]
  const exchange = async (request: OutboundExchange): Promise<OutboundAnswer | OutboundFailure> => {
    const target = readTarget(request.url, allow)
    if ('refused' in target) return { failed: 'refused', reason: target.refused }
    const signal = AbortSignal.timeout(request.timeoutMs)
    const addresses = await findAddresses(resolve, target, signal)
    if ('failed' in addresses) return addresses
    const own = listOwnAddresses()
    const denied = addresses.find(({ address }) => !mayConnect({ allow, own, ports: webPorts }, address, target.port))
    if (denied !== undefined) return { failed: 'refused', reason: 'The host is not at a public address.' }
    return send(target, addresses, { request, ca, signal })
  }
  return {
    check: (url) => {
      const target = readTarget(url, allow)
      return 'refused' in target ? target.refused : null
    },
    locate: async ({ host, port, usualPorts, timeoutMs }) => {
      const addresses = await findAddresses(resolve, { host }, AbortSignal.timeout(timeoutMs))
      if ('failed' in addresses) return addresses
      const own = listOwnAddresses()
      const ports = new Set(usualPorts)
      const denied = addresses.find(({ address }) => !mayConnect({ allow, own, ports }, address, port))
      if (denied === undefined) return addresses
      return { failed: 'refused', reason: `The rules for outbound connections forbid ${denied.address} port ${port}.` }
    },
    post: ({ url, contentType, headers, body, timeoutMs }) =>
      exchange({
        method: 'POST',
        url,
        headers: { ...headers, 'Content-Type': contentType },
        body,
        timeoutMs,
        maxAnswerBytes,
      }),
    exchange,
  }
}

/** Spellings on which URL parsers disagree are refused, not interpreted. */
function readTarget(text: string, allow: readonly AllowedNetwork[]): Target | { readonly refused: string } {
  if (text.length > maxUrlLength) return { refused: `A URL may have at most ${maxUrlLength} characters.` }
  if (!/^[\x21-\x7e]*$/.test(text) || /[\\#]/.test(text)) {
    return { refused: 'The URL holds characters that must be escaped, or a fragment.' }
  }
  const authority = /^https:\/\/([^/?]*)/i.exec(text)?.[1]
  if (authority === undefined) return { refused: 'The URL must begin with https://.' }
  const written = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(authority)?.[1]
  const url = URL.parse(text)
  if (written === undefined || url === null) return { refused: 'The URL must name a host, and no user.' }
  // 127.1, 0177.0.0.1 and 2130706433 are addresses to some and names to others.
  const isBracketed = written.startsWith('[')
  if (!isBracketed && (url.hostname !== written.toLowerCase() || written.endsWith('.'))) {
    return { refused: 'The host is not written in its plain form.' }
  }
  const port = url.port === '' ? 443 : Number(url.port)
  if (!webPorts.has(port) && !allow.some((entry) => entry.port === null || entry.port === port)) {
    return { refused: `Port ${port} is not a web port.` }
  }
  return { url, host: isBracketed ? url.hostname.slice(1, -1) : url.hostname, port }
}

async function findAddresses(
  resolve: (host: string) => Promise<readonly Resolved[]>,
  target: Pick<Target, 'host'>,
  signal: AbortSignal,
): Promise<readonly Resolved[] | OutboundFailure> {
  const family = isIP(target.host)
  if (family !== 0) return [{ address: target.host, family }]
  try {
    // A resolver cannot be told to stop; its late answer is dropped.
    const found = await Promise.race([resolve(target.host), whenAborted(signal)])
    if (found === null) return { failed: 'timeout', reason: 'The host name did not resolve in time.' }
    return found.length > 0 ? found : { failed: 'unreachable', reason: 'The host name does not resolve.' }
  } catch {
    return { failed: 'unreachable', reason: 'The host name does not resolve.' }
  }
}

function whenAborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }))
}

interface Rules {
  readonly allow: readonly AllowedNetwork[]
  readonly own: ReadonlySet<string>
  /** Open on the public internet. */
  readonly ports: ReadonlySet<number>
}

function mayConnect({ allow, own, ports }: Rules, address: string, port: number): boolean {
  if (isAllowed(allow, address, port)) return true
  return ports.has(port) && isPublicAddress(address) && !own.has(address)
}

function listOwnAddresses(): Set<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((entry) => entry.address)))
}

interface Sending {
  readonly request: OutboundExchange
  readonly ca: readonly string[] | undefined
  readonly signal: AbortSignal
}

function send(
  target: Target,
  addresses: readonly Resolved[],
  { request, ca, signal }: Sending,
): Promise<OutboundAnswer | OutboundFailure> {
  const [first] = addresses
  // The name is never resolved a second time: what was checked is what is connected to.
  const pinned: LookupFunction = (_host, options, done) =>
    options.all ? done(null, [...addresses]) : done(null, first?.address ?? '', first?.family)
  return new Promise((resolve) => {
    const fail = (): void =>
      resolve(
        signal.aborted
          ? { failed: 'timeout', reason: `There was no answer within ${request.timeoutMs / 1000} s.` }
          : { failed: 'unreachable', reason: 'No connection with a valid certificate could be made.' },
      )
    const outgoing = httpsRequest(
      target.url,
      {
        method: request.method,
        agent: false,
        lookup: pinned,
        signal,
        ...(ca === undefined ? {} : { ca: [...ca] }),
        headers: {
          ...request.headers,
          ...(request.body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(request.body)) }),
          'User-Agent': 'Cordon',
          Connection: 'close',
        },
      },
      (response) => {
        const chunks: Buffer[] = []
        let size = 0
        const finish = (): void => {
          const body = Buffer.concat(chunks).subarray(0, request.maxAnswerBytes).toString('utf8')
          const contentType = response.headers['content-type'] ?? ''
          resolve({ status: response.statusCode ?? 0, contentType, body })
          outgoing.destroy()
        }
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          size += chunk.length
          if (size >= request.maxAnswerBytes) finish()
        })
        response.on('end', finish)
        response.on('error', fail)
      },
    )
    outgoing.on('error', fail)
    outgoing.end(request.body)
  })
}
