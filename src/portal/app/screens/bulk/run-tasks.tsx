import { useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import { verbOf } from '../../../shown/words.ts'
import type { Api } from '../../api/client.ts'
import { isOneOf, withOptions } from '../../api/odata.ts'
import { executionsQuery, fetchAs, incidentApi, previewQuery, taskApi } from '../../api/queries.ts'
import { type Preview, pageOf, type Task, task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { announce } from '../../live/announce.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Modal } from '../../parts/modal.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'
import { Effect } from '../task/blast-radius.tsx'
import { targetOf } from '../task/verbs.ts'
import { type Outcome, useEach } from './each.ts'
import { useRecheck } from './recheck.ts'

/** Above so many targets the count is typed. */
const typedAbove = 10
const taskPage = pageOf(task)

/** How it stands with one target, from the press to its proof. */
interface Standing {
  readonly phase: 'ready' | 'off' | 'waiting' | 'running' | 'done' | 'failed'
  readonly says: string
}

/** Runs the actions of several tasks of one type: each target is listed and can be left out, and each has its own result. */
export default function RunTasksDialog({ tasks, onClose }: { tasks: readonly Task[]; onClose: () => void }) {
  const cancel = useRef<HTMLButtonElement>(null)
  const [without, setWithout] = useState<ReadonlySet<string>>(new Set())
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  // What was typed was for another answer.
  const { rows, hasBegun, isBusy, isAsking, send, retry } = useRuns(tasks, reason.trim(), () => setTyped(''))
  const chosen = rows.filter(({ one, standing }) => standing.phase === 'ready' && !without.has(one.id))
  const failed = rows.filter(({ standing }) => standing.phase === 'failed')
  const tier = Math.max(1, ...chosen.map(({ preview }) => preview?.policy?.tier ?? 2))
  const verb = verbOf(tasks[0]?.actionType ?? '')
  const done = rows.filter(({ standing }) => standing.phase === 'done').length
  const begun = rows.filter(({ standing }) => !['ready', 'off'].includes(standing.phase)).length
  const off = whyOff({ isBusy, isAsking, count: chosen.length, tier, reason, typed })
  const toggle = (id: string): void =>
    setWithout(new Set(without.has(id) ? [...without].filter((other) => other !== id) : [...without, id]))
  return (
    <Modal
      title={hasBegun ? `${verb}: ${done}/${begun} done` : `${verb} ${writeCount(tasks.length, 'target', 'targets')}?`}
      onClose={onClose}
      initialFocus={cancel}
      role="alertdialog"
    >
      <TenantChip />
      <Effect actionType={tasks[0]?.actionType ?? ''} />
      <Stopped rows={rows} />
      <ul className="mt-3 max-h-[40vh] space-y-1 overflow-y-auto rounded-box bg-sunken p-3" aria-label="Targets">
        {rows.map((row) => (
          <TargetRow
            key={row.one.id}
            {...row}
            hasBegun={hasBegun}
            isIn={!without.has(row.one.id)}
            toggle={() => toggle(row.one.id)}
          />
        ))}
      </ul>
      {hasBegun ? null : <Reason value={reason} set={setReason} isNeeded={tier >= 2} />}
      {!hasBegun && needsCount(chosen.length, tier) ? (
        <Line label={`Type ${chosen.length}, the number of targets, to go on`} value={typed} set={setTyped} isNeeded />
      ) : null}
      <div className="mt-4 flex flex-wrap justify-end gap-2">
        {hasBegun ? null : (
          <Button kind="danger" off={off} onPress={() => send(chosen.map(({ one }) => one.id))}>
            {`${verb} ${writeCount(chosen.length, 'target', 'targets')}`}
          </Button>
        )}
        {hasBegun && failed.length > 0 ? (
          <Button
            kind="primary"
            off={isBusy ? 'Sending …' : null}
            onPress={() => retry(failed.map(({ one }) => one.id))}
          >
            {`Retry ${failed.length} failed`}
          </Button>
        ) : null}
        <button ref={cancel} type="button" className="button" onClick={onClose}>
          {hasBegun ? 'Close' : 'Not now'}
        </button>
      </div>
    </Modal>
  )
}

function Reason(props: { value: string; set: (text: string) => void; isNeeded: boolean }) {
  return <Line label={`Why ${props.isNeeded ? '(required)' : '(optional)'}`} {...props} />
}

/** One target and how it stands. */
interface Target {
  readonly one: Task
  readonly preview: Preview | null
  readonly standing: Standing
  /** What is another now than when it was confirmed, in words; nothing was sent then. */
  readonly changes: readonly string[]
}

/** Why nothing was sent, told at once also to a screen reader. */
function Stopped({ rows }: { rows: readonly Target[] }) {
  const changed = rows.filter(({ changes }) => changes.length > 0).length
  if (changed === 0) return null
  return (
    <p role="alert" className="mt-3">
      Checked again: for {changed} of {writeCount(rows.length, 'target', 'targets')} the answer is another one now.
      Nothing was sent. Look once more before you run them.
    </p>
  )
}

/** The runs of these tasks, from their previews to their outcomes. @param reason becomes one comment on each of their incidents */
function useRuns(tasks: readonly Task[], reason: string, onChanged: () => void) {
  const { api } = useApp()
  const queries = useQueryClient()
  const [requestIds] = useState(() => new Map(tasks.map(({ id }) => [id, crypto.randomUUID()])))
  const { outcomes, run } = useEach()
  const { changes, isChecking, check } = useRecheck()
  const [isBusy, setBusy] = useState(false)
  const previews = useQueries({ queries: tasks.map(({ id }) => previewQuery(api, id)) })
  const hasBegun = outcomes.size > 0
  const now = useTasksNow(tasks, hasBegun)
  const causes = useCauses(now.filter(({ status }) => status === 'failed'))
  const rows = tasks.map((one, at): Target => {
    const { data = null, error } = previews[at] ?? {}
    const facts = { preview: data, error, outcome: outcomes.get(one.id), cause: causes.get(one.id) ?? '' }
    const standing = standingOf(now.find(({ id }) => id === one.id) ?? one, facts)
    return { one, preview: data, standing, changes: changes.get(one.id) ?? [] }
  })
  const send = async (ids: readonly string[]): Promise<void> => {
    if (!(await check(ids, hasBegun))) return onChanged()
    setBusy(true)
    const sent = await run(ids, async (id) => {
      const headers = { 'client-request-id': requestIds.get(id) ?? crypto.randomUUID() }
      await api.call('POST', `${taskApi(id)}/executeResponseAction`, { headers })
    })
    announce(`${sent.length} of ${ids.length} accepted`)
    const accepted = tasks.filter(({ id }) => sent.includes(id))
    if (reason !== '') await comment(api, accepted, reason)
    for (const key of ['task', 'executions', 'preview', 'incident']) void queries.invalidateQueries({ queryKey: [key] })
    // Until the server's word is here, what failed before still looks failed.
    await queries.invalidateQueries({ queryKey: ['tasks'] })
    setBusy(false)
  }
  const retry = (ids: readonly string[]): void => {
    // A run that failed is asked for anew; one whose request got lost is the same request still.
    for (const id of ids) if (outcomes.get(id)?.state === 'sent') requestIds.set(id, crypto.randomUUID())
    void send(ids)
  }
  const isAsking = previews.some(({ isPending }) => isPending)
  return {
    rows,
    hasBegun,
    isBusy: isBusy || isChecking,
    isAsking,
    retry,
    send: (ids: readonly string[]) => void send(ids),
  }
}

/** One comment on each incident, whatever number of its tasks was run. */
async function comment(api: Api, tasks: readonly Task[], reason: string): Promise<void> {
  for (const incidentId of new Set(tasks.flatMap((one) => one.incident?.id ?? []))) {
    const ran = tasks.filter((one) => one.incident?.id === incidentId)
    const text = `${ran.map(({ displayName }) => displayName).join(', ')}: run. ${reason}`
    await api.call('POST', `${incidentApi(incidentId)}/comments`, { body: { comment: text.slice(0, 1_000) } })
  }
}

function needsCount(count: number, tier: number): boolean {
  return count > typedAbove || (tier >= 3 && count > 0)
}

function whyOff(facts: {
  isBusy: boolean
  isAsking: boolean
  count: number
  tier: number
  reason: string
  typed: string
}): string | null {
  if (facts.isBusy) return 'Sending …'
  if (facts.isAsking) return 'Waiting for the previews.'
  if (facts.count === 0) return 'No target is left.'
  if (facts.tier >= 2 && facts.reason.trim() === '') return 'Say why, in one line.'
  if (needsCount(facts.count, facts.tier) && facts.typed.trim() !== String(facts.count))
    return 'Type the number of targets.'
  return null
}

/** The tasks as they are now, asked for every two seconds beside what the live stream brings. */
function useTasksNow(tasks: readonly Task[], isWanted: boolean): readonly Task[] {
  const { api } = useApp()
  const ids = tasks.map(({ id }) => id)
  const { data = [] } = useQuery({
    queryKey: ['tasks', 'bulk', ...ids],
    enabled: isWanted,
    refetchInterval: 2_000,
    queryFn: async ({ signal }) => {
      const options = { $filter: isOneOf('id', ids).join(''), $expand: 'incident($select=id)', $top: ids.length }
      return (await fetchAs(api, withOptions('/beta/security/incidentTasks', options), taskPage, signal)).value
    },
  })
  return data
}

/** Why the newest run of each failed, in the server's words. */
function useCauses(failed: readonly Task[]): ReadonlyMap<string, string> {
  const { api } = useApp()
  const runs = useQueries({ queries: failed.map(({ id }) => executionsQuery(api, id)) })
  return new Map(failed.map(({ id }, at) => [id, runs[at]?.data?.[0]?.reason ?? '']))
}

function standingOf(
  task: Task,
  facts: { preview: Preview | null; error: unknown; outcome: Outcome | undefined; cause: string },
): Standing {
  const { preview, error, outcome, cause } = facts
  if (outcome === undefined) {
    if (error) return { phase: 'off', says: describeFailure(error) }
    if (preview === null) return { phase: 'ready', says: 'asking what would happen …' }
    return preview.answer.accepted
      ? { phase: 'ready', says: describePreview(preview) }
      : { phase: 'off', says: preview.answer.message ?? 'The server would refuse it.' }
  }
  if (outcome.state === 'waiting') return { phase: 'waiting', says: 'sending …' }
  if (outcome.state === 'refused') return { phase: 'failed', says: outcome.reason }
  switch (task.actionStatus) {
    case 'completed':
      return { phase: 'done', says: 'done, with proof' }
    case 'failed':
      return { phase: 'failed', says: cause === '' ? 'failed' : cause }
    default:
      return { phase: 'running', says: 'accepted; waiting for the target' }
  }
}

function describePreview({ target, policy, reversible }: Preview): string {
  const parts = [
    target?.online === false ? 'offline: it waits for the host' : null,
    target?.already === true ? 'is so already' : null,
    policy === null ? null : `tier ${policy.tier}`,
    policy !== null && policy.approvals > 0 ? `needs ${writeCount(policy.approvals, 'approval', 'approvals')}` : null,
    reversible.possible ? `undo by ${reversible.how}` : 'cannot be undone',
  ]
  return parts.filter((part) => part !== null).join(' · ')
}

function TargetRow(props: {
  one: Task
  preview: Preview | null
  standing: Standing
  changes: readonly string[]
  hasBegun: boolean
  isIn: boolean
  toggle: () => void
}) {
  const { one, preview, standing, changes, hasBegun, isIn, toggle } = props
  const name = preview?.target?.displayName ?? targetOf(one)
  return (
    <li className="flex flex-wrap items-baseline gap-2" data-bulk-id={one.id} data-phase={standing.phase}>
      {hasBegun ? (
        <Name>{name}</Name>
      ) : (
        <label className="flex items-center gap-2">
          <input
            type="checkbox"
            className="size-6"
            checked={isIn && standing.phase !== 'off'}
            disabled={standing.phase === 'off'}
            onChange={toggle}
          />
          <Name>{name}</Name>
        </label>
      )}
      <span className="text-meta text-ink-2">
        {preview?.connector === null || preview === null ? '' : `by ${preview.connector.name} · `}
        <Name>{standing.says}</Name>
      </span>
      {changes.map((line) => (
        <span key={line} className="block w-full font-medium">
          <Name>{line}</Name>
        </span>
      ))}
    </li>
  )
}

function Line(props: { label: string; value: string; set: (text: string) => void; isNeeded: boolean }) {
  return (
    <label className="mt-3 block">
      {props.label}
      <input
        className="field"
        value={props.value}
        maxLength={400}
        aria-required={props.isNeeded}
        onChange={(event) => props.set(event.target.value)}
        // Enter in a field never runs anything.
        onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
      />
    </label>
  )
}
