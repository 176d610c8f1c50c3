import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { Agent, request } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isIP } from 'node:net'

/** No usable answer came: the server is out of reach, its certificate does not fit, or it said too much. */
export class ChannelError extends Error {
  /** The connection had been idle and the server had closed it: the request never arrived and may simply be sent again. */
  readonly staleConnection: boolean

  constructor(problem: string, cause?: unknown, staleConnection = false) {
    super(problem, cause === undefined ? undefined : { cause })
    this.name = 'ChannelError'
    this.staleConnection = staleConnection
  }
}

/** A request before it is sent. */
export interface OutgoingRequest {
  readonly method: string
  readonly pathAndQuery: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  /** From the start of the connection to the last byte of the answer. */
  readonly timeoutMs: number
  readonly maxAnswerBytes: number
  readonly signal?: AbortSignal | undefined
  /** Connect anew to exactly this address, whatever the server's name says. */
  readonly through?: string
}

/** An answer of the server. */
export interface IncomingAnswer {
  readonly status: number
  readonly body: string
  /** `Date` of the answer in milliseconds since 1970; undefined without one. */
  readonly dateMs: number | undefined
  /** Address the answer came from. */
  readonly address: string | undefined
}

/** HTTPS to one server that is trusted by the pinned CA alone. */
export interface Transport {
  /** @throws ChannelError */
  readonly send: (outgoing: OutgoingRequest) => Promise<IncomingAnswer>
  /** Every address the server's name leads to now, or the pinned ones when it cannot be resolved. */
  readonly resolveServer: () => Promise<readonly string[]>
  readonly close: () => void
}

/** Where the transport finds and keeps the server's addresses. */
export interface AddressPins {
  readonly read: () => readonly string[]
  readonly write: (addresses: readonly string[]) => void
  /** True while name resolution is cut, so that only the pinned addresses make sense. */
  readonly onlyPinned: () => boolean
}

const RESOLVE_TIMEOUT_MS = 2_000

/**
 * Opens a transport. Nothing is connected yet.
 * @param server `https://host[:port]`
 * @param ca PEM of the only certificate authority that counts; the system's are not asked
 * @throws ChannelError when the server is not an https address
 */
export function openTransport(server: string, ca: string, pins: AddressPins): Transport {
  const url = readServerUrl(server)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = Number(url.port === '' ? 443 : url.port)
  const resolveServer = async (): Promise<readonly string[]> => {
    if (isIP(host) !== 0) return [host]
    const fresh = pins.onlyPinned() ? [] : await resolveName(host)
    if (fresh.length > 0) pins.write(fresh)
    return fresh.length > 0 ? fresh : pins.read()
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 4, ca: [ca], minVersion: 'TLSv1.2' })
  return {
    resolveServer,
    close: () => agent.destroy(),
    send: (outgoing) => {
      const target = { host, port, agent, lookup: pinnedLookup(resolveServer), hostHeader: url.host }
      if (outgoing.through === undefined) return exchange(target, outgoing)
      // A probe proves something only over a connection of its own.
      const own = new Agent({ ca: [ca], minVersion: 'TLSv1.2' })
      const through = fixedLookup(outgoing.through)
      const named = isIP(host) === 0
      return exchange(
        { ...target, agent: own, lookup: through, host: named ? host : outgoing.through },
        outgoing,
      ).finally(() => own.destroy())
    },
  }
}

/** Checks a server address. @throws ChannelError */
export function readServerUrl(server: string): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined
  if (
    url === undefined ||
    url.protocol !== 'https:' ||
    url.username !== '' ||
    url.search !== '' ||
    url.pathname !== '/'
  ) {
    throw new ChannelError(`the server must be given as https://host:port, without a path`)
  }
  return url
}

interface ExchangeTarget {
  readonly host: string
  readonly port: number
  readonly hostHeader: string
  readonly agent: Agent
  readonly lookup: LookupFunction
}

function exchange(target: ExchangeTarget, outgoing: OutgoingRequest): Promise<IncomingAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: ChannelError): void => reject(error)
    const sent = request({
      host: target.host,
      port: target.port,
      agent: target.agent,
      lookup: target.lookup,
      method: outgoing.method,
      path: outgoing.pathAndQuery,
      headers: { ...outgoing.headers, host: target.hostHeader, 'content-length': Buffer.byteLength(outgoing.body) },
      ...(outgoing.signal === undefined ? {} : { signal: outgoing.signal }),
    })
    const timer = setTimeout(() => sent.destroy(new Error('timed out')), outgoing.timeoutMs)
    sent.on('close', () => clearTimeout(timer))
    sent.on('error', (cause) => {
      const stale = sent.reusedSocket && 'code' in cause && cause.code === 'ECONNRESET'
      fail(new ChannelError(`no answer: ${cause.message}`, cause, stale))
    })
    sent.on('response', (response) => {
      const chunks: Buffer[] = []
      let size = 0
      const address = response.socket.remoteAddress
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > outgoing.maxAnswerBytes) sent.destroy(new Error('answer is too long'))
        else chunks.push(chunk)
      })
      response.on('error', (cause) => fail(new ChannelError(`answer broke off: ${cause.message}`, cause)))
      response.on('end', () => {
        const dateMs = Date.parse(response.headers.date ?? '')
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
          dateMs: Number.isNaN(dateMs) ? undefined : dateMs,
          address,
        })
      })
    })
    sent.end(outgoing.body)
  })
}

function pinnedLookup(resolveServer: () => Promise<readonly string[]>): LookupFunction {
  return (_host, options, callback) => {
    resolveServer().then(
      (addresses) => answerLookup(addresses, options.all === true, callback),
      (cause: Error) => callback(cause, ''),
    )
  }
}

function fixedLookup(address: string): LookupFunction {
  return (_host, options, callback) => answerLookup([address], options.all === true, callback)
}

function answerLookup(addresses: readonly string[], all: boolean, callback: Parameters<LookupFunction>[2]): void {
  const found: LookupAddress[] = addresses.map((address) => ({ address, family: isIP(address) }))
  const first = found[0]
  if (first === undefined) callback(new Error('the server has no address'), '')
  else if (all) callback(null, found)
  else callback(null, first.address, first.family)
}

function resolveName(host: string): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve([]), RESOLVE_TIMEOUT_MS)
    systemLookup(host, { all: true }, (error, found) => {
      clearTimeout(timer)
      resolve(error === null ? found.map(({ address }) => address) : [])
    })
  })
}
