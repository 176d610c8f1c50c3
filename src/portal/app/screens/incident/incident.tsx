import { useNavigate, useParams } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { useIncident, useIncidentTasks } from '../../api/queries.ts'
import { ApiError } from '../../api/session.ts'
import type { Incident, Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { NotFound } from '../../frame/not-found.tsx'
import { Title } from '../../frame/title.tsx'
import { useCommands } from '../../keys/bindings.ts'
import { Name, Severity, Status } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Link } from '../../parts/link.tsx'
import { Failure, Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath, taskPath } from '../../paths.ts'
import { neighbourOf } from '../queue/order.ts'
import { TaskCard } from '../task/task-card.tsx'
import { ActivityTab } from './activity.tsx'
import { AlertsTab } from './alerts.tsx'
import { Acknowledge, AttentionLine, useSight } from './attention.tsx'
import { EvidenceTab } from './evidence.tsx'
import { HandBar } from './hand-bar.tsx'
import { StoryTab, useStoryAhead } from './story.tsx'
import { TasksTab } from './tasks.tsx'
import { useNarrow } from './use-narrow.ts'

const ProposeDialog = lazy(() => import('./propose.tsx'))
const EditDialog = lazy(() => import('./edit.tsx'))
const SampleBanner = lazy(() => import('../start/sample-banner.tsx'))

const tabs = [
  ['story', 'Story'],
  ['tasks', 'Tasks'],
  ['alerts', 'Alerts'],
  ['evidence', 'Evidence'],
  ['activity', 'Activity'],
] as const

type Tab = (typeof tabs)[number][0]

/** S2 and S3: one incident, whole. */
export function IncidentScreen() {
  const { id = '', tab, task } = useParams({ strict: false })
  const incident = useIncident(id)
  // A tab there is no more leads to the story.
  const shown: Tab = task === undefined ? (tabs.find(([key]) => key === tab)?.[0] ?? 'story') : 'tasks'
  useStoryAhead(id, shown === 'story')
  if (incident.error instanceof ApiError && incident.error.status === 404) return <NotFound />
  if (incident.isError && incident.data === undefined) {
    return <Failure error={incident.error} retry={() => void incident.refetch()} />
  }
  if (incident.data === undefined) return <Skeleton />
  return <Whole key={id} incident={incident.data.it} etag={incident.data.etag} tab={shown} taskId={task ?? null} />
}

interface WholeProps {
  readonly incident: Incident
  readonly etag: string | null
  readonly tab: Tab
  readonly taskId: string | null
}

function Whole({ incident, etag, tab, taskId }: WholeProps) {
  const tasks = useIncidentTasks(incident.id)
  const isNarrow = useNarrow()
  const { isAuditor } = useApp()
  const [open, setOpen] = useState<'propose' | 'edit' | null>(null)
  useIncidentKeys(incident.id, () => setOpen('propose'))
  useSight(incident.id)
  const waiting = tasks.data?.filter((task) => task.status === 'open') ?? []
  const pending = waiting.find((task) => task.id === taskId) ?? waiting[0] ?? null
  const isBusy = isNarrow && !isAuditor
  const facts = (
    <>
      <Facts incident={incident} />
      <Suspense fallback={null}>
        {incident.customTags.includes('SAMPLE') ? <SampleBanner incidentId={incident.id} /> : null}
      </Suspense>
    </>
  )
  const buttons = <Buttons incident={incident} onEdit={() => setOpen('edit')} onPropose={() => setOpen('propose')} />
  const taskList = tab === 'tasks' ? <TasksTab tasks={tasks} taskId={taskId} /> : null
  return (
    <div className={`space-y-3 p-4 ${isBusy ? 'pb-40' : ''}`}>
      <Header incident={incident} pending={waiting.length}>
        {isNarrow ? null : buttons}
      </Header>
      {isNarrow ? (
        <>
          {taskList ??
            (pending === null ? null : (
              <section className="space-y-3">
                <h2 className="text-ink-2">Waits for you</h2>
                <TaskCard task={pending} isOpen />
              </section>
            ))}
          {facts}
          {buttons}
        </>
      ) : (
        <>
          {facts}
          <Waiting tasks={waiting} tab={tab} />
        </>
      )}
      <Tabs id={incident.id} tab={tab} />
      {tab === 'story' ? <StoryTab incident={incident} tasks={tasks.data ?? []} /> : null}
      {isNarrow ? null : taskList}
      {tab === 'alerts' ? <AlertsTab id={incident.id} /> : null}
      {tab === 'evidence' ? <EvidenceTab id={incident.id} /> : null}
      {tab === 'activity' ? <ActivityTab incident={incident} tasks={tasks.data ?? []} /> : null}
      {isBusy ? <HandBar incident={incident} pending={pending} /> : null}
      <Suspense fallback={null}>
        {open === 'propose' ? <ProposeDialog incident={incident} onClose={() => setOpen(null)} /> : null}
        {open === 'edit' ? <EditDialog incident={incident} etag={etag} onClose={() => setOpen(null)} /> : null}
      </Suspense>
    </div>
  )
}

function useIncidentKeys(id: string, propose: () => void): void {
  const { session, isAuditor, may } = useApp()
  const navigate = useNavigate()
  const go = (tab: Tab) => (): void => void navigate({ href: incidentPath(session.tenant.id, id, tab) })
  const here = incidentPath(session.tenant.id, id)
  const step = (by: -1 | 1) => (): void => {
    const next = neighbourOf(here, by)
    if (next !== null) void navigate({ href: next })
  }
  useCommands({
    'tab.story': go('story'),
    'tab.tasks': go('tasks'),
    'tab.alerts': go('alerts'),
    'tab.evidence': go('evidence'),
    'tab.activity': go('activity'),
    ...(isAuditor || !may('Cordon.Expert') ? {} : { propose }),
    ...(neighbourOf(here, -1) === null ? {} : { 'incident.previous': step(-1) }),
    ...(neighbourOf(here, 1) === null ? {} : { 'incident.next': step(1) }),
  })
}

/** What it is, in one look; the rest stands below what waits on a narrow window. */
function Header({ incident, pending, children }: { incident: Incident; pending: number; children: ReactNode }) {
  const name = incident.displayName || `Incident ${incident.id}`
  return (
    <header>
      <div className="flex flex-wrap items-start justify-between gap-2">
        <Title text={name} window={`${pending > 0 ? `${pending} pending - ` : ''}INC-${incident.id} ${name}`}>
          <Name>{name}</Name>
        </Title>
        {children}
      </div>
      <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-meta text-ink-2">
        <code>INC-{incident.id}</code>
        <Severity value={incident.severity} />
        <Status value={incident.status} />
        <span>{incident.assignedTo ? <Name>{incident.assignedTo}</Name> : 'no owner'}</span>
      </p>
      <AttentionLine id={incident.id} />
    </header>
  )
}

function Buttons({ incident, onEdit, onPropose }: { incident: Incident; onEdit: () => void; onPropose: () => void }) {
  const { session, isAuditor, may } = useApp()
  const isNarrow = useNarrow()
  return (
    <p className="flex flex-wrap gap-2">
      {isAuditor || isNarrow ? null : <Acknowledge incident={incident} />}
      <Link to={incidentPath(session.tenant.id, incident.id, 'report')} className="button">
        Report
      </Link>
      {isAuditor ? null : (
        <>
          <Button off={may('SecurityIncident.ReadWrite.All') ? null : 'Needs a responder.'} onPress={onEdit}>
            Edit
          </Button>
          <Button off={may('Cordon.Expert') ? null : 'Only experts propose tasks.'} onPress={onPropose}>
            Propose a task
          </Button>
        </>
      )}
    </p>
  )
}

function Facts({ incident }: { incident: Incident }) {
  const { session } = useApp()
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-meta text-ink-2">
        <span>
          {incident.classification ?? 'unclassified'}
          {incident.determination === null ? '' : ` / ${incident.determination}`}
        </span>
        {[...incident.customTags, ...incident.systemTags].map((tag) => (
          <span key={tag} className="badge">
            <Name>{tag}</Name>
          </span>
        ))}
        <span>
          opened <Time at={incident.createdDateTime} />
        </span>
      </p>
      {incident.redirectIncidentId === null ? null : (
        <p className="box mt-2 p-3">
          This incident was merged into{' '}
          <Link to={incidentPath(session.tenant.id, incident.redirectIncidentId)}>
            INC-{incident.redirectIncidentId}
          </Link>
          .
        </p>
      )}
    </>
  )
}

/** What waits for people stands above the tabs, whichever of them is open. */
function Waiting({ tasks, tab }: { tasks: readonly Task[]; tab: Tab }) {
  const { session } = useApp()
  const [first] = tasks
  if (first === undefined || tab === 'tasks') return null
  return (
    <p className="box flex flex-wrap items-center gap-3 p-3">
      <span>
        {tasks.length === 1 ? '1 task waits for you' : `${tasks.length} tasks wait for you`}:{' '}
        <Name>{first.displayName}</Name>
      </span>
      <Link to={taskPath(session.tenant.id, first)} className="button button-primary">
        Look at it
      </Link>
    </p>
  )
}

function Tabs({ id, tab }: { id: string; tab: Tab }) {
  const { session } = useApp()
  return (
    <nav aria-label="Incident" className="flex flex-wrap gap-1 border-b border-line">
      {tabs.map(([key, word]) => (
        <Link
          key={key}
          to={incidentPath(session.tenant.id, id, key)}
          current={key === tab}
          className={`min-h-7 px-3 py-1 no-underline ${key === tab ? 'border-b-2 border-accent font-semibold text-ink' : 'text-ink-2'}`}
        >
          {word}
        </Link>
      ))}
    </nav>
  )
}
