import { useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { withOptions } from '../../api/odata.ts'
import { type AuditEntry, auditEntry } from '../../api/wire.ts'
import { Title } from '../../frame/title.tsx'
import { Badge, Name } from '../../parts/badges.tsx'
import { type Column, Grid } from '../../parts/grid.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { usePages } from '../../parts/use-pages.ts'
import { firstOf, type Search, writeSearch } from '../../paths.ts'
import { ExportButton } from './export.tsx'
import { VerifyButton } from './verify.tsx'

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
  const search: Search = useSearch({ strict: false })
  const query = Object.fromEntries(filters.map(([key, parameter]) => [parameter, firstOf(search, key)]))
  const path = withOptions('/api/v1/audit', query)
  return (
    <div className="space-y-3 p-4">
      <div className="flex flex-wrap items-center gap-3">
        <Title text="Audit" />
        <VerifyButton />
        <ExportButton path={path} />
      </div>
      <Filters search={search} />
      <Rows key={path} path={path} search={search} />
    </div>
  )
}

function Filters({ search }: { search: Search }) {
  const navigate = useNavigate()
  return (
    <search>
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault()
          const typed = Object.fromEntries(new FormData(event.currentTarget))
          void navigate({ href: `${location.pathname}${writeSearch({ ...search, ...typed })}` })
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

function Rows({ path, search }: { path: string; search: Search }) {
  const pages = usePages('audit', path, auditEntry)
  const [shown, show] = useState<AuditEntry | null>(null)
  if (pages.isError && pages.rows.length === 0)
    return <Failure error={pages.error} retry={() => void pages.refetch()} />
  if (pages.isPending) return <Skeleton />
  if (pages.rows.length === 0) {
    return <Empty title={Object.keys(search).length === 0 ? 'The log is empty.' : 'No entry matches the filter.'} />
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
        onEnd={pages.onEnd}
      />
      <Suspense fallback={null}>
        {shown === null ? null : <EntryDialog entry={shown} onClose={() => show(null)} />}
      </Suspense>
    </>
  )
}
