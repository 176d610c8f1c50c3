import { lazy, Suspense, useState } from 'react'
import { useIncident } from '../../api/queries.ts'
import { useApp } from '../../frame/app.tsx'
import { Button } from '../../parts/button.tsx'
import { Failure } from '../../parts/states.tsx'
import type { Asset } from './asset-query.ts'

const ProposeDialog = lazy(() => import('../propose/propose.tsx'))

/** An action is proposed on an incident: one of those that the asset is part of. The form has only what can act on such a thing. */
export function ProposeAbout({ asset }: { asset: Asset }) {
  const { isAuditor, may } = useApp()
  const open = asset.incidents.filter(({ status }) => status !== 'redirected')
  const [chosen, choose] = useState<string | null>(null)
  const [isOpen, setOpen] = useState(false)
  if (isAuditor) return null
  const incidentId = chosen ?? open[0]?.id ?? null
  const off = whyOff(may('Cordon.Expert'), incidentId)
  // A mailbox is cut off with the account of its address.
  const kind = asset.kind === 'mailbox' ? 'user' : asset.kind
  return (
    <section className="box space-y-2 p-4" aria-label="Actions">
      <h2>Actions</h2>
      {asset.kind === 'mailbox' ? <p>They act on the account of this address.</p> : null}
      {open.length > 1 ? (
        <label className="block max-w-96">
          For the incident
          <select className="field" value={incidentId ?? ''} onChange={(event) => choose(event.target.value)}>
            {open.map(({ id, displayName }) => (
              <option key={id} value={id}>
                {`INC-${id} ${displayName ?? ''}`}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      <Button kind="primary" off={off} onPress={() => setOpen(true)}>
        Propose an action
      </Button>
      {isOpen && incidentId !== null ? (
        <Dialog incidentId={incidentId} about={{ kind, name: asset.name }} onClose={() => setOpen(false)} />
      ) : null}
    </section>
  )
}

function whyOff(isExpert: boolean, incidentId: string | null): string | null {
  if (!isExpert) return 'Only experts propose actions: it needs Cordon.Expert, which an admin gives.'
  return incidentId === null ? 'An action belongs to an incident, and none has this in it.' : null
}

function Dialog(props: { incidentId: string; about: { kind: string; name: string }; onClose: () => void }) {
  const { incidentId, about, onClose } = props
  const incident = useIncident(incidentId)
  if (incident.isError) return <Failure error={incident.error} retry={() => void incident.refetch()} />
  if (incident.data === undefined) return null
  return (
    <Suspense fallback={null}>
      <ProposeDialog incident={incident.data.it} about={about} onClose={onClose} />
    </Suspense>
  )
}
