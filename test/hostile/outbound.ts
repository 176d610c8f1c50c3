import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'

/** What Node announces when a client of any kind sets out: plain sockets, http(s), fetch. */
const channels = ['net.client.socket', 'http.client.request.start', 'undici:request:create'] as const

let isOurs = false

/** Runs what opens a connection of the tests themselves, which does not count. */
export function openOurs<T>(open: () => T): T {
  isOurs = true
  try {
    return open()
  } finally {
    isOurs = false
  }
}

/** Watches the connections and requests that this process, the server in it, begins. */
export interface OutboundWatch {
  /** Ends the watch. @returns how many went elsewhere than to those `host:port` */
  stop(permitted: ReadonlySet<string>): number
}

/** Begins to watch. */
export function watchOutbound(): OutboundWatch {
  const seen: { target: string }[] = []
  const note = (message: unknown): void => {
    if (isOurs) return
    const entry = { target: readHost(message) }
    seen.push(entry)
    const socket: Socket | undefined = Object(message).socket
    // A socket is announced before it is told where to go.
    socket?.once('connect', () => {
      entry.target = `${socket.remoteAddress}:${socket.remotePort}`
    })
  }
  for (const channel of channels) subscribe(channel, note)
  return {
    stop: (permitted) => {
      for (const channel of channels) unsubscribe(channel, note)
      return seen.filter(({ target }) => !permitted.has(target)).length
    },
  }
}

function readHost(message: unknown): string {
  const request: Partial<ClientRequest> | undefined = Object(message).request
  return String(request?.getHeader?.('host') ?? 'somewhere')
}
