import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { type ActionType, actionKinds } from '../../../../model/actions.ts'
import { verbOf } from '../../../shown/words.ts'
import { useIncidentAlerts } from '../../api/queries.ts'
import type { Incident } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { announce } from '../../live/announce.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { describeEvidence } from '../../parts/evidence-text.ts'
import { Modal } from '../../parts/modal.tsx'
import { describeFailure } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'
import { CustomerView } from './customer-view.tsx'
import { type About, bodyOf, type Draft, kindsOf, listActions, namesTarget, urgencyOf, whyOff } from './draft.ts'
import { DryRunBox } from './dry-run.tsx'
import { ProposeFields } from './fields.tsx'
import { type DryRun, type Proposal, useDryRun } from './proposal-query.ts'

const guided = 'defenderExpertsGuidedResponse'
const asManaged = 'defenderExpertsManagedResponse'

/**
 * J2 and J3: an expert proposes a task, about a thing of the story or about any, or runs it as managed response. What would happen is asked
 * while they write; sending never waits for that.
 */
export default function ProposeDialog(props: { incident: Incident; about?: About | undefined; onClose: () => void }) {
  const { incident, about, onClose } = props
  const actions = listActions(about)
  const first = actions.includes('isolateDevice') ? 'isolateDevice' : (actions[0] ?? 'text')
  const [typed, setTyped] = useState<Draft>({
    actionType: first,
    target: about?.name ?? '',
    title: '',
    why: '',
    urgency: urgencyOf(incident.severity),
  })
  const names = useTargets(incident.id, typed.actionType)
  const target = typed.target || names[0] || ''
  const title = typed.title || (typed.actionType === 'text' ? '' : `${verbOf(typed.actionType)} ${target}`)
  const draft = { ...typed, target, title }
  const dryRun = useDryRun(incident.id, draft)
  const send = useProposal(incident.id, draft, onClose)
  const off = send.isPending ? 'Sending …' : whyOff(draft)
  return (
    <Modal title="Propose a task" onClose={onClose}>
      <TenantChip />
      <ProposeFields draft={draft} names={names} actions={actions} change={(part) => setTyped({ ...typed, ...part })} />
      {namesTarget(draft) ? <DryRunBox dryRun={dryRun} /> : null}
      <CustomerView draft={draft} incident={incident} proposal={dryRun.proposal} />
      <div className="sticky -bottom-5 -mx-5 mt-4 -mb-5 border-t border-line bg-surface px-5 py-3">
        {send.isError ? (
          <p role="alert" className="mb-2 text-danger">
            {describeFailure(send.error)}
          </p>
        ) : null}
        <HandOver incident={incident} />
        <div className="mt-2 flex flex-wrap gap-2">
          <Button kind="primary" off={off} onPress={() => send.mutate(guided)}>
            Send to customer
          </Button>
          {namesTarget(draft) ? (
            <ManagedButton draft={draft} dryRun={dryRun} off={off} send={(source) => send.mutate(source)} />
          ) : null}
        </div>
      </div>
    </Modal>
  )
}

/** What sending does to the incident itself. */
function HandOver({ incident }: { incident: Incident }) {
  const { status, assignedTo } = incident
  if (status === 'awaitingAction') {
    return (
      <p className="text-meta text-ink-2">
        The incident awaits action already and stays with {assignedTo === null ? 'nobody' : <Name>{assignedTo}</Name>}.
      </p>
    )
  }
  return (
    <p className="text-meta text-ink-2">
      Sent to the customer, the incident awaits action and is assigned to Customer;{' '}
      {assignedTo === null ? 'nobody' : <Name>{assignedTo}</Name>} has it again when nothing waits any more.
    </p>
  )
}

/** The way to act without asking; where the customer's word is missing, the way to ask stands in its place and says why. */
function ManagedButton(props: { draft: Draft; dryRun: DryRun; off: string | null; send: (source: string) => void }) {
  const { draft, dryRun, off, send } = props
  const { session } = useApp()
  const { proposal, error } = dryRun
  if (proposal === null) {
    if (draft.target.trim() === '') return null
    return (
      <span className="self-center text-meta text-ink-2">
        {error ? 'Whether you may run it yourself is not known.' : 'Asking whether you may run it yourself …'}
      </span>
    )
  }
  return proposal.managed.allowed ? (
    <Button kind="danger" off={off} onPress={() => send(asManaged)}>
      Run now as managed response
    </Button>
  ) : (
    <Button off={off} onPress={() => send(guided)}>
      {`Send as guided: ${describeWithheld(proposal, draft, session.tenant.name)}`}
    </Button>
  )
}

function describeWithheld({ managed, target }: Proposal, draft: Draft, tenant: string): string {
  const name = target?.displayName ?? draft.target
  switch (managed.by) {
    case 'excluded':
      return `${name} is excluded by ${tenant}${managed.since === null ? '' : ` since ${managed.since.slice(0, 10)}`}`
    case 'paused':
      return `${tenant} has paused managed response`
    case 'noConsent':
      return `${tenant} wants to be asked about this action on ${name}`
    case 'otherExperts':
      return `${tenant} lets other experts do this`
    case 'otherHours':
      return `${tenant} lets experts do this at other hours`
    case 'cannotRun':
      return 'Cordon cannot run this here'
    default:
      return managed.reason
  }
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
      api.call('POST', '/beta/security/incidentTasks', { body: bodyOf(draft, incidentId, source) }),
    onSuccess: async (_answer, source) => {
      announce(source === guided ? 'Sent to the customer' : 'Handed over to be run')
      await queries.invalidateQueries({ queryKey: ['tasks'] })
      await queries.invalidateQueries({ queryKey: ['incident', incidentId] })
      onDone()
    },
  })
}
