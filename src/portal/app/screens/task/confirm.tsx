import type { UseQueryResult } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { actionKinds, isActionType } from '../../../../model/actions.ts'
import type { CardAction } from '../../../shown/card-state.ts'
import { verbOf } from '../../../shown/words.ts'
import { useExecutions, usePreview } from '../../api/queries.ts'
import type { Preview, Task } from '../../api/wire.ts'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { DialogButtons, Modal } from '../../parts/modal.tsx'
import { describeFailure, Refused } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'
import { Time } from '../../parts/time.tsx'
import { Effect, ImpactLines } from './blast-radius.tsx'
import { Notice, useFreshness } from './freshness.tsx'
import { HoldButton } from './hold-button.tsx'
import { Taken, useTaken } from './taken.tsx'
import { type Press, useTaskPress } from './task-actions.ts'
import { useHandheld } from './use-handheld.ts'
import { effectOf, nameToType, targetOf } from './verbs.ts'

/** What a dialog asks, and what its button says and does. */
interface Question {
  readonly title: string
  readonly says: string
  readonly button: string
  readonly needsReason: boolean
  readonly press: Pick<Press, 'kind' | 'value'>
}

/** Asks before anything happens to a task. */
export default function ConfirmDialog({
  task,
  action,
  onClose,
}: {
  task: Task
  action: CardAction
  onClose: () => void
}) {
  const preview = usePreview(task.id, action === 'run')
  return action === 'run' ? (
    <RunDialog task={task} asked={preview} onClose={onClose} />
  ) : (
    <AskDialog task={task} action={action} onClose={onClose} />
  )
}

/** One id for the dialog: pressed twice, or sent again, it is still one request. */
function useRequestId(): string {
  const [id] = useState(() => crypto.randomUUID())
  return id
}

function RunDialog({ task, asked, onClose }: { task: Task; asked: UseQueryResult<Preview>; onClose: () => void }) {
  const preview = asked.data ?? null
  const cancel = useRef<HTMLButtonElement>(null)
  const requestId = useRequestId()
  const press = useTaskPress(task)
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const tier = preview?.policy?.tier ?? 2
  const name = nameToType(task, preview?.target?.displayName ?? null)
  const verb = `${verbOf(task.actionType)} ${name}`
  const fresh = useFreshness(asked)
  const hold = useHoldChoice(preview, tier)
  const taken = useTaken(task.id, press.isPending || press.isSuccess)
  const off = whyOff({
    preview,
    isTaken: taken !== null,
    isSending: press.isPending || fresh.isChecking,
    tier: hold.isHeld ? 2 : tier,
    reason,
    typed,
    name,
  })
  const confirmation = hold.isHeld ? 'held' : tier >= 3 ? 'typed' : 'pressed'
  const run = async (): Promise<void> => {
    if (await fresh.check())
      press.mutate({ kind: 'run', requestId, reason: reason.trim(), confirmation }, { onSuccess: onClose })
  }
  return (
    <Modal title={`${verb}?`} onClose={onClose} initialFocus={cancel} role="alertdialog">
      <TenantChip />
      <Effect actionType={task.actionType} />
      <div className="mt-3 rounded-box bg-sunken p-3">
        {preview === null ? (
          <p>{asked.error ? `No preview: ${describeFailure(asked.error)}` : 'Asking the target what it would do …'}</p>
        ) : (
          <>
            <ImpactLines preview={preview} />
            <p className="mt-2 text-meta text-ink-2">
              Checked <Time at={preview.readAt} />
            </p>
            <Notice lines={fresh.notice} />
          </>
        )}
      </div>
      <Reason value={reason} set={setReason} isNeeded={tier >= 2} />
      {tier >= 3 && !hold.isHeld ? <TypeName name={name} value={typed} set={setTyped} /> : null}
      {taken === null ? null : <Taken run={taken} />}
      <Footer cancel={cancel} onClose={onClose} problem={taken === null ? press.error : null}>
        {hold.isHeld ? (
          <>
            <HoldButton off={off} onHeld={() => void run()}>
              <Name>{verb}</Name>
            </HoldButton>
            <Button onPress={hold.typeInstead}>Type the name instead</Button>
          </>
        ) : (
          <Button kind="danger" off={off} onPress={() => void run()}>
            <Name>{verb}</Name>
          </Button>
        )}
      </Footer>
    </Modal>
  )
}

/** On a phone the button may be held instead of the name being typed, where the policy lets it; whoever cannot hold it types. */
function useHoldChoice(preview: Preview | null, tier: number) {
  const isHandheld = useHandheld()
  const [types, type] = useState(false)
  const isHeld = isHandheld && tier >= 3 && preview?.policy?.holdOnPhones === true && !types
  return { isHeld, typeInstead: () => type(true) }
}

function whyOff(facts: {
  preview: Preview | null
  isTaken: boolean
  isSending: boolean
  tier: number
  reason: string
  typed: string
  name: string
}): string | null {
  if (facts.isSending) return 'Sending …'
  if (facts.isTaken) return 'Somebody was quicker.'
  if (facts.preview === null) return 'Waiting for the preview.'
  if (!facts.preview.answer.accepted) return facts.preview.answer.message ?? 'The server would refuse it.'
  if (facts.tier >= 2 && facts.reason.trim() === '') return 'Say why, in one line.'
  if (facts.tier >= 3 && facts.typed.trim() !== facts.name) return 'Type the exact name.'
  return null
}

function AskDialog({ task, action, onClose }: { task: Task; action: CardAction; onClose: () => void }) {
  const cancel = useRef<HTMLButtonElement>(null)
  const requestId = useRequestId()
  const press = useTaskPress(task)
  const [reason, setReason] = useState('')
  const [outcome, setOutcome] = useState('failed')
  const question = questionFor(task, action)
  const off = press.isPending
    ? 'Sending …'
    : question.needsReason && reason.trim() === ''
      ? 'Say why, in one line.'
      : null
  const send = (): void =>
    press.mutate(
      {
        requestId,
        reason: reason.trim(),
        ...question.press,
        ...(question.press.kind === 'decide' ? { value: outcome } : {}),
      },
      { onSuccess: onClose },
    )
  return (
    <Modal title={question.title} onClose={onClose} initialFocus={cancel} role="alertdialog">
      <TenantChip />
      <p>{question.says}</p>
      {action === 'undo' ? <UndoFacts task={task} /> : null}
      {question.press.kind === 'decide' ? (
        <label className="mt-3 block">
          Outcome
          <select className="field" value={outcome} onChange={(event) => setOutcome(event.target.value)}>
            <option value="failed">failed</option>
            <option value="partial">partial</option>
            <option value="succeeded">succeeded</option>
          </select>
        </label>
      ) : null}
      <Reason value={reason} set={setReason} isNeeded={question.needsReason} />
      <Footer cancel={cancel} onClose={onClose} problem={press.error}>
        <Button kind="primary" off={off} onPress={send}>
          {question.button}
        </Button>
      </Footer>
    </Modal>
  )
}

/** What the undo does, to what, and by whom: it is a run like any other. */
function UndoFacts({ task }: { task: Task }) {
  const runs = useExecutions(task.id, true).data ?? []
  const done = runs.find(({ kind, state }) => kind === 'run' && state === 'succeeded')
  const inverse = isActionType(task.actionType) ? actionKinds[task.actionType].inverse : null
  return (
    <dl className="mt-3 grid grid-cols-[7.5rem_1fr] gap-x-3 gap-y-1 rounded-box bg-sunken p-3 max-sm:grid-cols-1">
      <dt className="text-ink-2">Target</dt>
      <dd>
        <Name>{nameToType(task, done?.target?.displayName ?? null)}</Name>
      </dd>
      <dt className="text-ink-2">Done by</dt>
      <dd>{done?.connector ?? 'nobody'}</dd>
      <dt className="text-ink-2">Effect</dt>
      <dd>{inverse === null ? 'What the action did is taken back.' : effectOf(inverse)}</dd>
    </dl>
  )
}

function questionFor(task: Task, action: CardAction): Question {
  const target = targetOf(task)
  switch (action) {
    case 'byHand':
      return {
        title: 'Done by hand?',
        says: 'The task becomes completed. Cordon runs nothing, and the action stays as it is.',
        button: 'Yes, done',
        needsReason: false,
        press: { kind: 'status', value: 'completed' },
      }
    case 'notRelevant':
      return {
        title: 'Not relevant?',
        says: 'The task is closed without an action. It can be opened again.',
        button: 'Not relevant',
        needsReason: true,
        press: { kind: 'status', value: 'notRelevant' },
      }
    case 'reopen':
      return {
        title: 'Open it again?',
        says: 'The task becomes open; what was run stays as it is.',
        button: 'Reopen',
        needsReason: false,
        press: { kind: 'status', value: 'open' },
      }
    case 'cancel':
      return {
        title: 'Cancel the action?',
        says: 'It is taken back while nobody has begun it. If the target has it already, this is refused, and undo takes it back.',
        button: 'Cancel the action',
        needsReason: false,
        press: { kind: 'cancel' },
      }
    case 'undo':
      return {
        title: `Undo on ${target}?`,
        says: 'The target goes back to the state before the action, by a run of its own. A target that another task wants so stays so.',
        button: `Undo on ${target}`,
        needsReason: true,
        press: { kind: 'undo' },
      }
    default:
      return {
        title: 'How did it come out?',
        says: 'Nobody can find the outcome out. What you decide stands as a person’s judgement, with your reason.',
        button: 'Decide',
        needsReason: true,
        press: { kind: 'decide' },
      }
  }
}

function Reason({ value, set, isNeeded }: { value: string; set: (text: string) => void; isNeeded: boolean }) {
  return (
    <label className="mt-3 block">
      Why {isNeeded ? '(required)' : '(optional)'}
      <input
        className="field"
        value={value}
        maxLength={400}
        aria-required={isNeeded}
        onChange={(event) => set(event.target.value)}
        // Enter in a field never runs anything.
        onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
      />
      <span className="text-meta text-ink-2">It becomes a comment on the incident.</span>
    </label>
  )
}

function TypeName({ name, value, set }: { name: string; value: string; set: (text: string) => void }) {
  return (
    <label className="mt-3 block">
      Type <code>{name}</code> to go on
      <input
        className="field font-mono"
        value={value}
        autoCapitalize="off"
        autoComplete="off"
        autoCorrect="off"
        spellCheck={false}
        onChange={(event) => set(event.target.value)}
        onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
      />
    </label>
  )
}

function Footer(props: {
  cancel: React.RefObject<HTMLButtonElement | null>
  onClose: () => void
  problem: unknown
  children: React.ReactNode
}) {
  return (
    <>
      <Refused error={props.problem} />
      <DialogButtons onClose={props.onClose} cancel={props.cancel}>
        {props.children}
      </DialogButtons>
    </>
  )
}
