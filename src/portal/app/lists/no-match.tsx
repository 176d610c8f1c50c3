import { Empty } from '../parts/states.tsx'
import { firstOf, type Search } from '../paths.ts'
import type { ListState } from './use-list.ts'

/** Keys of the address, each with the word for it. */
export type FilterWords = Readonly<Record<string, string>>

/** True while one of these filters leaves something out. */
export function isFiltered(search: Search, words: FilterWords): boolean {
  return Object.keys(words).some((key) => firstOf(search, key) !== '')
}

/** A list of which the filter left nothing: names what hides it, each to be cleared, and all together. */
export function NoMatch(props: {
  /** What is not there, `incident`. */
  readonly what: string
  readonly words: FilterWords
  readonly list: Pick<ListState, 'search' | 'change'>
  /** How many there are without the filter; undefined while nobody knows. */
  readonly hidden?: number | undefined
}) {
  const { what, words, list, hidden } = props
  const held = Object.entries(words).filter(([key]) => firstOf(list.search, key) !== '')
  const without = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, '']))
  return (
    <Empty title={`No ${what} matches.`}>
      <p>
        {hidden ?? 'All'} hidden by: {held.map(([, word]) => word).join(', ')}.
      </p>
      <p className="mt-2 flex flex-wrap gap-2">
        <button
          type="button"
          className="button button-primary"
          onClick={() => list.change({ ...list.search, ...without(held.map(([key]) => key)) })}
        >
          Clear the filters
        </button>
        {held.length < 2
          ? null
          : held.map(([key, word]) => (
              <button
                key={key}
                type="button"
                className="button"
                onClick={() => list.change({ ...list.search, ...without([key]) })}
              >
                Clear {word}
              </button>
            ))}
      </p>
    </Empty>
  )
}
