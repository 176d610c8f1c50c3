import { CordonError } from '../model/errors.ts'
import { readAnything } from '../store/access.ts'
import type { Store } from '../store/db.ts'
import type { OpenHandler } from './route.ts'

const plain = { contentType: 'text/plain;charset=utf-8', headers: { 'Cache-Control': 'no-store' } }

/** GET /healthz: the process answers. */
export function getHealth(): OpenHandler {
  return async () => ({ status: 200, body: 'ok\n', ...plain })
}

/** GET /readyz: requests can be served now; 503 while starting, draining or without the store. */
export function getReadiness(deps: { readonly store: Store; readonly isDraining: () => boolean }): OpenHandler {
  return async () => {
    if (deps.isDraining()) throw new CordonError('ServiceUnavailable', 'This server is shutting down.')
    try {
      await readAnything(deps.store.read)
    } catch (cause) {
      throw new CordonError('ServiceUnavailable', 'The store cannot be read.', { cause })
    }
    return { status: 200, body: 'ready\n', ...plain }
  }
}
