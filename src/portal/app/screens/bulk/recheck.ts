import { useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { previewQuery } from '../../api/queries.ts'
import type { Preview } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { isTooOld, listChanges } from '../task/freshness.tsx'

/** A dry run as a person saw it when they confirmed. */
interface Seen {
  readonly preview: Preview
  readonly checkedAtMs: number
}

/**
 * Checks several targets again whose dry run is too old, before anything is sent to any of them. One answer that is another one now stops
 * them all: the person sees what it was and what it is, and confirms anew.
 */
export function useRecheck(): {
  readonly isChecking: boolean
  /** What is another now, in words, by id of the task. */
  readonly changes: ReadonlyMap<string, readonly string[]>
  /** @param isAgain they were confirmed before, and what is shown since is how they stand, and not what was confirmed */
  readonly check: (ids: readonly string[], isAgain: boolean) => Promise<boolean>
} {
  const { api } = useApp()
  const queries = useQueryClient()
  const [isChecking, setChecking] = useState(false)
  const [changes, setChanges] = useState<ReadonlyMap<string, readonly string[]>>(new Map())
  const confirmed = useRef(new Map<string, Seen>())
  const readShown = (id: string): Seen | undefined => {
    const { queryKey } = previewQuery(api, id)
    const state = queries.getQueryState(queryKey)
    return state?.data === undefined ? undefined : { preview: state.data, checkedAtMs: state.dataUpdatedAt }
  }
  const checkOne = async (id: string, seen: Seen): Promise<readonly string[]> => {
    try {
      const preview = await queries.fetchQuery({ ...previewQuery(api, id), staleTime: 0 })
      confirmed.current.set(id, { preview, checkedAtMs: Date.now() })
      return listChanges(seen.preview, preview)
    } catch (cause) {
      return [`It could not be checked again: ${describeFailure(cause)}`]
    }
  }
  const check = async (ids: readonly string[], isAgain: boolean): Promise<boolean> => {
    const found = new Map<string, readonly string[]>()
    setChecking(true)
    await Promise.all(
      ids.map(async (id) => {
        const seen = isAgain ? confirmed.current.get(id) : readShown(id)
        if (seen === undefined) return
        confirmed.current.set(id, seen)
        const lines = isTooOld(seen.checkedAtMs) ? await checkOne(id, seen) : []
        if (lines.length > 0) found.set(id, lines)
      }),
    )
    setChecking(false)
    setChanges(found)
    return found.size === 0
  }
  return { isChecking, changes, check }
}
