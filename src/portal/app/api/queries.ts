import { queryOptions, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { useApp } from '../frame/app.tsx'
import type { Api } from './client.ts'
import { quote, withOptions } from './odata.ts'
import { listOf, type Reader, readWith, record } from './read.ts'
import {
  type Alert,
  type Approval,
  alert,
  alertFields,
  approval,
  type Execution,
  execution,
  type Incident,
  incident,
  type Preview,
  pageOf,
  preview,
  type Task,
  task,
} from './wire.ts'

/** A thing and the version of it that a change must name. */
export interface Versioned<T> {
  readonly it: T
  readonly etag: string | null
}

/** Reads one answer of the API in its expected form. */
export async function fetchAs<T>(api: Api, path: string, reader: Reader<T>, signal?: AbortSignal): Promise<T> {
  const { body } = await api.call('GET', path, signal === undefined ? {} : { signal })
  return readWith(reader, body)
}

const beta = '/beta/security'

/** The path of an incident in the API. */
export function incidentApi(id: string): string {
  return `${beta}/incidents/${encodeURIComponent(id)}`
}

/** The path of an alert in the API. */
export function alertApi(id: string): string {
  return `${beta}/alerts_v2/${encodeURIComponent(id)}`
}

/** The path of a task in the API. */
export function taskApi(id: string): string {
  return `${beta}/incidentTasks/${encodeURIComponent(id)}`
}

/** One incident. */
export function useIncident(id: string): UseQueryResult<Versioned<Incident>> {
  const { api } = useApp()
  return useQuery(incidentQuery(api, id))
}

/** How it is asked for. */
export function incidentQuery(api: Api, id: string) {
  return queryOptions({
    queryKey: ['incident', id],
    queryFn: async ({ signal }): Promise<Versioned<Incident>> => {
      const { body, etag } = await api.call('GET', incidentApi(id), { signal })
      return { it: readWith(incident, body), etag }
    },
  })
}

const taskPage = pageOf(task)

/** The tasks of an incident, oldest first. */
export function useIncidentTasks(id: string): UseQueryResult<readonly Task[]> {
  const { api } = useApp()
  return useQuery(incidentTasksQuery(api, id))
}

/** How they are asked for. */
export function incidentTasksQuery(api: Api, id: string) {
  return queryOptions({
    queryKey: ['tasks', 'of', id],
    queryFn: async ({ signal }): Promise<readonly Task[]> => {
      const options = {
        $filter: `incidentId eq ${quote(id)}`,
        $orderby: 'createdDateTime',
        $expand: 'incident($select=id)',
      }
      return (await fetchAs(api, withOptions(`${beta}/incidentTasks`, options), taskPage, signal)).value
    },
  })
}

const alertPage = pageOf(alert)

/** Some alerts of an incident, and how many it has. */
export interface IncidentAlerts {
  readonly value: readonly Alert[]
  readonly count: number
}

/** The newest alerts of an incident. */
export function useIncidentAlerts(id: string): UseQueryResult<IncidentAlerts> {
  const { api } = useApp()
  return useQuery(incidentAlertsQuery(api, id))
}

/** How they are asked for. */
export function incidentAlertsQuery(api: Api, id: string) {
  return queryOptions({
    queryKey: ['alerts', 'of', id],
    queryFn: async ({ signal }): Promise<IncidentAlerts> => {
      const options = { $filter: `incidentId eq ${quote(id)}`, $select: alertFields, $top: 200, $count: 'true' }
      const page = await fetchAs(api, withOptions(`${beta}/alerts_v2`, options), alertPage, signal)
      return { value: page.value, count: page.count ?? page.value.length }
    },
  })
}

/** One alert. */
export function useAlert(id: string): UseQueryResult<Alert> {
  const { api } = useApp()
  return useQuery({
    queryKey: ['alert', id],
    queryFn: ({ signal }) => fetchAs(api, alertApi(id), alert, signal),
  })
}

const executionList = record({ value: listOf(execution) })

/** How the runs and undos of a task are asked for, newest first. */
export function executionsQuery(api: Api, taskId: string) {
  return queryOptions({
    queryKey: ['executions', taskId],
    queryFn: async ({ signal }): Promise<readonly Execution[]> =>
      (await fetchAs(api, `/api/v1/tasks/${encodeURIComponent(taskId)}/executions`, executionList, signal)).value,
  })
}

/** The runs and undos of a task, newest first. */
export function useExecutions(taskId: string, isWanted: boolean): UseQueryResult<readonly Execution[]> {
  const { api } = useApp()
  return useQuery({ ...executionsQuery(api, taskId), enabled: isWanted })
}

/** What would happen if the task's action were requested now. Asked anew when it is a minute old. */
export function usePreview(taskId: string, isWanted: boolean): UseQueryResult<Preview> {
  const { api } = useApp()
  return useQuery({ ...previewQuery(api, taskId), enabled: isWanted })
}

/** How it is asked. */
export function previewQuery(api: Api, taskId: string) {
  return queryOptions({
    queryKey: ['preview', taskId],
    staleTime: 60_000,
    refetchOnWindowFocus: false,
    queryFn: async ({ signal }): Promise<Preview> => {
      const { body } = await api.call('POST', `/api/v1/tasks/${encodeURIComponent(taskId)}/preview`, { signal })
      return readWith(preview, body)
    },
  })
}

const approvalList = record({ value: listOf(approval) })

/** Approvals in a state. */
export function useApprovals(state: string): UseQueryResult<readonly Approval[]> {
  const { api } = useApp()
  return useQuery({
    queryKey: ['approvals', state],
    queryFn: async ({ signal }) =>
      (await fetchAs(api, withOptions('/api/v1/approvals', { state }), approvalList, signal)).value,
  })
}

/** One approval, as it stands. */
export function useApproval(id: string): UseQueryResult<Approval> {
  const { api } = useApp()
  return useQuery({
    queryKey: ['approvals', 'one', id],
    queryFn: ({ signal }) => fetchAs(api, `/api/v1/approvals/${encodeURIComponent(id)}`, approval, signal),
  })
}

/** The same task's dry run, asked for anew whenever somebody opens what shows it. */
export function useFreshPreview(taskId: string, isWanted: boolean): UseQueryResult<Preview> {
  const { api } = useApp()
  return useQuery({ ...previewQuery(api, taskId), enabled: isWanted, refetchOnMount: 'always' })
}
