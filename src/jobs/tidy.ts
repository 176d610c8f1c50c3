import { type Clock, instantOf } from '../io/clock.ts'
import type { Logger } from '../io/log.ts'
import type { Store } from '../store/db.ts'
import { removeDeliveriesBefore } from '../store/deliveries.ts'
import { removeAnswersBefore, removeChangesBefore } from '../store/tidy.ts'

/** What tidying needs. */
export interface TidyDeps {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
}

/** Delta tokens live for 30 days; what changed before that, nobody can ask for any more. @source design contract 19.2 */
const keepChangesDays = 31
const everyMs = 6 * 3_600_000
/** Not while a server that was away catches up. */
const firstAfterMs = 5 * 60_000

/** Removes what nobody can ask for any more: old changes from the outbox, answers that are not repeated, messages to people. Several servers may do so at once. */
export async function tidy({ store, clock, log }: TidyDeps): Promise<void> {
  const nowMs = clock.nowMs()
  const changes = await removeChangesBefore(store, instantOf(nowMs - keepChangesDays * 86_400_000))
  const answers = await removeAnswersBefore(store, instantOf(nowMs))
  const messages = await removeDeliveriesBefore(store, instantOf(nowMs - keepChangesDays * 86_400_000))
  if (changes + answers + messages > 0)
    log.info({ changes, answers, messages }, 'removed what nobody can ask for any more')
}

/** Tidies some minutes after the start and then every six hours. @returns what stops it, after the round under way */
export function startTidying(deps: TidyDeps): () => Promise<void> {
  let round: Promise<void> = Promise.resolve()
  const run = (): void => {
    round = tidy(deps).catch((cause: unknown) => deps.log.error({ err: cause }, 'old rows cannot be removed'))
  }
  const first = setTimeout(run, firstAfterMs)
  const next = setInterval(run, everyMs)
  return async () => {
    clearTimeout(first)
    clearInterval(next)
    await round
  }
}
