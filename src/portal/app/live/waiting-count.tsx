import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { Api } from '../api/client.ts'
import { withOptions } from '../api/odata.ts'
import { fetchAs } from '../api/queries.ts'
import { anything, listOf, type Reader, record } from '../api/read.ts'
import { useApp, useRealm } from '../frame/app.tsx'
import { everyTenant } from '../frame/realm.ts'

const number: Reader<number> = (value) => Number(value)
const approvals = record({ value: listOf(anything) })

/** How each is counted in one tenant. */
const counts = {
  tasks: (api: Api, signal: AbortSignal) =>
    fetchAs(api, withOptions('/beta/security/incidentTasks/$count', { $filter: "status eq 'open'" }), number, signal),
  approvals: async (api: Api, signal: AbortSignal) =>
    (await fetchAs(api, withOptions('/api/v1/approvals', { state: 'pending' }), approvals, signal)).value.length,
} as const

/** Above it the exact number helps nobody. */
const most = 999

/** How many tasks or approvals wait for people, in the tenant or in all of them; empty while nobody knows. */
export default function WaitingCount({ of }: { of: keyof typeof counts }) {
  const { session } = useApp()
  const realm = useRealm()
  const places = session.tenant.id === everyTenant.id ? realm.places : [session]
  const { data } = useQuery({
    queryKey: ['waiting', of],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const all = await Promise.all(places.map((place) => counts[of](realm.apiOf(place), signal)))
      return all.reduce((sum, one) => sum + one, 0)
    },
  })
  return data === undefined ? null : data > most ? `${most}+` : data
}
