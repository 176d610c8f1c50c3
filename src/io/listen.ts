import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Open sockets that take connections. */
export interface Listening {
  readonly port: number
  /** Takes no more connections, and ends once the requests under way are answered. */
  close(): Promise<void>
  /** Ends the connections that are left, whatever is under way on them. */
  closeAllConnections(): void
}

/** Connections the kernel keeps waiting: a herd of agents comes back all at once after a restart. */
const backlog = 4096

/** How often another port is looked for when the one the system chose is taken on the other loopback address. */
const maxAttempts = 10

/**
 * Listens on an address. `localhost` means both loopback addresses, because clients try them in an order of their own; a machine without
 * IPv6 has one.
 * @param createServer makes a server that is not listening yet; called once per address
 * @param port 0 for one that is free
 * @throws Error with `code` of the system when the address cannot be had
 */
export async function listenOn(
  createServer: () => Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  if (host !== 'localhost') return join([await open(createServer(), host, port)])
  for (let attempt = 1; ; attempt++) {
    const first = await open(createServer(), '127.0.0.1', port)
    try {
      return join([first, await open(createServer(), '::1', portOf(first))])
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return join([first])
      first.close()
      if (code !== 'EADDRINUSE' || port !== 0 || attempt === maxAttempts) throw cause
    }
  }
}

function open(server: Server, host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog }, () => {
      server.off('error', reject)
      resolve(server)
    })
  })
}

function join(servers: readonly [Server, ...Server[]]): Listening {
  return {
    port: portOf(servers[0]),
    close: async () => {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
    closeAllConnections: () => {
      for (const server of servers) server.closeAllConnections()
    },
  }
}

function portOf(server: Server): number {
  // The address of a socket that listens on TCP is never a path.
  return (server.address() as AddressInfo).port
}
