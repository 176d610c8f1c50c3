import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { useExecutions, usePreview } from '../../api/queries.ts'
import type { Preview, Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { useCommands } from '../../keys/bindings.ts'
import { Badge, Name, Status } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Link } from '../../parts/link.tsx'
import { Time } from '../../parts/time.tsx'
import { screenPath, taskPath } from '../../paths.ts'
import { BlastRadius } from './blast-radius.tsx'
import { type CardAction, describeCard, isLiveState, offBecause } from './card-state.ts'
import { Runs } from './runs.tsx'
import { targetOf, verbOf } from './verbs.ts'

const ConfirmDialog = lazy(() => import('./confirm.tsx'))
const ManagedBy = lazy(() => import('./managed-by.tsx'))

const words: Readonly<Record<CardAction, string>> = {
  run: 'Review and run',
  byHand: 'Done by hand',
  notRelevant: 'Not relevant',
  reopen: 'Reopen',
  cancel: 'Cancel',
  undo: 'Undo',
  decide: 'Decide by hand',
  approve: 'Review the approval',
}

/** One task with its two states, as they are, and what can be done with it. */
export function TaskCard({ task, isOpen, hasFocus = false }: { task: Task; isOpen: boolean; hasFocus?: boolean }) {
  const card = useRef<HTMLElement>(null)
  const { session, isAuditor } = useApp()
  useEffect(() => {
    if (hasFocus) card.current?.focus()
  }, [hasFocus])
  return (
    <article
      ref={card}
      tabIndex={-1}
      aria-labelledby={`task-${task.id}`}
      data-task-id={task.id}
      data-status={task.status}
      data-action-status={task.actionStatus}
      className="box p-4"
    >
      <div className="flex flex-wrap items-start justify-between gap-2">
        <h3 id={`task-${task.id}`}>
          <Link to={taskPath(session.tenant.id, task)} className="text-ink no-underline">
            <Name>{task.displayName}</Name>
          </Link>
        </h3>
        <p className="flex flex-wrap gap-1">
          <Status of="Task" value={task.status} />
          <Status of="Action" value={task.actionStatus} />
        </p>
      </div>
      <Facts task={task} />
      {task.description ? (
        <p className="mt-2 max-w-[72ch] whitespace-pre-wrap">
          <Name>{task.description}</Name>
        </p>
      ) : null}
      <TaskBody task={task} isOpen={isOpen} isAuditor={isAuditor} />
    </article>
  )
}

function Facts({ task }: { task: Task }) {
  const mode = task.source.includes('Managed') ? 'Managed' : task.source.includes('Guided') ? 'Guided' : task.source
  return (
    <p className="mt-1 flex flex-wrap gap-x-3 text-meta text-ink-2">
      <span title={task.actionType}>{task.actionType === 'text' ? 'For people' : verbOf(task.actionType)}</span>
      {targetOf(task) === '' ? null : (
        <code>
          <Name>{targetOf(task)}</Name>
        </code>
      )}
      <span title={task.source}>{mode}</span>
      <span>
        proposed by <Name>{task.createdByDisplayName || 'nobody named'}</Name> <Time at={task.createdDateTime} />
      </span>
    </p>
  )
}

function TaskBody({ task, isOpen, isAuditor }: { task: Task; isOpen: boolean; isAuditor: boolean }) {
  const { may } = useApp()
  const wasStarted = task.actionStatus !== 'notStarted' || task.status === 'inProgress'
  const runs = useExecutions(task.id, isOpen || wasStarted)
  const isRunning = runs.data?.some((run) => isLiveState(run.state)) === true
  const mayExecute = may('SecurityIncidentTask.TakeAction.ReadWrite.All')
  const isWaiting = task.actionType !== 'text' && !isRunning && ['open', 'failed'].includes(task.status)
  const preview = usePreview(task.id, isOpen && isWaiting && mayExecute && !isAuditor)
  const state = describeCard(task, runs.data ?? null, obstacleOf(preview.data))
  return (
    <>
      <p className={`mt-2 font-medium ${state.differs === true ? 'text-danger' : ''}`}>{state.says}</p>
      {isAuditor ? null : <Offers task={task} offers={state.offers} preview={preview.data ?? null} isOpen={isOpen} />}
      {isOpen && task.source.includes('Managed') ? (
        <Suspense fallback={null}>
          <ManagedBy task={task} />
        </Suspense>
      ) : null}
      {isOpen && isWaiting && mayExecute ? <BlastRadius preview={preview} /> : null}
      {runs.data !== undefined && runs.data.length > 0 ? <Runs runs={runs.data} isOpen={isOpen} /> : null}
    </>
  )
}

/** Why the action cannot run here, when the server says so for good; what passes by itself is no obstacle. */
function obstacleOf(preview: Preview | undefined): string | null {
  if (preview === undefined || preview.answer.accepted) return null
  return preview.answer.message ?? preview.answer.code
}

interface OffersProps {
  readonly task: Task
  readonly offers: readonly CardAction[]
  readonly preview: Preview | null
  readonly isOpen: boolean
}

function Offers({ task, offers, preview, isOpen }: OffersProps) {
  const { may, session } = useApp()
  const [asked, ask] = useState<CardAction | null>(null)
  const rights = {
    execute: may('SecurityIncidentTask.TakeAction.ReadWrite.All'),
    write: may('SecurityIncidentTask.ReadWrite.All'),
    expert: may('Cordon.Expert'),
    approve: may('Cordon.Approve'),
  }
  const askFor = (action: CardAction) => (): void => {
    if (isOpen && offers.includes(action) && offBecause(action, rights) === null) ask(action)
  }
  useCommands(
    isOpen
      ? { 'task.byHand': askFor('byHand'), 'task.notRelevant': askFor('notRelevant'), 'task.undo': askFor('undo') }
      : {},
  )
  return (
    <div className="mt-3 flex flex-wrap gap-2">
      {offers.map((action, index) =>
        action === 'approve' && offBecause(action, rights) === null ? (
          <Link key={action} to={screenPath(session.tenant.id, 'approvals')} className="button button-primary">
            {words[action]}
          </Link>
        ) : (
          <Button
            key={action}
            kind={index === 0 && action !== 'cancel' ? 'primary' : 'plain'}
            label={`${words[action]}: ${task.displayName}`}
            off={offBecause(action, rights)}
            onPress={() => ask(action)}
          >
            {words[action]}
          </Button>
        ),
      )}
      {preview?.policy?.dispatchPaused === true ? <Badge tone="medium">Dispatch is paused: it will wait</Badge> : null}
      <Suspense fallback={null}>
        {asked !== null && asked !== 'approve' ? (
          <ConfirmDialog task={task} action={asked} onClose={() => ask(null)} />
        ) : null}
      </Suspense>
    </div>
  )
}
