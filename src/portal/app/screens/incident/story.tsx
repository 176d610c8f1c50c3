import { useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useMemo } from 'react'
import { incidentAlertsQuery, useIncidentAlerts } from '../../api/queries.ts'
import type { Alert, Incident, Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Name } from '../../parts/badges.tsx'
import { describeEvidence } from '../../parts/evidence-text.ts'
import { Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { useJoins } from './joins.ts'
import { listMoments } from './timeline.ts'

const loadAttackStory = () => import('../story/attack-story.tsx')
const AttackStory = lazy(loadAttackStory)

/** Asks for what the story is drawn from and by, while the incident itself is on its way. */
export function useStoryAhead(id: string, isWanted: boolean): void {
  const queries = useQueryClient()
  const { api } = useApp()
  useEffect(() => {
    if (!isWanted) return
    void queries.prefetchQuery(incidentAlertsQuery(api, id))
    loadAttackStory().catch(() => {
      // Said where the story would stand.
    })
  }, [queries, api, id, isWanted])
}

/** What happened, in short: the words people wrote, techniques, what is involved, and the newest moments. */
export function StoryTab({ incident, tasks }: { incident: Incident; tasks: readonly Task[] }) {
  const alerts = useIncidentAlerts(incident.id)
  const joins = useJoins(incident.id)
  if (alerts.isError && alerts.data === undefined)
    return <Failure error={alerts.error} retry={() => void alerts.refetch()} />
  if (alerts.data === undefined) return <Skeleton />
  const { value, count } = alerts.data
  const words = incident.summary || incident.description
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <section className="box p-4">
        <h2>Summary</h2>
        <p className="mt-1 max-w-[72ch] whitespace-pre-wrap">
          {words ? <Name>{words}</Name> : 'Nobody has written a summary yet.'}
        </p>
        <p className="mt-2 text-meta text-ink-2">
          {count} {count === 1 ? 'alert' : 'alerts'}, {tasks.length} {tasks.length === 1 ? 'task' : 'tasks'}
        </p>
      </section>
      <Techniques alerts={value} />
      <Suspense fallback={<Skeleton rows={8} />}>
        <AttackStory incident={incident} alerts={value} total={count} tasks={tasks} />
      </Suspense>
      <Involved alerts={value} />
      <section className="box p-4">
        <h2>Why these alerts are together</h2>
        <ul className="mt-1 list-disc space-y-1 pl-5">
          {[...new Set(value.map((alert) => joins.data?.get(alert.id)?.text ?? 'Not placed by correlation.'))]
            .slice(0, 12)
            .map((why) => (
              <li key={why}>
                <Name>{why}</Name>
              </li>
            ))}
        </ul>
      </section>
      <section className="box p-4 lg:col-span-2">
        <h2>Newest</h2>
        <ol className="mt-1 space-y-1">
          {listMoments(incident, value, tasks)
            .slice(0, 8)
            .map(({ key, at, text }) => (
              <li key={key}>
                <span className="text-meta text-ink-2">
                  <Time at={at} exact />
                </span>{' '}
                <Name>{text}</Name>
              </li>
            ))}
        </ol>
      </section>
    </div>
  )
}

function Techniques({ alerts }: { alerts: readonly Alert[] }) {
  const counts = new Map<string, number>()
  for (const technique of alerts.flatMap((alert) => alert.mitreTechniques))
    counts.set(technique, (counts.get(technique) ?? 0) + 1)
  return (
    <section className="box p-4">
      <h2>ATT&amp;CK techniques</h2>
      {counts.size === 0 ? (
        <p className="mt-1">No alert names one.</p>
      ) : (
        <ul className="mt-1 flex flex-wrap gap-2">
          {[...counts].map(([technique, count]) => (
            <li key={technique} className="badge">
              <Name>{technique}</Name> in {count}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Involved({ alerts }: { alerts: readonly Alert[] }) {
  const kinds = useMemo(() => listInvolved(alerts), [alerts])
  return (
    <section className="box p-4">
      <h2>Involved</h2>
      {kinds.size === 0 ? <p className="mt-1">No alert names anything.</p> : null}
      <dl className="mt-1 grid grid-cols-[7rem_1fr] gap-y-1">
        {[...kinds].map(([kind, names]) => (
          <div key={kind} className="contents">
            <dt className="text-ink-2">{kind}</dt>
            <dd className="font-mono">
              {[...names].slice(0, 10).map((name) => (
                <span key={name} className="mr-3">
                  <Name>{name}</Name>
                </span>
              ))}
              {names.size > 10 ? `and ${names.size - 10} more` : ''}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

/** Names of what the alerts are about, by kind. */
function listInvolved(alerts: readonly Alert[]): ReadonlyMap<string, ReadonlySet<string>> {
  const kinds = new Map<string, Set<string>>()
  for (const evidence of alerts.flatMap((alert) => alert.evidence)) {
    const { kind, name } = describeEvidence(evidence)
    kinds.set(kind, (kinds.get(kind) ?? new Set()).add(name))
  }
  return kinds
}
