import type { ReactNode } from 'react'
import { closeTurns } from '../../shown/name-text.ts'
import { severities, statuses, type Tone } from '../../shown/words.ts'

/** A severity by word, shape and colour. */
export function Severity({ value }: { value: string }) {
  const known = severities[value]
  return (
    <span className={`badge tone-${known?.tone ?? 'quiet'}`} title={value}>
      <span aria-hidden="true">{known?.mark ?? '?'}</span>
      {known?.word ?? value}
    </span>
  )
}

/** A status in words, with its wire name in the tooltip; a value this page does not know is shown as it is. */
export function Status({ value, of }: { value: string; of?: string }) {
  const known = statuses[value]
  return (
    <span className={`badge tone-${known?.tone ?? 'quiet'}`} title={value}>
      {of === undefined ? '' : `${of}: `}
      {known?.word ?? value}
    </span>
  )
}

/** A word on a coloured ground. */
export function Badge({ tone = 'quiet', children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`badge tone-${tone}`}>{children}</span>
}

/** A name that came with data: kept apart from the text around it, whichever way it is written. */
export function Name({ children, className }: { children: string; className?: string }) {
  return <bdi className={className}>{closeTurns(children)}</bdi>
}
