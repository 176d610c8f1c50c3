import { subscribe, unsubscribe } from 'node:diagnostics_channel'

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

/** Counts the connections and requests that this process, the server in it, begins. */
export function watchOutbound(): { stop(): number } {
  let count = 0
  const note = (): void => {
    if (!isOurs) count++
  }
  for (const channel of channels) subscribe(channel, note)
  return {
    stop: () => {
      for (const channel of channels) unsubscribe(channel, note)
      return count
    },
  }
}
