import { instantOf } from '../io/clock.ts'
import type { Logger } from '../io/log.ts'
import { readNewestSequence, readSettledSequence } from '../store/changes.ts'
import type { SubscriptionRow } from '../store/schema-notify.ts'
import { listSubscriptionsBehind, listTimedSubscriptions, listTouchedSubscriptions } from '../store/subscriptions.ts'
import { endSubscription, type FanOutDeps, fanOut, mayOwnerRead, queueLifecycle } from './fan-out.ts'

/** What the notifier needs. */
export interface NotifierDeps extends FanOutDeps {
  readonly log: Logger
}

/** A running notifier. */
export interface Notifier {
  /** Looks no more, and waits for the look under way. */
  stop(): Promise<void>
}

const lookEveryMs = 500

/** A subscription younger than this is looked at whatever changed: changes may have come between its place and its row. */
const youngMs = 60_000

/** What a notifier remembers from look to look; a new one starts from what the store says. */
interface Memory {
  /** Changes up to here have been looked at; null before the first look. */
  lookedTo: number | null
}

/**
 * Looks for changes that subscribers have not been told of, and queues their delivery; ends subscriptions whose time is over. It costs three
 * small reads while nothing happens, and subscriptions that a change does not concern are not touched. Several servers may do so at once.
 */
export function startNotifier(deps: NotifierDeps): Notifier {
  const memory: Memory = { lookedTo: null }
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let looking = Promise.resolve()
  const run = (): void => {
    looking = look(deps, memory)
      .catch((cause: unknown) => deps.log.error({ err: cause }, 'subscriptions cannot be looked after'))
      .then(() => {
        if (!stopped) timer = setTimeout(run, lookEveryMs)
      })
  }
  run()
  return {
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await looking
    },
  }
}

async function look(deps: NotifierDeps, memory: Memory): Promise<void> {
  const { store, clock } = deps
  const nowMs = clock.nowMs()
  const now = instantOf(nowMs)
  for (const subscription of await listTimedSubscriptions(store.read, now)) {
    if (subscription.expires_at <= now) await endSubscription(deps, subscription, 'Its time is over.', null)
    else await queueLifecycle(deps, subscription, 'reauthorizationRequired')
  }
  const { lookedTo } = memory
  const isQuiet = lookedTo !== null && (await readNewestSequence(store.read)) <= lookedTo
  const until = isQuiet ? lookedTo : await readSettledSequence(store)
  const behind =
    lookedTo === null
      ? await listSubscriptionsBehind(store.read, until)
      : await listTouchedSubscriptions(store.read, { after: lookedTo, until }, instantOf(nowMs - youngMs))
  let isDone = true
  for (const subscription of behind) {
    try {
      await tell(deps, subscription, until)
    } catch (cause) {
      // One that cannot be served must not hold up the others; all are looked at again.
      isDone = false
      deps.log.error({ err: cause, subscriptionId: subscription.id }, 'a subscription cannot be looked after')
    }
  }
  if (isDone) memory.lookedTo = until
}

async function tell(deps: NotifierDeps, subscription: SubscriptionRow, until: number): Promise<void> {
  if (await mayOwnerRead(deps.store.read, subscription)) return fanOut(deps, subscription, until)
  const reason = 'The owner may no longer read the resource.'
  return endSubscription(deps, subscription, reason, 'subscriptionRemoved')
}
