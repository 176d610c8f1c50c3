import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useMemo } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import type { Api } from '../../api/client.ts'
import { type IncidentAlerts, incidentAlertsQuery, useIncidentAlerts } from '../../api/queries.ts'
import type { Alert, Incident, Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Changed } from '../../live/changed-by.tsx'
import { Name } from '../../parts/badges.tsx'
import { describeEvidence } from '../../parts/evidence-text.ts'
import { Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { isWide, warmUp } from '../story/layout.ts'
import { useJoins } from './joins.ts'
import { listMoments } from './timeline.ts'

const loadAttackStory = () => import('../story/attack-story.tsx')
const AttackStory = lazy(loadAttackStory)

/** Asks for what the story is drawn from and by, while the incident itself is on its way. */
export function useStoryAhead(id: string, isWanted: boolean): void {
  const queries = useQueryClient()
  const { api } = useApp()
  useEffect(() => {
    if (isWanted) readStoryAhead(queries, api, id)
  }, [queries, api, id, isWanted])
}

/** The same for whoever knows of it before the screen does. What fails is said where the story would stand. */
export function readStoryAhead(queries: QueryClient, api: Api, id: string): void {
  if (isWide()) warmUp()
  Promise.all([queries.fetchQuery(incidentAlertsQuery(api, id)), loadAttackStory()])
    .then(([{ value }, { layOutAhead }]) => layOutAhead(queries, value))
    .catch(() => {})
}

/** What happened, in short: the words people wrote, techniques, what is involved, and the newest moments. */
export function StoryTab(props: {
  incident: Incident
  tasks: readonly Task[]
  /** Somebody else has just written another summary. */
  isRewritten: boolean
}) {
  const { incident, tasks, isRewritten } = props
  const alerts = useIncidentAlerts(incident.id)
  const joins = useJoins(incident.id)
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <Summary incident={incident} alerts={alerts.data?.count ?? null} tasks={tasks.length} isRewritten={isRewritten} />
      {alerts.data !== undefined ? (
        // All of it at once: nothing is pushed down by what comes later.
        <Suspense fallback={<Waiting />}>
          <Told incident={incident} alerts={alerts.data} joins={joins.data ?? new Map()} tasks={tasks} />
        </Suspense>
      ) : alerts.isError ? (
        <Failure error={alerts.error} retry={() => void alerts.refetch()} />
      ) : (
        <Waiting />
      )}
    </div>
  )
}

function Waiting() {
  return (
    <div className="lg:col-span-2">
      <Skeleton rows={8} />
    </div>
  )
}

/** The words of people, there before the alerts are. */
function Summary(props: { incident: Incident; alerts: number | null; tasks: number; isRewritten: boolean }) {
  const { incident, alerts, tasks, isRewritten } = props
  const words = incident.summary || incident.description
  return (
    <section className="box p-4">
      <h2>Summary</h2>
      <p className="mt-1 max-w-[72ch] whitespace-pre-wrap">
        <Changed isNew={isRewritten}>{words ? <Name>{words}</Name> : 'Nobody has written a summary yet.'}</Changed>
      </p>
      <p className="mt-2 text-meta text-ink-2">
        {alerts === null ? '… alerts' : writeCount(alerts, 'alert', 'alerts')}, {writeCount(tasks, 'task', 'tasks')}
      </p>
    </section>
  )
}

interface TellProps {
  readonly incident: Incident
  readonly alerts: IncidentAlerts
  readonly joins: ReadonlyMap<string, { readonly text: string }>
  readonly tasks: readonly Task[]
}

function Told({ incident, alerts: { value, count }, joins, tasks }: TellProps) {
  return (
    <>
      <Techniques alerts={value} />
      <AttackStory incident={incident} alerts={value} total={count} tasks={tasks} />
      <Involved alerts={value} />
      <section className="box p-4">
        <h2>Why these alerts are together</h2>
        <ul className="mt-1 list-disc space-y-1 ps-5">
          {[...new Set(value.map((alert) => joins.get(alert.id)?.text ?? 'Not placed by correlation.'))]
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
    </>
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
                <span key={name} className="me-3">
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
