import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What of a request is counted. */
export interface RequestFigures {
  readonly method: string
  /** The route's path with its parameters' names; `none` where no route is. */
  readonly route: string
  readonly status: number
  readonly seconds: number
}

/** A figure that is looked up whenever it is asked for: a value for each combination of label values. */
export interface LookedUp {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  read(): Promise<readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]>
}

/** What a server says of itself to Prometheus. */
export interface Metrics {
  readonly countRequest: (figures: RequestFigures) => void
  /** Adds a figure; its name begins with `cordon_`. */
  readonly add: (figure: LookedUp) => void
  /** Everything in Prometheus' text format. @throws what a figure's `read` throws */
  readonly render: () => Promise<string>
  readonly contentType: string
}

const buckets = [0.002, 0.01, 0.05, 0.25, 1, 5, 30]

/** Opens the figures of a process: its own (processor, memory, event loop), requests, and what is added. @source Prometheus exposition format 0.0.4 */
export function openMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 })
  const requests = new Counter({
    name: 'cordon_http_requests_total',
    help: 'Requests answered.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'cordon_http_request_seconds',
    help: 'Time from the head of a request to its answer; of held polls, how long they were held.',
    labelNames: ['route'],
    buckets,
    registers,
  })
  // Looking series up by their labels takes longer than counting.
  const series = new Map<string, { readonly count: Counter.Internal; readonly time: Histogram.Internal<string> }>()
  return {
    countRequest: ({ method, route, status, seconds }) => {
      const key = `${method} ${status} ${route}`
      let known = series.get(key)
      if (known === undefined) {
        known = { count: requests.labels(method, route, String(status)), time: durations.labels(route) }
        series.set(key, known)
      }
      known.count.inc()
      known.time.observe(seconds)
    },
    add: ({ name, help, labels, read }) => {
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers,
        async collect() {
          const values = await read()
          this.reset()
          for (const { labels: of, value } of values) this.set({ ...of }, value)
        },
      })
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
