import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useRef, useState } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import { quote, withOptions } from '../../api/odata.ts'
import { fetchAs } from '../../api/queries.ts'
import { readWith, record, text } from '../../api/read.ts'
import { type Alert, type Incident, incident, pageOf } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { announce } from '../../live/announce.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Link } from '../../parts/link.tsx'
import { DialogButtons, Modal } from '../../parts/modal.tsx'
import { describeFailure, Refused } from '../../parts/states.tsx'
import { TenantChip } from '../../parts/tenant-chip.tsx'
import { incidentPath } from '../../paths.ts'

/** What is regrouped: alerts that go elsewhere, or a whole incident that another one takes up. */
type Subject =
  | { readonly kind: 'move'; readonly alerts: readonly Alert[] }
  | { readonly kind: 'merge'; readonly incident: Incident }

const page = pageOf(incident)
const outcome = record({ targetIncidentId: text })
const root = '/beta/security'

/** Moves alerts to another incident or into one of their own, or merges an incident into another; both with a reason. */
export default function RegroupDialog({ subject: given, onClose }: { subject: Subject; onClose: () => void }) {
  // What was chosen leaves the list below the dialog the moment it has moved.
  const [subject] = useState(given)
  const { api } = useApp()
  const queries = useQueryClient()
  const first = useRef<HTMLInputElement>(null)
  const [isOwn, setOwn] = useState(false)
  const [number, setNumber] = useState('')
  const [reason, setReason] = useState('')
  const target = useTarget(isOwn ? '' : number)
  const send = useMutation({
    mutationFn: async () => {
      const { path, body } = request(subject, target.data?.id ?? null, reason.trim())
      const { targetIncidentId } = readWith(outcome, (await api.call('POST', path, { body })).body)
      return targetIncidentId
    },
    onSuccess: (id) => {
      announce(`Done: it stands in incident ${id} now`)
      for (const key of ['incident', 'alerts', 'alert', 'joins', 'queue']) {
        void queries.invalidateQueries({ queryKey: [key] })
      }
    },
  })
  if (send.data !== undefined) return <Done title={titleOf(subject)} id={send.data} onClose={onClose} />
  const off = send.isPending ? 'Sending …' : findMissing(subject, isOwn, target.data ?? null, reason)
  return (
    <Modal title={titleOf(subject)} onClose={onClose} initialFocus={first} role="alertdialog">
      <TenantChip />
      <p className="mt-2 max-w-[72ch]">{meaningOf(subject)}</p>
      {subject.kind === 'move' ? <OwnChoice isOwn={isOwn} set={setOwn} /> : null}
      <label className="mt-3 block">
        <span className="mb-1 block font-medium">Incident number</span>
        <input
          ref={first}
          className="field w-full"
          inputMode="numeric"
          autoComplete="off"
          value={number}
          disabled={isOwn}
          onChange={(event) => setNumber(event.target.value)}
        />
      </label>
      <p className="mt-1 min-h-5 text-meta text-ink-2">{isOwn ? null : <Target number={number} query={target} />}</p>
      <label className="mt-3 block">
        <span className="mb-1 block font-medium">Reason</span>
        <textarea
          className="field w-full"
          rows={2}
          maxLength={1000}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
      <Refused error={send.error} />
      <DialogButtons onClose={onClose}>
        <Button kind="primary" off={off} onPress={() => send.mutate()}>
          {verbOf(subject)}
        </Button>
      </DialogButtons>
    </Modal>
  )
}

/** What has to be said before it can be sent; null when nothing is missing. */
function findMissing(subject: Subject, isOwn: boolean, target: Incident | null, reason: string): string | null {
  if (!isOwn && target === null) return 'Name the incident.'
  if (!isOwn && target?.id === fromOf(subject)) return 'It stands there already.'
  return reason.trim() === '' ? 'Say why.' : null
}

function OwnChoice({ isOwn, set }: { isOwn: boolean; set: (isOwn: boolean) => void }) {
  return (
    <fieldset className="mt-3 flex flex-wrap gap-x-4 gap-y-1">
      <legend className="mb-1 font-medium">Where to</legend>
      <label className="flex min-h-7 items-center gap-2">
        <input type="radio" name="where" checked={!isOwn} onChange={() => set(false)} />
        another incident
      </label>
      <label className="flex min-h-7 items-center gap-2">
        <input type="radio" name="where" checked={isOwn} onChange={() => set(true)} />
        out of it, into an incident of its own
      </label>
    </fieldset>
  )
}

/** The incident of a number, once it is one; null when there is none. Asked for as a list, in which an absent one is no error. */
function useTarget(number: string) {
  const { api } = useApp()
  const id = number.trim().replace(/^INC-/i, '')
  return useQuery({
    queryKey: ['incident', 'of number', id],
    queryFn: async ({ signal }) => {
      const path = withOptions(`${root}/incidents`, { $filter: `id eq ${quote(id)}`, $top: 1 })
      return (await fetchAs(api, path, page, signal)).value[0] ?? null
    },
    enabled: /^\d{1,18}$/.test(id),
  })
}

function Target({ number, query }: { number: string; query: ReturnType<typeof useTarget> }): ReactNode {
  if (number.trim() === '') return null
  if (query.isError) return describeFailure(query.error)
  if (query.data === undefined) return query.isFetching ? 'Looking …' : 'Not a number of an incident.'
  if (query.data === null) return 'There is no such incident.'
  const { id, displayName, redirectIncidentId } = query.data
  return (
    <>
      INC-{id} <Name>{displayName || 'without a name'}</Name>
      {redirectIncidentId === null ? null : `, merged into INC-${redirectIncidentId}, which takes it up`}
    </>
  )
}

function Done({ title, id, onClose }: { title: string; id: string; onClose: () => void }) {
  const { session } = useApp()
  return (
    <Modal title={title} onClose={onClose}>
      <p className="mt-2">
        Done. It stands in <Link to={incidentPath(session.tenant.id, id)}>INC-{id}</Link> now.
      </p>
      <div className="mt-4 flex justify-end">
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Modal>
  )
}

function request(subject: Subject, target: string | null, reason: string): { path: string; body: unknown } {
  if (subject.kind === 'merge') {
    const body = { incidentIds: [target, subject.incident.id], incidentComment: reason }
    return { path: `${root}/incidents/mergeIncidents`, body }
  }
  const alertIds = subject.alerts.map(({ id }) => id)
  const body = { alertIds, alertComment: reason, ...(target === null ? {} : { incidentId: target }) }
  return { path: `${root}/alerts_v2/moveAlerts`, body }
}

function fromOf(subject: Subject): string | null {
  if (subject.kind === 'merge') return subject.incident.id
  const from = new Set(subject.alerts.map(({ incidentId }) => incidentId))
  return from.size === 1 ? ([...from][0] ?? null) : null
}

function titleOf(subject: Subject): string {
  if (subject.kind === 'merge') return `Merge incident ${subject.incident.id} into another`
  return subject.alerts.length === 1 ? 'Move this alert' : `Move ${subject.alerts.length} alerts`
}

function verbOf(subject: Subject): string {
  if (subject.kind === 'merge') return `Merge incident ${subject.incident.id}`
  return `Move ${writeCount(subject.alerts.length, 'alert', 'alerts')}`
}

function meaningOf(subject: Subject): string {
  return subject.kind === 'merge'
    ? 'Its alerts, tasks and runs go over to the other one. It stays as a pointer there: old links keep working. A merge cannot be taken back as a whole; alerts can be moved out again.'
    : 'Names, severities and counts of both incidents follow. Correlation leaves alone what a person has moved. The reason becomes a comment on the incident they come to.'
}
