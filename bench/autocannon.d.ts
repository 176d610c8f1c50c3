/** What we use of autocannon 9, which ships no types. */
declare module 'autocannon' {
  export interface LoadRequest {
    readonly method: string
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
  }
  export interface LoadClient {
    setRequests(requests: readonly LoadRequest[]): void
  }
  export interface LoadOptions {
    readonly url: string
    readonly connections: number
    /** Seconds. */
    readonly duration: number
    readonly requests?: readonly LoadRequest[]
    readonly setupClient?: (client: LoadClient) => void
  }
  export interface LoadResult {
    readonly '2xx': number
    readonly non2xx: number
    readonly errors: number
    readonly timeouts: number
    /** Seconds. */
    readonly duration: number
    /** Milliseconds. */
    readonly latency: { readonly p50: number; readonly p99: number }
    readonly throughput: { readonly average: number }
  }
  export default function autocannon(options: LoadOptions): Promise<LoadResult>
}
