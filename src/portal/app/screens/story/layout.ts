import workerAddress from './layout-worker.ts?worker&url'

/** A graph to be laid out: sizes by node, edges by the nodes' numbers. */
export interface ToLayOut {
  readonly number: number
  readonly sizes: readonly { readonly width: number; readonly height: number }[]
  readonly edges: readonly (readonly [from: number, to: number])[]
}

/** Where the middle of each node goes. */
export interface Picture {
  readonly number: number
  readonly width: number
  readonly height: number
  readonly places: readonly { readonly x: number; readonly y: number }[]
}

interface ScriptPolicies {
  createPolicy(name: string, rules: { createScriptURL: () => string }): { createScriptURL(name: string): string }
}

/** The largest graph that is laid out. @source design portal 8 */
const maxLaidOut = 300

let worker: Worker | undefined
let count = 0

/**
 * Starts the worker from its own file. The page's one policy of Trusted Types names that file whatever it is given, so that it opens no way
 * for any other script.
 */
function startWorker(): Worker {
  const policies: ScriptPolicies | undefined = Reflect.get(window, 'trustedTypes')
  const policy = policies?.createPolicy('layout-worker', { createScriptURL: () => workerAddress })
  return new Worker(policy === undefined ? workerAddress : policy.createScriptURL(''), { type: 'module' })
}

/** A phone begins with the table. */
export const isWide = (): boolean => window.innerWidth >= 600

/** Starts the worker before there is anything to lay out, where it can be had. */
export function warmUp(): void {
  try {
    worker ??= startWorker()
  } catch {
    // Whoever lays a graph out is told.
  }
}

/**
 * Lays a graph out in the worker, from left to right.
 * @throws RangeError for a graph beyond the limit; Error when the worker cannot be had or fails
 */
export function layOut(graph: Omit<ToLayOut, 'number'>): Promise<Picture> {
  if (graph.sizes.length > maxLaidOut) throw new RangeError(`At most ${maxLaidOut} nodes are laid out.`)
  worker ??= startWorker()
  const running = worker
  count += 1
  const number = count
  return new Promise((resolve, reject) => {
    const done = (): void => {
      running.removeEventListener('message', onMessage)
      running.removeEventListener('error', onError)
    }
    const onMessage = ({ data }: MessageEvent<Picture>): void => {
      if (data.number !== number) return
      done()
      resolve(data)
    }
    const onError = (event: ErrorEvent): void => {
      done()
      reject(new Error(event.message || 'The picture could not be laid out.'))
    }
    running.addEventListener('message', onMessage)
    running.addEventListener('error', onError)
    running.postMessage({ ...graph, number } satisfies ToLayOut)
  })
}
