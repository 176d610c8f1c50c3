import { type UseQueryResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { fetchAs } from '../../api/queries.ts'
import { listOf, nullable, type Read, record, text, truth } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'

const samples = record({
  loaded: truth,
  incidentId: nullable(text),
  alertIds: listOf(text),
  taskIds: listOf(text),
  loadedDateTime: nullable(text),
})

const path = '/api/v1/samples'

/** Whether the sample incident is loaded, and which it is. */
export function useSamples(): UseQueryResult<Read<typeof samples>> {
  const { api } = useApp()
  return useQuery({ queryKey: ['samples'], queryFn: ({ signal }) => fetchAs(api, path, samples, signal) })
}

/** Loads the sample incident, or removes it; every list is read anew afterwards. */
export function useSampleChange(method: 'POST' | 'DELETE', onDone?: () => Promise<void>) {
  const { api } = useApp()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => api.call(method, path),
    onSuccess: async () => {
      // Away from what is gone, before it is asked for again.
      await onDone?.()
      await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'queue' })
      await queries.resetQueries({ queryKey: ['queue'] })
    },
  })
}
