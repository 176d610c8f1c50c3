import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { type CardAction, cardWords, describeCard, isLiveState, offBecause } from '../../../shown/card-state.ts'
import { useExecutions, usePreview } from '../../api/queries.ts'
import type { Preview, Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { useCommands } from '../../keys/bindings.ts'
import { Badge, Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Link } from '../../parts/link.tsx'
import { taskPath } from '../../paths.ts'
import { BlastRadius } from './blast-radius.tsx'
import { Runs } from './runs.tsx'
import { TaskFace } from './task-face.tsx'

const ConfirmDialog = lazy(() => import('./confirm.tsx'))
const ApprovalWait = lazy(() => import('../approvals/approval-wait.tsx'))
const BallotDialog = lazy(() => import('../approvals/ballot.tsx'))
const ManagedBy = lazy(() => import('./managed-by.tsx'))

/** One task with its two states, as they are, and what can be done with it. */
export function TaskCard({ task, isOpen, hasFocus = false }: { task: Task; isOpen: boolean; hasFocus?: boolean }) {
  const card = useRef<HTMLElement>(null)
  const { session, isAuditor } = useApp()
  useEffect(() => {
    if (!hasFocus || card.current === null) return
    // What stands above it says what it is about: nothing is scrolled away when the card can be seen already.
    const { top } = card.current.getBoundingClientRect()
    card.current.focus({ preventScroll: top > 0 && top < window.innerHeight / 2 })
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
      <TaskFace task={task}>
        <h3 id={`task-${task.id}`}>
          <Link to={taskPath(session.tenant.id, task)} className="alone text-ink no-underline">
            <Name>{task.displayName}</Name>
          </Link>
        </h3>
      </TaskFace>
      <TaskBody task={task} isOpen={isOpen} isAuditor={isAuditor} />
    </article>
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
  const newest = runs.data?.[0]
  const waitsFor = newest?.state === 'awaitingApproval' ? (newest.approval?.id ?? null) : null
  return (
    <>
      <p className={`mt-2 font-medium ${state.differs === true ? 'text-danger' : ''}`}>{state.says}</p>
      {waitsFor === null ? null : (
        <Suspense fallback={null}>
          <ApprovalWait approvalId={waitsFor} />
        </Suspense>
      )}
      {isAuditor ? null : (
        <Offers
          task={task}
          offers={state.offers}
          preview={preview.data ?? null}
          approvalId={waitsFor}
          isOpen={isOpen}
        />
      )}
      {isOpen && task.source.includes('Managed') ? (
        <Suspense fallback={null}>
          <ManagedBy task={task} />
        </Suspense>
      ) : null}
      {isOpen && isWaiting && mayExecute ? (
        // The room it usually takes: what stands below does not move when the target has answered.
        <div className="min-h-98 sm:min-h-60">
          <BlastRadius preview={preview} />
        </div>
      ) : null}
      {runs.data !== undefined && runs.data.length > 0 ? <Runs runs={runs.data} isOpen={isOpen} /> : null}
    </>
  )
}

/** Why the action cannot run here, when the server says so for good; what passes by itself is no obstacle. */
function obstacleOf(preview: Preview | undefined): string | null {
  if (preview === undefined || preview.answer.accepted) return null
  return preview.answer.message ?? preview.answer.code
}

/** True while another card has the focus: its Enter is not about this one. */
function hasRivalFocus(taskId: string): boolean {
  const { activeElement } = document
  return activeElement instanceof HTMLElement && (activeElement.dataset.taskId ?? taskId) !== taskId
}

interface OffersProps {
  readonly task: Task
  readonly offers: readonly CardAction[]
  readonly preview: Preview | null
  /** Of the approval it waits for. */
  readonly approvalId: string | null
  readonly isOpen: boolean
}

function Offers({ task, offers, preview, approvalId, isOpen }: OffersProps) {
  const { may } = useApp()
  const [asked, ask] = useState<CardAction | null>(null)
  const [ballot, vote] = useState<string | null>(null)
  const rights = {
    execute: may('SecurityIncidentTask.TakeAction.ReadWrite.All'),
    write: may('SecurityIncidentTask.ReadWrite.All'),
    expert: may('Cordon.Expert'),
    approve: may('Cordon.Approve'),
  }
  const works = (action: CardAction): boolean =>
    isOpen && offers.includes(action) && offBecause(action, rights) === null
  useCommands({
    ...(works('run') ? { 'task.run': () => hasRivalFocus(task.id) || ask('run') } : {}),
    ...(works('byHand') ? { 'task.byHand': () => ask('byHand') } : {}),
    ...(works('notRelevant') ? { 'task.notRelevant': () => ask('notRelevant') } : {}),
    ...(works('undo') ? { 'task.undo': () => ask('undo') } : {}),
  })
  return (
    <div className="mt-3 flex flex-wrap gap-2">
      {offers.map((action, index) => (
        <Button
          key={action}
          kind={index === 0 && action !== 'cancel' ? 'primary' : 'plain'}
          label={`${cardWords[action]}: ${task.displayName}`}
          off={offBecause(action, rights)}
          onPress={() => (action === 'approve' ? vote(approvalId) : ask(action))}
        >
          {cardWords[action]}
        </Button>
      ))}
      {preview?.policy?.dispatchPaused === true ? <Badge tone="medium">Dispatch is paused: it will wait</Badge> : null}
      <Suspense fallback={null}>
        {asked === null ? null : <ConfirmDialog task={task} action={asked} onClose={() => ask(null)} />}
        {ballot === null ? null : <BallotDialog approvalId={ballot} decision={null} onClose={() => vote(null)} />}
      </Suspense>
    </div>
  )
}
