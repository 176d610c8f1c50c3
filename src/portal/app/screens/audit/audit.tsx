import { lazy, Suspense, useState } from 'react'
import { withOptions } from '../../api/odata.ts'
import { type AuditEntry, auditEntry } from '../../api/wire.ts'
import { Title } from '../../frame/title.tsx'
import { isFiltered, NoMatch } from '../../lists/no-match.tsx'
import { type ListState, useList } from '../../lists/use-list.ts'
import { Badge, Name } from '../../parts/badges.tsx'
import { type Column, Grid } from '../../parts/grid.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { usePages } from '../../parts/use-pages.ts'
import { firstOf } from '../../paths.ts'
import { ExportButton } from './export.tsx'
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
  { name: 'No.', width: '5rem', cell: (row) => <code>{row.seq}</code> },
  { name: 'Time', width: '13rem', cell: (row) => <Time at={row.time} exact /> },
  { name: 'Who', width: '11rem', cell: (row) => <Name>{row.actorName}</Name> },
  { name: 'Action', width: 'minmax(10rem, 1fr)', cell: (row) => row.action },
  { name: 'Object', width: 'minmax(8rem, 1fr)', cell: (row) => <Name>{`${row.objectType} ${row.objectId}`}</Name> },
  {
    name: 'Decision',
    width: '7rem',
    cell: (row) => <Badge tone={row.decision === 'refused' ? 'failed' : 'quiet'}>{row.decision}</Badge>,
  },
]

/** S9: who did what. Filter, row, whole record: three presses at most. */
export function AuditScreen() {
  const list = useList('audit')
  const query = Object.fromEntries(filters.map(([key, parameter]) => [parameter, firstOf(list.search, key)]))
  const path = withOptions('/api/v1/audit', query)
  return (
    <div className="space-y-3 p-4">
      <div className="flex flex-wrap items-center gap-3">
        <Title text="Audit" />
        <VerifyButton />
        <ExportButton path={path} />
      </div>
      <Suspense fallback={null}>
        <ViewsBar {...list} />
      </Suspense>
      <Filters {...list} />
      {list.isWaiting ? <Skeleton /> : <Rows key={path} path={path} list={list} />}
    </div>
  )
}

function Filters({ search, change }: Pick<ListState, 'search' | 'change'>) {
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
          <label key={key} className="text-meta text-ink-2">
            {word}
            <input
              key={firstOf(search, key)}
              className="field block w-40"
              name={key}
              defaultValue={firstOf(search, key)}
            />
          </label>
        ))}
        <button type="submit" className="button">
          Filter
        </button>
      </form>
    </search>
  )
}

function Rows({ path, list }: { path: string; list: ListState }) {
  const pages = usePages('audit', path, auditEntry)
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
      <Suspense fallback={null}>
        {shown === null ? null : <EntryDialog entry={shown} onClose={() => show(null)} />}
      </Suspense>
    </>
  )
}
