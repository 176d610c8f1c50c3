import { CordonError } from '../../model/errors.ts'
import { readAnything } from '../../store/access.ts'
import type { Store } from '../../store/db.ts'
import type { OpenHandler } from '../route.ts'

const plain = { contentType: 'text/plain;charset=utf-8', headers: { 'Cache-Control': 'no-store' } }

/** GET /healthz: the process answers. */
export function getHealth(): OpenHandler {
  return async () => ({ status: 200, body: 'ok\n', ...plain })
}

/** What telling readiness needs. */
export interface ReadinessDeps {
  readonly store: Store
  readonly isDraining: () => boolean
  /** Why no checkpoints of the audit log are written; null when they are. */
  readonly auditProblem: () => string | null
}

/**
 * GET /readyz: requests can be served now; 503 while starting, draining or without the store. A second line warns of what does not stand in
 * the way of requests and still needs somebody.
 */
export function getReadiness(deps: ReadinessDeps): OpenHandler {
  return async () => {
    if (deps.isDraining()) throw new CordonError('ServiceUnavailable', 'This server is shutting down.')
    try {
      await readAnything(deps.store.read)
    } catch (cause) {
      throw new CordonError('ServiceUnavailable', 'The store cannot be read.', { cause })
    }
    const problem = deps.auditProblem()
    return { status: 200, body: problem === null ? 'ready\n' : `ready\nwarning: ${problem}\n`, ...plain }
  }
}
