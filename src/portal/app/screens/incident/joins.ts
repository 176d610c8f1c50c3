import { useQuery } from '@tanstack/react-query'
import { fetchAs } from '../../api/queries.ts'
import { listOf, nullable, record, text } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'

const join = record({ alertId: text, rule: text, text: nullable(text), joinedAt: text })
const joins = record({ value: listOf(join) })

/** Why each alert stands in the incident, by the alert's id. */
export function useJoins(incidentId: string) {
  const { api } = useApp()
  return useQuery({
    queryKey: ['joins', incidentId],
    queryFn: async ({ signal }) => {
      const found = await fetchAs(api, `/api/v1/incidents/${encodeURIComponent(incidentId)}/joins`, joins, signal)
      return new Map(found.value.map((one) => [one.alertId, one]))
    },
  })
}
