import { useQueries, useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { withOptions } from '../../api/odata.ts'
import { executionsQuery, fetchAs } from '../../api/queries.ts'
import { pageOf, type Task, task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { NotFound } from '../../frame/not-found.tsx'
import { Title } from '../../frame/title.tsx'
import { Badge, Name, Status } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { taskPath } from '../../paths.ts'
import { Runs } from '../task/runs.tsx'
import { targetOf, verbOf } from '../task/verbs.ts'
import { type Agent, agents, tones } from './agents.ts'

/** S6: one host: whether it is cut off and by whom, how it is, what was run on it, and what can be. */
export function DeviceScreen() {
  const { id = '' } = useParams({ strict: false })
  const { api } = useApp()
  const found = useQuery({
    queryKey: ['agents'],
    refetchInterval: 15_000,
    queryFn: ({ signal }) => fetchAs(api, '/api/v1/agents', agents, signal),
  })
  if (found.isError && found.data === undefined) {
    return <Failure error={found.error} retry={() => void found.refetch()} />
  }
  if (found.data === undefined) return <Skeleton />
  const agent = found.data.value.find((one) => one.id === id)
  return agent === undefined ? <NotFound /> : <Whole agent={agent} />
}

const taskPage = pageOf(task)
/** So many of the newest tasks are looked through. */
const maxTasks = 200
/** So many of those on this host are shown with their runs. */
const maxShown = 20

function useTasksOn({ id, hostName, fqdn }: Agent) {
  const { api } = useApp()
  const names = [id, hostName, fqdn].flatMap((name) => (name === null ? [] : [name.toLowerCase()]))
  const found = useQuery({
    queryKey: ['tasks', 'newest'],
    queryFn: ({ signal }) => {
      const options = { $orderby: 'createdDateTime desc', $top: maxTasks, $expand: 'incident($select=id)' }
      return fetchAs(api, withOptions('/beta/security/incidentTasks', options), taskPage, signal)
    },
  })
  return { found, tasks: found.data?.value.filter((one) => names.includes(targetOf(one).toLowerCase())) ?? [] }
}

function Whole({ agent }: { agent: Agent }) {
  const { hostName, fqdn, os, agentVersion, health, enrolledAt, lastSeenAt, isolated, isolatedUntil } = agent
  const { found, tasks } = useTasksOn(agent)
  return (
    <div className="space-y-3 p-4" data-id={agent.id}>
      <Title text={hostName}>
        <Name>{hostName}</Name>
      </Title>
      <p className="flex flex-wrap items-center gap-2">
        <Badge tone={tones[health] ?? 'quiet'}>{health}</Badge>
        <Badge tone={isolated === true ? 'high' : 'quiet'}>
          {isolated === null ? 'isolation not known' : isolated ? 'isolated' : 'not isolated'}
        </Badge>
        {isolated === true && isolatedUntil !== null ? (
          <span className="text-meta">
            until <Time at={isolatedUntil} exact />
          </span>
        ) : null}
      </p>
      <p className="text-meta text-ink-2">
        <Name>
          {[fqdn, os, agentVersion === null ? null : `agent ${agentVersion}`]
            .filter((part) => part !== null)
            .join(', ')}
        </Name>
        , enrolled <Time at={enrolledAt} />, last heard of <Time at={lastSeenAt} />
      </p>
      <Abilities agent={agent} tasks={tasks} />
      <section className="space-y-2" aria-label="Tasks on this host">
        <h2>Tasks on this host</h2>
        {found.isError ? <Failure error={found.error} retry={() => void found.refetch()} /> : null}
        {found.isPending ? <Skeleton rows={3} /> : null}
        {found.data !== undefined && tasks.length === 0 ? (
          <p>
            None of the newest {maxTasks} tasks is about it. An expert proposes one on an incident that names the host.
          </p>
        ) : null}
        <TaskList tasks={tasks.slice(0, maxShown)} />
      </section>
    </div>
  )
}

function Abilities({ agent, tasks }: { agent: Agent; tasks: readonly Task[] }) {
  const { session } = useApp()
  return (
    <section className="box space-y-1 p-4" aria-label="Actions">
      <h2>Actions</h2>
      {agent.actions.length === 0 ? <p>The host has not said yet what it can do.</p> : null}
      <ul className="space-y-1">
        {agent.actions.map(({ actionType, supported, reason }) => {
          const waiting = tasks.find((one) => one.actionType === actionType && one.status === 'open')
          return (
            <li key={actionType} className="flex flex-wrap items-center gap-2">
              <span>{verbOf(actionType)}</span>
              {supported ? null : (
                <span className="text-meta text-ink-2">
                  cannot be done here: <Name>{reason ?? 'no reason given'}</Name>
                </span>
              )}
              {waiting === undefined ? null : (
                <Link to={taskPath(session.tenant.id, waiting)} className="button">
                  Review the task that waits
                </Link>
              )}
            </li>
          )
        })}
      </ul>
    </section>
  )
}

function TaskList({ tasks }: { tasks: readonly Task[] }) {
  const { api, session } = useApp()
  const runs = useQueries({ queries: tasks.map(({ id }) => executionsQuery(api, id)) })
  return (
    <ul className="space-y-2">
      {tasks.map((one, index) => (
        <li key={one.id} className="box p-3">
          <p className="flex flex-wrap items-center gap-2">
            <Link to={taskPath(session.tenant.id, one)} className="font-medium">
              <Name>{one.displayName}</Name>
            </Link>
            <Status value={one.status} of="Task" />
            <Status value={one.actionStatus} of="Action" />
            <span className="text-meta text-ink-2">
              proposed <Time at={one.createdDateTime} />
            </span>
          </p>
          <Runs runs={runs[index]?.data ?? []} isOpen={false} of={`${one.displayName}, task ${index + 1}`} />
        </li>
      ))}
    </ul>
  )
}
