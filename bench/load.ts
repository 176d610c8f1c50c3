import autocannon, { type LoadRequest } from 'autocannon'

/** What the load generator is asked to do. */
export interface LoadOrder {
  readonly url: string
  readonly seconds: number
  /** One list of requests per connection; each is sent over and over, in order. */
  readonly connections: readonly (readonly LoadRequest[])[]
}

/** What came of it. */
export interface LoadReport {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly succeeded: number
  /** Answers that are not 2xx, broken connections and timeouts. */
  readonly failed: number
}

/** Sends the requests of an order as fast as the answers come. */
async function sendLoad({ url, seconds, connections }: LoadOrder): Promise<LoadReport> {
  let next = 0
  const result = await autocannon({
    url,
    connections: connections.length,
    duration: seconds,
    requests: connections[0] ?? [],
    setupClient: (client) => client.setRequests(connections[next++ % connections.length] ?? []),
  })
  const succeeded = result['2xx']
  return {
    perSecond: succeeded / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    succeeded,
    failed: result.non2xx + result.errors + result.timeouts,
  }
}

// A process of its own, so that sending takes nothing from the server's and the bench's own time. It ends with its parent.
process.on('message', async (order: LoadOrder) => process.send?.(await sendLoad(order)))
process.on('disconnect', () => process.exit())
