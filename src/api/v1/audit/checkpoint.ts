import { CordonError } from '../../../model/errors.ts'
import type { AuthorizedHandler } from '../../route.ts'

/** Where checkpoints come from; see src/audit/checkpoints.ts. */
export interface CheckpointSource {
  /** @returns a signed note; null for a log without entries */
  take(tenantId: string): Promise<string | null>
}

/** GET /api/v1/audit/checkpoint: a signed note over the tenant's whole log as it is now, for keeping elsewhere. */
export function getCheckpoint(deps: { readonly checkpoints: CheckpointSource }): AuthorizedHandler {
  return async (call) => {
    const note = await takeNote(deps.checkpoints, call.caller.tenantId)
    if (note === null) throw new CordonError('NotFound', 'The audit log has no entries yet.')
    return { status: 200, body: note, contentType: 'text/plain;charset=utf-8' }
  }
}

async function takeNote(checkpoints: CheckpointSource, tenantId: string): Promise<string | null> {
  try {
    return await checkpoints.take(tenantId)
  } catch (cause) {
    const message = 'No checkpoint can be signed right now; the log of the server says why.'
    throw new CordonError('ServiceUnavailable', message, { retryAfterSeconds: 30, cause })
  }
}
