import { useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import { verbOf } from '../../../shown/words.ts'
import type { Api } from '../../api/client.ts'
import { useApp } from '../../frame/app.tsx'
import { ExportButton } from '../../lists/export-button.tsx'
import { type Choice, Choices, Strange, TypedFilter } from '../../lists/filters.tsx'
import { type FilterWords, isFiltered, NoMatch } from '../../lists/no-match.tsx'
import type { Range } from '../../lists/range.ts'
import { Seek } from '../../lists/seek/seek.tsx'
import { useSeek } from '../../lists/seek/use-seek.ts'
import { type ListState, writeSelection } from '../../lists/use-list.ts'
import { useRange } from '../../lists/use-range.ts'
import { Badge, Name } from '../../parts/badges.tsx'
import { type Column, Grid } from '../../parts/grid.tsx'
import { Empty, Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { usePages } from '../../parts/use-pages.ts'
import { firstOf, runPath } from '../../paths.ts'
import { runTones } from '../task/runs.tsx'
import { type Named, nameDevices, runDeviceIdOf } from './device-names.ts'
import {
  type ListedRun,
  listedRun,
  runAction,
  runFilterWords,
  runParameters,
  runState,
  typedFilters,
} from './run-list.ts'
import { TargetName } from './target-name.tsx'

/** Every run and undo of the tenant, newest first, whatever became of it. */
export default function History({ list }: { list: ListState }) {
  const range = useRange(list.search)
  const parameters = runParameters(list.search, range)
  return (
    <>
      <RunFilters {...list} strange={range.strange} />
      <ExportButton path={`/api/v1/executions/export${parameters}`} name="runs" range={range.said} />
      {list.isWaiting ? <Skeleton /> : <Rows key={parameters} parameters={parameters} list={list} />}
    </>
  )
}

/** The filters of a list of runs. @param props.further choices that stand before its own */
export function RunFilters(
  props: Pick<ListState, 'search' | 'change'> & { strange: Range['strange']; further?: readonly Choice[] },
) {
  const { search, change, strange, further = [] } = props
  const [key, word, actions] = runAction
  return (
    <search className="space-y-2">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Choices choices={[...further, runState]} search={search} change={change} />
      </div>
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault()
          const typed = new FormData(event.currentTarget)
          change({ ...search, ...Object.fromEntries(typedFilters.map(([one]) => [one, String(typed.get(one) ?? '')])) })
        }}
      >
        <label className="text-meta text-ink-2">
          {word}
          <select
            className="field block w-52"
            value={firstOf(search, key)}
            onChange={(event) => change({ ...search, [key]: event.target.value })}
          >
            <option value="">Any</option>
            {actions.map((action) => (
              <option key={action} value={action}>
                {verbOf(action)}
              </option>
            ))}
          </select>
        </label>
        {typedFilters.map(([one, said, like]) => (
          <TypedFilter key={one} name={one} word={said} search={search} placeholder={like} />
        ))}
        <button type="submit" className="button">
          Filter
        </button>
        <Strange keys={strange} search={search} change={change} />
      </form>
    </search>
  )
}

function Rows({ parameters, list }: { parameters: string; list: ListState }) {
  const { session } = useApp()
  const navigate = useNavigate()
  const tenant = session.tenant.id
  const path = `/api/v1/executions${parameters}${parameters === '' ? '?' : '&'}$count=true`
  const pages = usePages('executions', path, listedRun, '', nameRuns)
  const rows = useMemo(() => pages.rows.map((row) => ({ ...row, tenant })), [pages.rows, tenant])
  const sought = useSeek(list.selected, pages, ({ id }) => id)
  if (pages.isError && pages.rows.length === 0)
    return <Failure error={pages.error} retry={() => void pages.refetch()} />
  if (pages.isPending) return <Skeleton />
  if (pages.rows.length === 0) return <NoRun words={runFilterWords} list={list} />
  return (
    <Seek it={sought}>
      <Grid
        label="Runs"
        columns={runColumns}
        rows={rows}
        total={pages.total}
        idOf={(row) => row.id}
        onOpen={(row) => {
          writeSelection(row.id)
          void navigate({ href: runPath(tenant, row.id) })
        }}
        selected={list.selected}
        onSelect={list.select}
        onEnd={pages.onEnd}
      />
    </Seek>
  )
}

/** A list of runs without any. */
export function NoRun({ words, list }: { words: FilterWords; list: Pick<ListState, 'search' | 'change'> }) {
  if (isFiltered(list.search, words)) return <NoMatch what="run" words={words} list={list} />
  return (
    <Empty title="Nothing has been run yet.">
      <p>Every run and undo stands here from the moment it is asked for. What waits for you stands under Pending.</p>
    </Empty>
  )
}

/** The rows of a page with the names of their devices. */
export function nameRuns(
  api: Api,
  rows: readonly ListedRun[],
  signal: AbortSignal,
): Promise<readonly Named<ListedRun>[]> {
  return nameDevices(api, rows, runDeviceIdOf, signal)
}

/** A run, and whose it is. */
export interface TenantRun extends Named<ListedRun> {
  readonly tenant: string
}

/** The columns of a list of runs. */
export const runColumns: readonly Column<TenantRun>[] = [
  {
    key: 'action',
    name: 'Action',
    width: '10rem',
    cell: (row) => `${row.kind === 'undo' ? 'Undo: ' : ''}${verbOf(row.actionType)}`,
  },
  {
    key: 'target',
    name: 'Target',
    width: '10rem',
    cell: (row) => <TargetName target={row.target?.displayName ?? ''} deviceName={row.deviceName} />,
  },
  {
    key: 'task',
    name: 'Task',
    width: 'minmax(10rem, 1fr)',
    spare: 4,
    cell: (row) => <Name>{row.taskDisplayName}</Name>,
  },
  {
    key: 'state',
    name: 'State',
    width: '8rem',
    cell: (row) => <Badge tone={runTones[row.state] ?? 'low'}>{row.state}</Badge>,
  },
  { key: 'who', name: 'Who', width: '10rem', spare: 2, cell: (row) => <Name>{row.requestedBy.name ?? ''}</Name> },
  { key: 'when', name: 'When', width: '12rem', cell: (row) => <Time at={row.requestedAt} exact /> },
  { key: 'provider', name: 'Provider', width: '8rem', spare: 1, cell: (row) => row.connector ?? 'none' },
  { key: 'undo', name: 'Undo', width: '8rem', spare: 3, cell: (row) => <UndoCell row={row} /> },
]

/** The way to what takes this run back, or to what it takes back. */
function UndoCell({ row }: { row: TenantRun }) {
  const navigate = useNavigate()
  const other = row.undoneBy?.id ?? row.undoes
  if (other === null) return null
  const path = runPath(row.tenant, other)
  return (
    <a
      href={path}
      tabIndex={-1}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return
        event.preventDefault()
        event.stopPropagation()
        void navigate({ href: path })
      }}
    >
      {row.undoneBy === null ? 'takes a run back' : `undo ${row.undoneBy.state}`}
    </a>
  )
}
