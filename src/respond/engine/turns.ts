import { instantOf, msOf } from '../../io/clock.ts'
import { actionKinds } from '../../model/actions.ts'
import { holdsTurn } from '../../model/execution-state.ts'
import type { Execution } from '../../store/executions.ts'

/** How long after its deadline an order may still be found to have begun: clock differences between us and the far side. */
const skewSeconds = 60

/** Whose turn it is on a target. */
export type Turn =
  | { readonly next: 'mine' }
  /** This one gives way to a release, once it is sure that nobody has begun it. */
  | { readonly next: 'takeBack'; readonly other: Execution }
  /** Another one is first. `until` is when it gives its turn back by itself; null: when it ends. */
  | { readonly next: 'wait'; readonly until: string | null }

/**
 * Decides whether an execution that waits may be handed over. Executions of one family on one target take turns in the order in which they
 * began to wait. A release takes back what nobody has begun. An execution whose outcome is unknown gives its turn back once its order can
 * no longer run, so that a lost isolate never blocks the release.
 * @param live every execution without an outcome on the target, in the order of their turns
 * @source design reliability 2.3; actions 4
 */
export function decideTurn(mine: Execution, live: readonly Execution[], now: string): Turn {
  const place = live.findIndex((other) => other.id === mine.id)
  const others = live
    .map((other, at) => ({ other, isBefore: at < place }))
    .filter(({ other }) => other.id !== mine.id && other.state !== 'awaitingApproval')
  const undelivered = others.filter(({ other, isBefore }) => isBefore && isTakenBackBy(mine, other))
  // Those that wait first: once the one before them is gone they would have their turn.
  const first = undelivered.find(({ other }) => other.state === 'queued') ?? undelivered[0]
  if (first) return { next: 'takeBack', other: first.other }
  if (others.some(({ other }) => other.state === 'queued' && isTakenBackBy(other, mine))) {
    return { next: 'wait', until: null }
  }
  let until: string | null = null
  let blocked = false
  for (const { other, isBefore } of others) {
    if (holdsTurn(other.state) || (isBefore && other.state === 'queued')) blocked = true
    else if (other.state === 'unknown') {
      const givesBack = instantOf(msOf(other.notAfter) + skewSeconds * 1000)
      if (givesBack >= now) {
        blocked = true
        if (until === null || givesBack < until) until = givesBack
      }
    }
  }
  return blocked ? { next: 'wait', until } : { next: 'mine' }
}

/**
 * Those who wait and have something to do now: the first in line, who at least looks how long it has to wait, and whoever has its turn or takes
 * somebody back. The others are woken by them; waking all of a long line each time one ends would keep it from moving.
 * @param live as for {@link decideTurn}
 */
export function listWoken(live: readonly Execution[], now: string): Execution[] {
  const waiting = live.filter(({ state }) => state === 'queued')
  return waiting.filter((one, place) => place === 0 || decideTurn(one, live, now).next !== 'wait')
}

/** True when `release` takes back what `other` wants, and nobody has begun that. An undo ends what its own run did, and no more. */
function isTakenBackBy(release: Execution, other: Execution): boolean {
  if (release.kind === 'undo' || other.actionType !== actionKinds[release.actionType].supersedes) return false
  // Between the hand-over and its record nobody knows how far it came; the release is woken when it stands there.
  return other.state === 'queued' || (other.state === 'dispatching' && other.handle !== null)
}
