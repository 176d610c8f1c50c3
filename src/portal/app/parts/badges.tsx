import type { ReactNode } from 'react'

/** The colours that mean something; everything else is grey. */
export type Tone = 'high' | 'medium' | 'low' | 'quiet' | 'done' | 'failed'

const severities: Readonly<Record<string, { readonly tone: Tone; readonly mark: string; readonly word: string }>> = {
  high: { tone: 'high', mark: '▲', word: 'High' },
  medium: { tone: 'medium', mark: '◆', word: 'Medium' },
  low: { tone: 'low', mark: '○', word: 'Low' },
  informational: { tone: 'quiet', mark: 'i', word: 'Info' },
  unknown: { tone: 'quiet', mark: '?', word: 'Unknown' },
}

const statuses: Readonly<Record<string, { readonly tone: Tone; readonly word: string }>> = {
  active: { tone: 'quiet', word: 'Active' },
  new: { tone: 'quiet', word: 'New' },
  open: { tone: 'quiet', word: 'open' },
  awaitingAction: { tone: 'medium', word: 'Awaiting your action' },
  inProgress: { tone: 'low', word: 'in progress' },
  resolved: { tone: 'done', word: 'Resolved' },
  redirected: { tone: 'quiet', word: 'Merged' },
  notStarted: { tone: 'quiet', word: 'not started' },
  completed: { tone: 'done', word: 'completed' },
  partiallyCompleted: { tone: 'medium', word: 'partially completed' },
  failed: { tone: 'failed', word: 'failed' },
  notRelevant: { tone: 'quiet', word: 'not relevant' },
}

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
export function Name({ children }: { children: string }) {
  return <bdi>{children}</bdi>
}
