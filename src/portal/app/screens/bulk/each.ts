import { useState } from 'react'
import { describeFailure } from '../../parts/states.tsx'

/** How it stands with one of several. */
export interface Outcome {
  readonly state: 'waiting' | 'sent' | 'refused'
  /** Why it was refused; empty otherwise. */
  readonly reason: string
}

/** Sent at the same time: enough to be quick, few enough to leave the server to others. */
const atOnce = 4

/** Does one thing to several, a few at a time, and keeps what came of each. */
export function useEach(): {
  readonly outcomes: ReadonlyMap<string, Outcome>
  readonly isBusy: boolean
  readonly run: (ids: readonly string[], work: (id: string) => Promise<void>) => Promise<readonly string[]>
} {
  const [outcomes, setOutcomes] = useState<ReadonlyMap<string, Outcome>>(new Map())
  const [isBusy, setBusy] = useState(false)
  const run = async (ids: readonly string[], work: (id: string) => Promise<void>): Promise<readonly string[]> => {
    const done: string[] = []
    const left = [...ids]
    const note = (id: string, outcome: Outcome): void => setOutcomes((before) => new Map([...before, [id, outcome]]))
    for (const id of ids) note(id, { state: 'waiting', reason: '' })
    setBusy(true)
    const takeTurns = async (): Promise<void> => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) {
        try {
          await work(id)
          done.push(id)
          note(id, { state: 'sent', reason: '' })
        } catch (cause) {
          note(id, { state: 'refused', reason: describeFailure(cause) })
        }
      }
    }
    await Promise.all(Array.from({ length: atOnce }, takeTurns))
    setBusy(false)
    return done
  }
  return { outcomes, isBusy, run }
}
