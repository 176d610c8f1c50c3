import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useDeferredValue, useEffect, useState } from 'react'
import { none, withOptions } from '../../api/odata.ts'
import { fetchAs } from '../../api/queries.ts'
import { listOf, nullable, number, type Read, record, text, truth } from '../../api/read.ts'
import type { Session } from '../../api/session.ts'
import { useApp, useRealm } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { type Search, valuesOf } from '../../paths.ts'
import { wordOf } from '../filters.tsx'
import type { ListName } from '../views.ts'
import { type Facet, facetsOf } from './facets.ts'
import { SidePanel } from './side-panel.tsx'

const answer = record({ value: listOf(record({ value: nullable(text), count: number })), more: truth, complete: truth })
/** Values with how often they stand in the list. */
type Counts = Read<typeof answer>

interface PanelProps {
  readonly list: ListName
  readonly search: Search
  readonly change: (next: Search) => void
  readonly filterOf: (search: Search) => string
  readonly places?: readonly Session[]
}

/** A filter that is typed into comes to rest after so long, ms. */
const restMs = 250
/** From so long on a facet says that it is still counted. */
const slowMs = 8_000
/** As many values are offered at once; further ones are found by their letters. */
const shownValues = 50

/** How often each value stands in the list, and what is chosen of them. Every choice is a filter of the list. */
export default function FacetPanel(props: PanelProps & { close: () => void }) {
  return (
    <SidePanel label="Values" side="start" close={props.close} returnTo="#values">
      {facetsOf[props.list].map((facet) => (
        <Values key={facet[0]} facet={facet} {...props} />
      ))}
    </SidePanel>
  )
}

function Values({ facet, ...props }: PanelProps & { facet: Facet }) {
  const [key, word] = facet
  const { search, change } = props
  const [letters, setLetters] = useState('')
  const wanted = useDeferredValue(letters)
  const counts = useCounts(facet, props, useRested(letters))
  const chosen = valuesOf(search, key)
  const found = counts.data?.value ?? []
  const isMany = counts.data?.more === true || found.length > 8 || letters !== ''
  const rows = [
    // What is chosen can always be taken back.
    ...chosen
      .filter((value) => !found.some((one) => (one.value ?? none) === value))
      .map((value) => ({ value, count: null })),
    ...found
      .map(({ value, count }) => ({ value: value ?? none, count }))
      .filter(({ value }) => wordOf(value).toLowerCase().includes(wanted.toLowerCase()))
      .slice(0, shownValues),
  ]
  return (
    <fieldset className="mt-4 min-w-0">
      <legend className="font-semibold">{word}</legend>
      {isMany ? (
        <input
          type="search"
          className="field my-1"
          aria-label={`Find a value of ${word.toLowerCase()}`}
          placeholder="Contains"
          value={letters}
          onChange={(event) => setLetters(event.target.value)}
        />
      ) : null}
      <ul>
        {rows.map(({ value, count }) => (
          <li key={value}>
            <label className="flex min-h-7 items-center gap-2 pointer-coarse:min-h-11" title={value}>
              <input
                type="checkbox"
                className="size-6 shrink-0"
                checked={chosen.includes(value)}
                onChange={() =>
                  change({
                    ...search,
                    [key]: chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value],
                  })
                }
              />
              <Name className="min-w-0 grow">{wordOf(value)}</Name>
              <span className="text-meta text-ink-2 tabular-nums">
                {sayCount(count, counts.data?.complete !== false)}
              </span>
            </label>
          </li>
        ))}
      </ul>
      <Note counts={counts} isEmpty={rows.length === 0} />
    </fieldset>
  )
}

/** @param isComplete all were counted; otherwise there are at least so many */
function sayCount(count: number | null, isComplete: boolean): string {
  return count === null ? '' : `${isComplete ? '' : 'at least '}${count.toLocaleString('en')}`
}

function Note({ counts, isEmpty }: { counts: ReturnType<typeof useCounts>; isEmpty: boolean }) {
  const { data, error, isFetching, refetch } = counts
  const isSlow = useSlow(isFetching && data === undefined)
  if (error !== null) {
    return (
      <p className="text-meta text-danger">
        {describeFailure(error)}{' '}
        <button type="button" className="button" onClick={() => void refetch()}>
          Try again
        </button>
      </p>
    )
  }
  const says =
    data === undefined
      ? isSlow
        ? 'Still being counted.'
        : 'Counting …'
      : !data.complete
        ? 'Too many to be counted in time: only the newest were, and there may be further values.'
        : data.more
          ? `The ${shownValues} most frequent; others are found by their letters.`
          : isEmpty
            ? 'No value.'
            : ''
  return says === '' ? null : <p className="text-meta text-ink-2">{says}</p>
}

/** Asked without the facet's own choice, so that others can be added to it. */
function useCounts([key, , property]: Facet, { list, search, filterOf, places }: PanelProps, contains: string) {
  const { api, session } = useApp()
  const realm = useRealm()
  const filter = filterOf({ ...search, [key]: [] })
  const path = withOptions(`/api/v1/facets/${list}/${property}`, { $filter: filter, contains })
  const apis = places === undefined ? [api] : places.map((place) => realm.apiOf(place))
  const of = (places ?? [session]).map(({ tenant }) => tenant.id).join(' ')
  return useQuery({
    queryKey: ['facet', of, path],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => addUp(await Promise.all(apis.map((one) => fetchAs(one, path, answer, signal)))),
  })
}

/** The counts of several tenants as one. What a tenant left out for having too many values is missing, and said to be. */
function addUp(answers: readonly Counts[]): Counts {
  const sums = new Map<string | null, number>()
  for (const { value, count } of answers.flatMap((one) => one.value)) sums.set(value, (sums.get(value) ?? 0) + count)
  const value = [...sums].map(([one, count]) => ({ value: one, count })).sort((a, b) => b.count - a.count)
  return {
    value: value.slice(0, shownValues),
    more: value.length > shownValues || answers.some(({ more }) => more),
    complete: answers.every(({ complete }) => complete),
  }
}

function useRested(letters: string): string {
  const [rested, setRested] = useState(letters)
  useEffect(() => {
    const timer = setTimeout(() => setRested(letters), restMs)
    return () => clearTimeout(timer)
  }, [letters])
  return rested
}

function useSlow(isWaiting: boolean): boolean {
  const [isSlow, setSlow] = useState(false)
  useEffect(() => {
    if (!isWaiting) return setSlow(false)
    const timer = setTimeout(() => setSlow(true), slowMs)
    return () => clearTimeout(timer)
  }, [isWaiting])
  return isSlow
}
