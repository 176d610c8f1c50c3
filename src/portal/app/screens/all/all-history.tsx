import { useNavigate } from '@tanstack/react-router'
import type { Api } from '../../api/client.ts'
import { fetchAs } from '../../api/queries.ts'
import { pageOf } from '../../api/wire.ts'
import { Seek } from '../../lists/seek/seek.tsx'
import { useSeek } from '../../lists/seek/use-seek.ts'
import { writeSelection } from '../../lists/use-list.ts'
import { useRange } from '../../lists/use-range.ts'
import { Grid } from '../../parts/grid.tsx'
import { Failure, Skeleton } from '../../parts/states.tsx'
import { runPath } from '../../paths.ts'
import { NoRun, nameRuns, RunFilters, runColumns, type TenantRun } from '../tasks/history.tsx'
import { listedRun, runFilterWords, runParameters } from '../tasks/run-list.ts'
import { Missing } from './missing.tsx'
import { useTenantColumns, useTenantIds } from './tenant-column.tsx'
import { type useAllList, useMerged } from './use-merged.ts'

const page = pageOf(listedRun)
const words = { tenant: 'tenant', ...runFilterWords }

async function readRuns(api: Api, tenant: string, path: string, signal: AbortSignal) {
  const read = await fetchAs(api, path, page, signal)
  const value = await nameRuns(api, read.value, signal)
  return { ...read, value: value.map((one): TenantRun => ({ ...one, tenant })) }
}

/** As the list of every tenant has them: newest first; instants compare as the texts they are. */
function newestFirst(a: TenantRun, b: TenantRun): number {
  return a.requestedAt === b.requestedAt ? 0 : a.requestedAt > b.requestedAt ? -1 : 1
}

/** Every run and undo of the tenants the person has a role in, whatever became of it. */
export default function AllHistory({ list }: { list: ReturnType<typeof useAllList> }) {
  const range = useRange(list.search)
  const parameters = runParameters(list.search, range)
  return (
    <>
      <RunFilters {...list} strange={range.strange} further={[list.choice]} />
      <Rows key={parameters} parameters={parameters} list={list} />
    </>
  )
}

function Rows({ parameters, list }: { parameters: string; list: ReturnType<typeof useAllList> }) {
  const navigate = useNavigate()
  const idOf = useTenantIds()
  const columns = useTenantColumns<TenantRun>(runColumns)
  const runs = useMerged({
    key: ['executions', parameters],
    places: list.wanted,
    path: `/api/v1/executions${parameters}`,
    read: readRuns,
    compare: newestFirst,
  })
  const { rows } = runs
  const sought = useSeek(list.selected, runs, idOf)
  if (runs.isError && rows.length === 0) return <Failure error={runs.error} retry={() => void runs.refetch()} />
  if (runs.isPending) return <Skeleton />
  return (
    <>
      <Missing failed={runs.failed} retry={() => void runs.refetch()} />
      {rows.length === 0 ? (
        <NoRun words={words} list={list} />
      ) : (
        <Seek it={sought}>
          <Grid
            label="Runs of all tenants"
            columns={columns}
            rows={rows}
            total={runs.hasNextPage ? -1 : rows.length}
            idOf={idOf}
            onOpen={(row) => {
              writeSelection(idOf(row))
              void navigate({ href: runPath(row.tenant, row.id) })
            }}
            onEnd={runs.onEnd}
            selected={list.selected}
            onSelect={list.select}
          />
        </Seek>
      )}
    </>
  )
}
