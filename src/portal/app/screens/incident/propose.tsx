import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { type ActionType, actionKinds, actionTypes } from '../../../../model/actions.ts'
import { useIncidentAlerts } from '../../api/queries.ts'
import type { Incident } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Button } from '../../parts/button.tsx'
import { describeEvidence } from '../../parts/evidence-text.ts'
import { Modal } from '../../parts/modal.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'
import { verbOf } from '../task/verbs.ts'

const kindsOf: Readonly<Record<string, readonly string[]>> = {
  device: ['device'],
  user: ['user'],
  file: ['file', 'process'],
  message: ['analyzedMessage'],
  indicator: ['ip', 'url', 'file'],
}
const minWhyLetters = 20

/** What stands in the form. */
interface Draft {
  readonly actionType: ActionType
  readonly target: string
  readonly title: string
  readonly why: string
}

/** What a task is proposed about: a thing that alerts name. */
export interface About {
  /** Kind of evidence, `device`. */
  readonly kind: string
  readonly name: string
}

/** The actions that can act on such a thing, `text` for people last. */
function listActions(about: About | undefined): readonly ActionType[] {
  if (about === undefined) return actionTypes
  const fitting = actionTypes.filter((type) => kindsOf[actionKinds[type].targetKind]?.includes(about.kind) === true)
  return [...fitting, 'text']
}

/**
 * J2: an expert proposes a task, about a thing of the story or about any. Cordon says at once whether it could run here; sending never
 * waits for that.
 */
export default function ProposeDialog(props: { incident: Incident; about?: About | undefined; onClose: () => void }) {
  const { incident, about, onClose } = props
  const actions = listActions(about)
  const first = actions.includes('isolateDevice') ? 'isolateDevice' : (actions[0] ?? 'text')
  const [typed, setTyped] = useState<Draft>({ actionType: first, target: about?.name ?? '', title: '', why: '' })
  const names = useTargets(incident.id, typed.actionType)
  const target = typed.target || names[0] || ''
  const title = typed.title || (typed.actionType === 'text' ? '' : `${verbOf(typed.actionType)} ${target}`)
  const draft = { ...typed, target, title }
  const send = useProposal(incident.id, draft, onClose)
  const off = send.isPending ? 'Sending …' : whyOff(draft)
  return (
    <Modal title="Propose a task" onClose={onClose}>
      <TenantChip />
      <Form draft={draft} names={names} actions={actions} change={(part) => setTyped({ ...typed, ...part })} />
      {send.isError ? (
        <p role="alert" className="mt-3 text-danger">
          {describeFailure(send.error)}
        </p>
      ) : null}
      <p className="mt-3 text-meta text-ink-2">
        The customer sees the title, the target and your words, and whether it can run here. The incident then awaits
        action.
      </p>
      <div className="mt-3 flex flex-wrap justify-end gap-2">
        <Button kind="primary" off={off} onPress={() => send.mutate('defenderExpertsGuidedResponse')}>
          Send to customer
        </Button>
        {draft.actionType === 'text' ? null : (
          <Button off={off} onPress={() => send.mutate('defenderExpertsManagedResponse')}>
            Run as managed response
          </Button>
        )}
      </div>
    </Modal>
  )
}

/** What the alerts name that an action of this type could act on. */
function useTargets(incidentId: string, actionType: ActionType): readonly string[] {
  const alerts = useIncidentAlerts(incidentId)
  const wanted = kindsOf[actionKinds[actionType].targetKind] ?? []
  const lines = (alerts.data?.value ?? []).flatMap((alert) => alert.evidence.map(describeEvidence))
  return [...new Set(lines.filter(({ kind }) => wanted.includes(kind)).map(({ name }) => name))]
}

function useProposal(incidentId: string, draft: Draft, onDone: () => void) {
  const { api } = useApp()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (source: string) =>
      api.call('POST', '/beta/security/incidentTasks', {
        body: {
          displayName: draft.title,
          description: draft.why.trim(),
          actionType: draft.actionType,
          source,
          incident: { id: incidentId },
          ...responseOf(draft.actionType, draft.target),
        },
      }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['tasks'] })
      await queries.invalidateQueries({ queryKey: ['incident', incidentId] })
      onDone()
    },
  })
}

function Form(props: {
  draft: Draft
  names: readonly string[]
  actions: readonly ActionType[]
  change: (part: Partial<Draft>) => void
}) {
  const { draft, names, actions, change } = props
  return (
    <div className="mt-3 space-y-3">
      <label className="block">
        Action
        <select
          className="field"
          value={draft.actionType}
          onChange={(event) => change({ actionType: actionTypes.find((one) => one === event.target.value) ?? 'text' })}
        >
          {actions.map((type) => (
            <option key={type} value={type}>
              {type === 'text' ? 'For people (text)' : verbOf(type)}
            </option>
          ))}
        </select>
      </label>
      {actionKinds[draft.actionType].responseActionType === null ? null : (
        <Target value={draft.target} names={names} set={(target) => change({ target })} />
      )}
      <label className="block">
        Title
        <input className="field" value={draft.title} onChange={(event) => change({ title: event.target.value })} />
      </label>
      <label className="block">
        Why (required)
        <textarea
          className="field"
          rows={3}
          value={draft.why}
          onChange={(event) => change({ why: event.target.value })}
        />
      </label>
    </div>
  )
}

function whyOff({ actionType, target, title, why }: Draft): string | null {
  if (actionKinds[actionType].responseActionType !== null && target.trim() === '') return 'Name the target.'
  if (title.trim() === '') return 'Give it a title.'
  return why.trim().length < minWhyLetters ? `Say why, in at least ${minWhyLetters} letters.` : null
}

function responseOf(actionType: ActionType, identifierValue: string): Readonly<Record<string, unknown>> {
  const { responseActionType } = actionKinds[actionType]
  if (responseActionType === null) return {}
  const type = { '@odata.type': `#microsoft.graph.security.${responseActionType}`, identifierValue }
  return { responseAction: actionType === 'isolateDevice' ? { ...type, isolationType: 'full' } : type }
}

function Target({ value, names, set }: { value: string; names: readonly string[]; set: (name: string) => void }) {
  return (
    <label className="block">
      Target
      <input
        className="field font-mono"
        list="known-targets"
        value={value}
        onChange={(event) => set(event.target.value)}
      />
      <datalist id="known-targets">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  )
}
