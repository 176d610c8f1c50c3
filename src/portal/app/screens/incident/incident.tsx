import { useNavigate, useParams } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import { type IncidentTab, incidentTabs } from '../../../shown/screens.ts'
import { writeJudgement } from '../../../shown/words.ts'
import { useIncident, useIncidentTasks } from '../../api/queries.ts'
import { ApiError } from '../../api/session.ts'
import type { Incident, Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { FailedScreen } from '../../frame/failed.tsx'
import { NotFound } from '../../frame/not-found.tsx'
import { Title } from '../../frame/title.tsx'
import { useCommands } from '../../keys/bindings.ts'
import { Changed, ChangedBy, type Changes, useChanges } from '../../live/changed-by.tsx'
import { Name, Severity, Status } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Link } from '../../parts/link.tsx'
import { Skeleton } from '../../parts/states.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath, taskPath } from '../../paths.ts'
import { neighbourOf } from '../queue/order.ts'
import { TaskCard } from '../task/task-card.tsx'
import { ActivityTab } from './activity.tsx'
import { AlertsTab } from './alerts.tsx'
import { AssetsTab } from './assets.tsx'
import { Acknowledge, AttentionLine, useSight } from './attention.tsx'
import { EvidenceTab } from './evidence.tsx'
import { HandBar } from './hand-bar.tsx'
import { StoryTab, useStoryAhead } from './story.tsx'
import { TasksTab } from './tasks.tsx'
import { useNarrow } from './use-narrow.ts'

/** What of an incident others change while somebody looks at it, in words. */
const fields = {
  name: 'Name',
  severity: 'Severity',
  status: 'Status',
  owner: 'Owner',
  classification: 'Classification',
  determination: 'Determination',
  tags: 'Tags',
  summary: 'Summary',
} as const
type Field = keyof typeof fields

const ProposeDialog = lazy(() => import('../propose/propose.tsx'))
const EditDialog = lazy(() => import('./edit.tsx'))
const RegroupDialog = lazy(() => import('../regroup/regroup.tsx'))
const SampleBanner = lazy(() => import('../start/sample-banner.tsx'))

/** S2 and S3: one incident, whole. */
export function IncidentScreen() {
  const { id = '', tab, task } = useParams({ strict: false })
  const incident = useIncident(id)
  // A tab there is no more leads to the story.
  const shown: IncidentTab = task === undefined ? (incidentTabs.find(([key]) => key === tab)?.[0] ?? 'story') : 'tasks'
  useStoryAhead(id, shown === 'story')
  if (incident.error instanceof ApiError && incident.error.status === 404) return <NotFound />
  if (incident.isError && incident.data === undefined) {
    return <FailedScreen what="The incident" error={incident.error} retry={() => void incident.refetch()} />
  }
  if (incident.data === undefined) return <Skeleton />
  return <Whole key={id} incident={incident.data.it} etag={incident.data.etag} tab={shown} taskId={task ?? null} />
}

interface WholeProps {
  readonly incident: Incident
  readonly etag: string | null
  readonly tab: IncidentTab
  readonly taskId: string | null
}

function Whole({ incident, etag, tab, taskId }: WholeProps) {
  const tasks = useIncidentTasks(incident.id)
  const isNarrow = useNarrow()
  const { isAuditor } = useApp()
  const [open, setOpen] = useState<'propose' | 'edit' | 'merge' | null>(null)
  useIncidentKeys(incident.id, () => setOpen('propose'))
  useSight(incident.id)
  const waiting = tasks.data?.filter((task) => task.status === 'open') ?? []
  const changes = useIncidentChanges(incident)
  const pending = waiting.find((task) => task.id === taskId) ?? waiting[0] ?? null
  const isBusy = isNarrow && !isAuditor
  const facts = (
    <>
      <Facts incident={incident} changes={changes} />
      <Suspense fallback={null}>
        {incident.customTags.includes('SAMPLE') ? <SampleBanner incidentId={incident.id} /> : null}
      </Suspense>
    </>
  )
  const buttons = <Buttons incident={incident} open={setOpen} />
  const taskList = tab === 'tasks' ? <TasksTab tasks={tasks} taskId={taskId} /> : null
  return (
    <div className={`space-y-3 p-4 ${isBusy ? 'pb-40' : ''}`}>
      <Header incident={incident} pending={waiting.length} changes={changes}>
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
      {tab === 'story' ? (
        <StoryTab incident={incident} tasks={tasks.data ?? []} isRewritten={changes.has('summary')} />
      ) : null}
      {isNarrow ? null : taskList}
      {tab === 'alerts' ? <AlertsTab id={incident.id} /> : null}
      {tab === 'assets' ? <AssetsTab id={incident.id} /> : null}
      {tab === 'evidence' ? <EvidenceTab id={incident.id} /> : null}
      {tab === 'activity' ? <ActivityTab incident={incident} tasks={tasks.data ?? []} /> : null}
      {isBusy ? <HandBar incident={incident} pending={pending} /> : null}
      <Suspense fallback={null}>
        {open === 'propose' ? <ProposeDialog incident={incident} onClose={() => setOpen(null)} /> : null}
        {open === 'merge' ? (
          <RegroupDialog subject={{ kind: 'merge', incident }} onClose={() => setOpen(null)} />
        ) : null}
        {open === 'edit' ? <EditDialog incident={incident} etag={etag} onClose={() => setOpen(null)} /> : null}
      </Suspense>
    </div>
  )
}

function useIncidentChanges(incident: Incident): Changes<Field> {
  const shown = {
    name: incident.displayName ?? '',
    severity: incident.severity,
    status: incident.status,
    owner: incident.assignedTo ?? '',
    classification: incident.classification ?? '',
    determination: incident.determination ?? '',
    tags: [...incident.customTags, ...incident.systemTags].join('\n'),
    summary: incident.summary ?? '',
  }
  return useChanges(
    { resource: 'incident', id: incident.id },
    shown,
    incident.lastModifiedBy,
    incident.lastUpdateDateTime,
  )
}

function useIncidentKeys(id: string, propose: () => void): void {
  const { session, isAuditor, may } = useApp()
  const navigate = useNavigate()
  const go = (tab: IncidentTab) => (): void => void navigate({ href: incidentPath(session.tenant.id, id, tab) })
  const here = incidentPath(session.tenant.id, id)
  const step = (by: -1 | 1) => (): void => {
    const next = neighbourOf(here, by)
    if (next !== null) void navigate({ href: next })
  }
  useCommands({
    'tab.story': go('story'),
    'tab.tasks': go('tasks'),
    'tab.alerts': go('alerts'),
    'tab.assets': go('assets'),
    'tab.evidence': go('evidence'),
    'tab.activity': go('activity'),
    ...(isAuditor || !may('Cordon.Expert') ? {} : { propose }),
    ...(neighbourOf(here, -1) === null ? {} : { 'incident.previous': step(-1) }),
    ...(neighbourOf(here, 1) === null ? {} : { 'incident.next': step(1) }),
  })
}

/** What it is, in one look; the rest stands below what waits on a narrow window. */
function Header(props: { incident: Incident; pending: number; changes: Changes<Field>; children: ReactNode }) {
  const { incident, pending, changes, children } = props
  const name = incident.displayName || `Incident ${incident.id}`
  return (
    <header>
      <div className="flex flex-wrap items-start justify-between gap-2">
        <Title text={name} window={`${pending > 0 ? `${pending} pending - ` : ''}INC-${incident.id} ${name}`}>
          <Changed isNew={changes.has('name')}>
            <Name>{name}</Name>
          </Changed>
        </Title>
        {children}
      </div>
      <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-meta text-ink-2">
        <code>INC-{incident.id}</code>
        <Changed isNew={changes.has('severity')}>
          <Severity value={incident.severity} />
        </Changed>
        <Changed isNew={changes.has('status')}>
          <Status value={incident.status} />
        </Changed>
        <Changed isNew={changes.has('owner')}>
          <span>{incident.assignedTo ? <Name>{incident.assignedTo}</Name> : 'no owner'}</span>
        </Changed>
        <ChangedBy changes={changes} words={fields} />
      </p>
      <AttentionLine id={incident.id} />
    </header>
  )
}

function Buttons({ incident, open }: { incident: Incident; open: (dialog: 'propose' | 'edit' | 'merge') => void }) {
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
          <Button
            off={may('SecurityIncident.ReadWrite.All') ? null : 'Needs a responder.'}
            onPress={() => open('edit')}
          >
            Edit
          </Button>
          <Button off={may('Cordon.Expert') ? null : 'Only experts propose tasks.'} onPress={() => open('propose')}>
            Propose a task
          </Button>
          {incident.redirectIncidentId === null ? (
            <Button
              off={may('SecurityData.Manage.All') ? null : 'Only experts merge incidents.'}
              onPress={() => open('merge')}
            >
              Merge
            </Button>
          ) : null}
        </>
      )}
    </p>
  )
}

function Facts({ incident, changes }: { incident: Incident; changes: Changes<Field> }) {
  const { session } = useApp()
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-meta text-ink-2">
        <Changed isNew={changes.has('classification') || changes.has('determination')}>
          <span title={`${incident.classification} / ${incident.determination}`}>
            {writeJudgement(incident.classification, incident.determination)}
          </span>
        </Changed>
        <Changed isNew={changes.has('tags')}>
          {[...incident.customTags, ...incident.systemTags].map((tag) => (
            <span key={tag} className="badge">
              <Name>{tag}</Name>
            </span>
          ))}
        </Changed>
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
function Waiting({ tasks, tab }: { tasks: readonly Task[]; tab: IncidentTab }) {
  const { session } = useApp()
  const [first] = tasks
  if (first === undefined || tab === 'tasks') return null
  return (
    <p className="box flex flex-wrap items-center gap-3 p-3">
      <span>
        {writeCount(tasks.length, 'task waits for you', 'tasks wait for you')}: <Name>{first.displayName}</Name>
      </span>
      <Link to={taskPath(session.tenant.id, first)} className="button button-primary">
        Look at it
      </Link>
    </p>
  )
}

function Tabs({ id, tab }: { id: string; tab: IncidentTab }) {
  const { session } = useApp()
  return (
    <nav aria-label="Incident" className="flex flex-wrap gap-1 border-b border-line">
      {incidentTabs.map(([key, word]) => (
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
