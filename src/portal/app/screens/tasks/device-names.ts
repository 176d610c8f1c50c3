import { type UseQueryResult, useQuery } from '@tanstack/react-query'
import { actionKinds, isActionType } from '../../../../model/actions.ts'
import type { Api } from '../../api/client.ts'
import { fetchAs } from '../../api/queries.ts'
import { listOf, record, text } from '../../api/read.ts'
import type { Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { targetOf } from '../task/verbs.ts'

const names = record({ value: listOf(record({ id: text, name: text })) })
/** What programs tell devices by, and nobody remembers. */
const isId = /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{40})$/i
/** As many as one request names. */
const maxIds = 200

/** A row, and what people call the device that it names by an id; nothing where it names none so, or nobody knows. */
export type Named<T> = T & { readonly deviceName?: string | undefined }

/** The id by which a task names the device it acts on; null where it does not. */
export function deviceIdOf(task: Pick<Task, 'actionType' | 'responseAction'>): string | null {
  const { actionType } = task
  const target = targetOf(task)
  return isActionType(actionType) && actionKinds[actionType].targetKind === 'device' && isId.test(target)
    ? target
    : null
}

/** The same of a run that no way to the device has named. */
export function runDeviceIdOf(run: {
  readonly target: { readonly kind: string; readonly displayName: string } | null
}) {
  return run.target?.kind === 'device' && isId.test(run.target.displayName) ? run.target.displayName : null
}

/** Adds names to the rows of a page: one request for all of them, none where no id stands there. A list without names is a list all the same. */
export async function nameDevices<T>(
  api: Api,
  rows: readonly T[],
  idOf: (row: T) => string | null,
  signal: AbortSignal,
): Promise<readonly Named<T>[]> {
  const ids = [...new Set(rows.flatMap((row) => idOf(row) ?? []))].slice(0, maxIds)
  const known = await findNames(api, ids, signal)
  return rows.map((row) => ({ ...row, deviceName: known.get(idOf(row) ?? '') }))
}

/** What people call the devices that tasks name by ids, by the id: one request for all of them, none where no id stands there. */
export function useDeviceNames(tasks: readonly Task[] | undefined): UseQueryResult<ReadonlyMap<string, string>> {
  const { api } = useApp()
  const ids = [...new Set(tasks?.flatMap((task) => deviceIdOf(task) ?? []))].slice(0, maxIds)
  return useQuery({
    queryKey: ['device-names', ...ids],
    queryFn: ({ signal }) => findNames(api, ids, signal),
    enabled: tasks !== undefined,
  })
}

async function findNames(api: Api, ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map()
  const asked = new URLSearchParams(ids.map((id) => ['id', id]))
  const found = await fetchAs(api, `/api/v1/devices/names?${asked}`, names, signal).catch(() => ({ value: [] }))
  signal.throwIfAborted()
  return new Map(found.value.map(({ id, name }) => [id, name]))
}
