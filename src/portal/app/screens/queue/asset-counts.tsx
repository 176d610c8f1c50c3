import { useCallback, useSyncExternalStore } from 'react'
import type { Api } from '../../api/client.ts'
import { withOptions } from '../../api/odata.ts'
import { fetchAs } from '../../api/queries.ts'
import { listOf, number, record, text, truth } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'
import type { QueueRow } from './queue-query.ts'

const answer = record({ value: listOf(record({ incidentId: text, assets: number, complete: truth })) })

/** As many incidents as one request names. */
const maxIncidents = 50
/** Rows that pass while a list is scrolled are not asked for, ms. */
const restMs = 150

/** How many assets incidents name, asked for those that are on the page, many at a time. */
class AssetCounts {
  readonly #api: Api
  readonly #known = new Map<string, string>()
  readonly #shown = new Map<string, Set<() => void>>()
  #timer: ReturnType<typeof setTimeout> | null = null
  #isAsking = false

  constructor(api: Api) {
    this.#api = api
  }

  /** In words; empty while nobody knows. */
  read(key: string): string {
    return this.#known.get(key) ?? ''
  }

  /** Asks for it as long as it is shown. @returns ends that */
  show(key: string, changed: () => void): () => void {
    const listeners = this.#shown.get(key) ?? new Set()
    this.#shown.set(key, listeners.add(changed))
    if (!this.#known.has(key)) this.#askSoon()
    return () => {
      listeners.delete(changed)
      if (listeners.size === 0) this.#shown.delete(key)
    }
  }

  #askSoon(): void {
    if (this.#isAsking) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#ask(), restMs)
  }

  async #ask(): Promise<void> {
    this.#timer = null
    const keys = [...this.#shown.keys()].filter((key) => !this.#known.has(key)).slice(0, maxIncidents)
    if (keys.length === 0) return
    this.#isAsking = true
    try {
      const incidents = keys.map(idOf).join(',')
      const { value } = await fetchAs(this.#api, withOptions('/api/v1/assets/counts', { incidents }), answer)
      const counts = new Map(value.map((one) => [one.incidentId, sayCount(one.assets, one.complete)]))
      for (const key of keys) {
        this.#known.set(key, counts.get(idOf(key)) ?? '')
        for (const changed of this.#shown.get(key) ?? []) changed()
      }
      this.#isAsking = false
      this.#askSoon()
    } catch {
      // A column more or less: the rows stay, and the next one that comes into sight asks again.
      this.#isAsking = false
    }
  }
}

const countsOf = new WeakMap<Api, AssetCounts>()

/** A count is of an incident as it was changed last: an alert that joins it changes it. */
function keyOf({ id, lastUpdateDateTime }: QueueRow): string {
  return `${id} ${lastUpdateDateTime}`
}

function idOf(key: string): string {
  return key.slice(0, key.indexOf(' '))
}

function sayCount(assets: number, isComplete: boolean): string {
  const count = `${assets} ${assets === 1 ? 'asset' : 'assets'}`
  return isComplete ? count : `at least ${count}`
}

/** How many devices, users and mailboxes the alerts of an incident name; nothing until that is known. */
export function AssetCount({ row }: { row: QueueRow }) {
  const { api } = useApp()
  const key = keyOf(row)
  const counts = countsOf.get(api) ?? new AssetCounts(api)
  countsOf.set(api, counts)
  const show = useCallback((changed: () => void) => counts.show(key, changed), [counts, key])
  // A cell is as high without the count as with it.
  return useSyncExternalStore(show, () => counts.read(key)) || '\u00a0'
}
