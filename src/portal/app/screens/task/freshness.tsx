import type { UseQueryResult } from '@tanstack/react-query'
import { useState } from 'react'
import type { Preview } from '../../api/wire.ts'
import { describeFailure } from '../../parts/states.tsx'

/** What was checked longer ago is checked again before it is run. @source design portal 7.2 */
const maxAgeMs = 60_000

/** True for a check that is too old to act by. */
export function isTooOld(checkedAtMs: number): boolean {
  return Date.now() - checkedAtMs > maxAgeMs
}

/** Checks again what is too old, and stops where the answer is not the one the person has seen. */
export function useFreshness(asked: UseQueryResult<Preview>): {
  readonly isChecking: boolean
  /** Why it stopped, line by line; empty when it did not. */
  readonly notice: readonly string[]
  readonly check: () => Promise<boolean>
} {
  const [isChecking, setChecking] = useState(false)
  const [notice, say] = useState<readonly string[]>([])
  const check = async (): Promise<boolean> => {
    const before = asked.data
    if (before === undefined || !isTooOld(asked.dataUpdatedAt)) return true
    setChecking(true)
    const again = await asked.refetch()
    setChecking(false)
    if (again.data === undefined || again.isError) {
      say([`It could not be checked again: ${describeFailure(again.error)}`])
      return false
    }
    const changes = listChanges(before, again.data)
    say(changes.length === 0 ? [] : [changedSince, ...changes])
    return changes.length === 0
  }
  return { isChecking, notice, check }
}

const changedSince = 'It was checked again, and the answer is another one now. Look once more before you run it.'

/** What of that which a person decides by is another now, in words: what it was, and what it is. A host that came back is no reason to stop. */
export function listChanges(before: Preview, after: Preview): readonly string[] {
  const told = tellDecision(after)
  return tellDecision(before).flatMap(([what, was], at) => {
    const now = told[at]?.[1] ?? ''
    if (was === now || (what === 'Host' && was !== 'online')) return []
    return [`${what}: was ${was}, now ${now}`]
  })
}

function tellDecision({
  answer,
  policy,
  target,
  connector,
  reversible,
}: Preview): readonly (readonly [string, string])[] {
  const online = target?.online ?? null
  return [
    ['Answer', answer.accepted ? 'allowed' : `refused: ${answer.message ?? answer.code ?? 'no reason given'}`],
    ['Target', target?.displayName ?? 'none'],
    ['Host', online === null ? 'not asked' : online ? 'online' : 'offline'],
    ['State', target?.already === true ? 'so already' : 'not so yet'],
    ['Tier', policy === null ? 'none' : String(policy.tier)],
    ['Approvals', String(policy?.approvals ?? 0)],
    ['Done by', connector?.name ?? 'nobody'],
    ['Undo', reversible.possible ? `by ${reversible.how}` : 'not possible'],
  ]
}

/** Why nothing was sent, told at once also to a screen reader. */
export function Notice({ lines }: { lines: readonly string[] }) {
  if (lines.length === 0) return null
  return (
    <div role="alert" className="mt-2">
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </div>
  )
}
