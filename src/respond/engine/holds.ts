import { isContainment, isRelease } from '../../model/actions.ts'
import type { Tx } from '../../store/db.ts'
import { type Execution, readDoneOnTarget, setHolds } from '../../store/executions.ts'

/** What was done to one target in one family, as far as it decides who holds it. */
export type Done = Pick<Execution, 'id' | 'kind' | 'undoes' | 'actionType' | 'state'>

/**
 * Who wants a target to stay contained: whatever contained it and was neither undone nor released since. A release that is undone gives the
 * target back to those it took it from, as far as they were not undone meanwhile.
 * @param history oldest first
 * @returns ids of executions
 */
export function findHolders(history: readonly Done[]): ReadonlySet<string> {
  const undone = new Set(history.filter(endsOne).map(({ undoes }) => undoes))
  const taken = new Map<string, readonly string[]>()
  let holders = new Set<string>()
  for (const done of history) {
    const { id, kind, undoes, actionType, state } = done
    if (isContainment(actionType)) {
      const back = kind === 'undo' && undoes !== null ? taken.get(undoes) : undefined
      // A release that ended nobody's hold, e.g. one that opened what somebody else had closed, is taken back for its own sake.
      const ids = back === undefined || back.length === 0 ? [id] : back
      holders = new Set([...holders, ...ids])
    } else if (endsOne(done)) holders.delete(undoes ?? '')
    else if (isRelease(actionType) && state === 'succeeded') {
      taken.set(id, [...holders])
      holders = new Set()
    }
  }
  // Also what ended in the same tick of the clock as its undo, and may stand behind it.
  return new Set([...holders].filter((one) => !undone.has(one)))
}

/** An undo that ended what one execution held. */
function endsOne({ kind, actionType, state }: Done): boolean {
  return kind === 'undo' && isRelease(actionType) && state === 'succeeded'
}

/**
 * The undo of a release has contained its target again: those hold it who held it before the release.
 * @param undo as it is about to be written
 * @returns whether the undo itself holds it
 */
export async function giveHoldsBack(tx: Tx, undo: Execution): Promise<boolean> {
  const earlier = await readDoneOnTarget(tx, undo.tenantId, undo.target.key, undo.family)
  const holders = findHolders([...earlier.filter(({ id }) => id !== undo.id), undo])
  await setHolds(tx, undo.tenantId, [...holders])
  return holders.has(undo.id)
}
