import { Chips, type Choice, Choices, NameFilter } from '../../lists/filters.tsx'
import type { ListState } from '../../lists/use-list.ts'
import { firstOf } from '../../paths.ts'
import { choices, further as furtherWords, known } from './queue-query.ts'

/** The filters and the order of the queue. @param further filters beside its own */
export function Filters(props: Pick<ListState, 'search' | 'change'> & { readonly further?: readonly Choice[] }) {
  const { search, change, further = [] } = props
  return (
    <search className="flex flex-wrap items-center gap-x-4 gap-y-2">
      <NameFilter search={search} change={change} />
      <Choices choices={[...further, ...choices]} search={search} change={change} />
      <Chips of={furtherWords} known={known} search={search} change={change} />
      <label className="flex items-center gap-1 text-meta text-ink-2">
        Order
        <select
          className="field w-auto"
          value={firstOf(search, 'sort') || 'newest'}
          onChange={(event) => change({ ...search, sort: event.target.value === 'newest' ? '' : event.target.value })}
        >
          <option value="newest">newest first</option>
          <option value="updated">last changed first</option>
          <option value="severity">severity</option>
        </select>
      </label>
    </search>
  )
}
