import { queryOptions, type UseQueryResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { Api } from '../../api/client.ts'
import { fetchAs } from '../../api/queries.ts'
import { listOf, nullable, number, type Read, record, text } from '../../api/read.ts'
import type { Incident } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { alarm, announce } from '../../live/announce.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'

const person = record({ id: text, displayName: text, dateTime: text })
const attention = record({
  seenBy: listOf(person),
  acknowledgedBy: nullable(person),
  escalation: nullable(record({ nextStep: number, nextDateTime: text })),
})
type Attention = Read<typeof attention>

/** Others look without a change of the incident, so it is asked for anew now and then. */
const everyMs = 15_000

function pathOf(id: string, part: string): string {
  return `/api/v1/incidents/${encodeURIComponent(id)}/${part}`
}

/** Who looks after an incident. */
export function useAttention(id: string): UseQueryResult<Attention> {
  const { api } = useApp()
  return useQuery(attentionQuery(api, id))
}

/** How it is asked for. */
export function attentionQuery(api: Api, id: string) {
  return queryOptions({
    queryKey: ['incident', id, 'attention'],
    queryFn: ({ signal }): Promise<Attention> => fetchAs(api, pathOf(id, 'attention'), attention, signal),
    refetchInterval: everyMs,
  })
}

/** Writes down that this person has the incident in front of them. */
export function useSight(id: string): void {
  const { api } = useApp()
  const queries = useQueryClient()
  const { mutate } = useMutation({
    mutationFn: () => api.call('POST', pathOf(id, 'seen')),
    // Offline it is made up for; nobody has to be bothered with it.
    onSuccess: () => queries.invalidateQueries({ queryKey: ['incident', id, 'attention'] }),
  })
  useEffect(() => mutate(), [mutate])
}

/** Takes the incident on. */
export function useAcknowledge(id: string) {
  const { api } = useApp()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => api.call('POST', pathOf(id, 'acknowledge')),
    onSuccess: () => announce(`INC-${id} is yours`),
    onError: (cause) => alarm(`INC-${id}: ${describeFailure(cause)}`),
    onSettled: () => queries.invalidateQueries({ queryKey: ['incident', id] }),
  })
}

/** Whether somebody can still take it on: it is open, and not this person's already. */
export function canAcknowledge(incident: Incident, held: Attention | undefined, ownName: string): boolean {
  if (incident.status === 'resolved' || incident.redirectIncidentId !== null) return false
  return held !== undefined && (held.acknowledgedBy?.displayName !== ownName || incident.assignedTo !== ownName)
}

/** Takes the incident on, or over. Absent when there is nothing to take on. */
export function Acknowledge({ incident }: { incident: Incident }) {
  const { session, may } = useApp()
  const held = useAttention(incident.id)
  const take = useAcknowledge(incident.id)
  if (!canAcknowledge(incident, held.data, session.user.name)) return null
  const right = may('SecurityIncident.ReadWrite.All') ? null : 'Needs a responder.'
  return (
    <Button kind="primary" off={take.isPending ? 'Sending …' : right} onPress={() => take.mutate()}>
      Acknowledge
    </Button>
  )
}

const maxNamed = 5

/** Who has seen it, who has it, and what comes when nobody does. */
export function AttentionLine({ id }: { id: string }) {
  const { data } = useAttention(id)
  if (data === undefined) return null
  const { seenBy, acknowledgedBy, escalation } = data
  const more = seenBy.length - maxNamed
  return (
    <p className="mt-1 flex min-h-8 flex-wrap content-start gap-x-3 text-meta text-ink-2 sm:min-h-4">
      <span>
        {seenBy.length === 0 ? 'Seen by nobody' : 'Seen by '}
        {seenBy.slice(0, maxNamed).map(({ id: who, displayName, dateTime }, index) => (
          <span key={who}>
            {index === 0 ? '' : ', '}
            <Name>{displayName}</Name> <Time at={dateTime} exact />
          </span>
        ))}
        {more > 0 ? ` and ${more} more` : ''}
      </span>
      <span>
        {acknowledgedBy === null ? (
          'not acknowledged'
        ) : (
          <>
            acknowledged by <Name>{acknowledgedBy.displayName}</Name> <Time at={acknowledgedBy.dateTime} exact />
          </>
        )}
      </span>
      {escalation === null ? null : (
        <span>
          escalates <Time at={escalation.nextDateTime} /> (step {escalation.nextStep})
        </span>
      )}
    </p>
  )
}
