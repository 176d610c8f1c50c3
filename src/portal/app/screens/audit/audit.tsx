import { lazy, Suspense, useState } from 'react'
import { withOptions } from '../../api/odata.ts'
import { type AuditEntry, auditEntry } from '../../api/wire.ts'
import { Title } from '../../frame/title.tsx'
import { ExportButton } from '../../lists/export-button.tsx'
import { Strange, TypedFilter } from '../../lists/filters.tsx'
import { isFiltered, NoMatch } from '../../lists/no-match.tsx'
import type { Range } from '../../lists/range.ts'
import { Seek } from '../../lists/seek/seek.tsx'
import { useSeek } from '../../lists/seek/use-seek.ts'
import { type ListState, useList } from '../../lists/use-list.ts'
import { useRange } from '../../lists/use-range.ts'
import { Badge, Name } from '../../parts/badges.tsx'
import { type Column, Grid } from '../../parts/grid.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { usePages } from '../../parts/use-pages.ts'
import { firstOf } from '../../paths.ts'
import { VerifyButton } from './verify.tsx'

const ViewsBar = lazy(() => import('../../lists/views-bar.tsx'))
const EntryDialog = lazy(() => import('./entry.tsx'))

/** Keys of the address, and the parameter of the API that each is. */
const filters = [
  ['action', 'action', 'Action'],
  ['actor', 'actorId', 'Actor id'],
  ['object', 'objectId', 'Object id'],
  ['decision', 'decision', 'Decision'],
  ['from', 'from', 'From'],
  ['to', 'to', 'To'],
] as const
const filterWords = Object.fromEntries(filters.map(([key, , word]) => [key, word.toLowerCase()]))

const columns: readonly Column<AuditEntry>[] = [
  { key: 'no', name: 'No.', width: '5rem', cell: (row) => <code>{row.seq}</code> },
  { key: 'time', name: 'Time', width: '13rem', cell: (row) => <Time at={row.time} exact /> },
  { key: 'who', name: 'Who', width: '11rem', cell: (row) => <Name>{row.actorName}</Name> },
  { key: 'action', name: 'Action', width: 'minmax(10rem, 1fr)', cell: (row) => row.action },
  {
    key: 'object',
    name: 'Object',
    width: 'minmax(8rem, 1fr)',
    cell: (row) => <Name>{`${row.objectType} ${row.objectId}`}</Name>,
  },
  {
    key: 'decision',
    name: 'Decision',
    width: '7rem',
    cell: (row) => <Badge tone={row.decision === 'refused' ? 'failed' : 'quiet'}>{row.decision}</Badge>,
  },
]

/** S9: who did what. Filter, row, whole record: three presses at most. */
export function AuditScreen() {
  const list = useList('audit')
  const range = useRange(list.search)
  const { from, to } = range
  const typed = Object.fromEntries(filters.map(([key, parameter]) => [parameter, firstOf(list.search, key)]))
  const query = { ...typed, from, to }
  const path = withOptions('/api/v1/audit', query)
  return (
    <div className="space-y-3 p-4">
      <div className="flex flex-wrap items-center gap-3">
        <Title text="Audit" />
        <VerifyButton />
        <ExportButton path={withOptions('/api/v1/audit/export', query)} name="audit" range={range.said} />
      </div>
      <Suspense fallback={null}>
        <ViewsBar {...list} />
      </Suspense>
      <Filters {...list} strange={range.strange} />
      {list.isWaiting ? <Skeleton /> : <Rows key={path} path={path} list={list} />}
    </div>
  )
}

function Filters(props: Pick<ListState, 'search' | 'change'> & { strange: Range['strange'] }) {
  const { search, change, strange } = props
  return (
    <search>
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault()
          const typed = new FormData(event.currentTarget)
          change({ ...search, ...Object.fromEntries(filters.map(([key]) => [key, String(typed.get(key) ?? '')])) })
        }}
      >
        {filters.map(([key, , word]) => (
          <TypedFilter
            key={key}
            name={key}
            word={word}
            search={search}
            {...(key === 'from' || key === 'to' ? { placeholder: '2026-01-31 or -24h' } : {})}
          />
        ))}
        <button type="submit" className="button">
          Filter
        </button>
        <Strange keys={strange} search={search} change={change} />
      </form>
    </search>
  )
}

function Rows({ path, list }: { path: string; list: ListState }) {
  const pages = usePages('audit', path, auditEntry)
  // Newest first: behind a lower number it does not come any more.
  const isPassed = ({ seq }: AuditEntry): boolean => seq < Number(list.selected)
  const sought = useSeek(list.selected, pages, ({ seq }) => String(seq), '', isPassed)
  const [shown, show] = useState<AuditEntry | null>(null)
  if (pages.isError && pages.rows.length === 0)
    return <Failure error={pages.error} retry={() => void pages.refetch()} />
  if (pages.isPending) return <Skeleton />
  if (pages.rows.length === 0) {
    if (isFiltered(list.search, filterWords)) return <NoMatch what="entry" words={filterWords} list={list} />
    return <Empty title="The log is empty." />
  }
  return (
    <>
      <Seek it={sought}>
        <Grid
          label="Audit"
          columns={columns}
          rows={pages.rows}
          total={pages.total}
          idOf={(row) => String(row.seq)}
          onOpen={show}
          selected={list.selected}
          onSelect={list.select}
          onEnd={pages.onEnd}
        />
      </Seek>
      <Suspense fallback={null}>
        {shown === null ? null : <EntryDialog entry={shown} onClose={() => show(null)} />}
      </Suspense>
    </>
  )
}
