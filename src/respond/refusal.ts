import type { Clock } from '../io/clock.ts'
import type { Logger } from '../io/log.ts'
import type { CordonError } from '../model/errors.ts'
import type { Store } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'

/** What leaving a trace of a refusal needs. */
export interface RefusalDeps {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Records that somebody known was refused a change. Never fails the answer: the refusal itself changed nothing.
 * @param attempt what was tried: method and route, and the id in it
 */
export async function recordRefusal(
  deps: RefusalDeps,
  actor: Actor,
  attempt: { readonly action: string; readonly objectId: string },
  error: CordonError,
): Promise<void> {
  try {
    await deps.store.transaction((tx) =>
      recordChange(tx, {
        at: deps.clock.now(),
        actor,
        audit: {
          action: attempt.action,
          objectType: 'request',
          objectId: attempt.objectId.slice(0, 200),
          decision: 'refused',
          code: error.kind,
          reason: error.message.slice(0, 500),
        },
      }),
    )
  } catch (cause) {
    deps.log.error({ err: cause, requestId: actor.requestId }, 'a refusal could not be recorded')
  }
}
