import { useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import { incidentApi } from '../../api/queries.ts'
import { readWith } from '../../api/read.ts'
import { incident } from '../../api/wire.ts'
import { announce } from '../../live/announce.tsx'
import { Button } from '../../parts/button.tsx'
import { Modal } from '../../parts/modal.tsx'
import { classifications, determinations } from '../incident/judgements.ts'
import type { QueueRow } from '../queue/queue-query.ts'
import { changeOne, keyOf, usePlaces } from './change-one.ts'
import { useEach } from './each.ts'
import { OutcomeRow, Tenants } from './outcome-list.tsx'

/** What is changed; empty for what stays. */
interface Change {
  readonly status: string
  readonly classification: string
  readonly determination: string
  readonly assignedTo: string
  /** Whoever presses it is a person of each tenant, under the name they have there. */
  readonly isMine: boolean
  readonly tag: string
}

const nothing: Change = { status: '', classification: '', determination: '', assignedTo: '', isMine: false, tag: '' }

/** What is chosen of given values. */
const choices = [
  ['status', 'Status', ['active', 'inProgress', 'resolved']],
  ['classification', 'Classification', classifications],
  ['determination', 'Determination', determinations],
] as const

/** Changes several incidents at once: status, what they were found to be, owner, a tag more. Each has its own result; what was refused can be sent again. */
export default function ChangeIncidentsDialog({ rows, onClose }: { rows: readonly QueueRow[]; onClose: () => void }) {
  const placeOf = usePlaces()
  const queries = useQueryClient()
  const first = useRef<HTMLSelectElement>(null)
  const [without, setWithout] = useState<ReadonlySet<string>>(new Set())
  const [change, setChange] = useState<Change>(nothing)
  const { outcomes, isBusy, run } = useEach()
  const chosen = rows.filter((row) => !without.has(keyOf(row)))
  const refused = rows.filter((row) => outcomes.get(keyOf(row))?.state === 'refused')
  const hasBegun = outcomes.size > 0
  const send = async (wanted: readonly QueueRow[]): Promise<void> => {
    const byKey = new Map(wanted.map((row) => [keyOf(row), row]))
    const done = await run([...byKey.keys()], async (key) => {
      const row = byKey.get(key)
      if (row === undefined) return
      const { api, name } = placeOf(row.tenant)
      const own = change.isMine ? { ...change, assignedTo: name } : change
      // The tags that are there meanwhile stay.
      await changeOne(api, incidentApi(row.id), (now) => bodyOf(own, readWith(incident, now).customTags))
    })
    announce(`${done.length} of ${wanted.length} changed`)
    for (const key of ['queue', 'queue-count', 'incident']) void queries.invalidateQueries({ queryKey: [key] })
  }
  const isEmpty = !change.isMine && Object.keys(bodyOf(change, [])).length === 0
  const off = isBusy ? 'Sending …' : isEmpty ? 'Nothing is changed.' : chosen.length === 0 ? 'None is left.' : null
  const done = [...outcomes.values()].filter(({ state }) => state === 'sent').length
  return (
    <Modal
      title={
        hasBegun ? `${done}/${outcomes.size} changed` : `Change ${writeCount(rows.length, 'incident', 'incidents')}`
      }
      onClose={onClose}
      initialFocus={first}
    >
      <Tenants rows={rows} />
      {hasBegun ? null : <Fields change={change} set={setChange} first={first} />}
      <ul className="mt-3 max-h-[40vh] space-y-1 overflow-y-auto rounded-box bg-sunken p-3" aria-label="Incidents">
        {rows.map((row) => (
          <OutcomeRow
            key={keyOf(row)}
            id={row.id}
            name={row.displayName ?? ''}
            outcome={outcomes.get(keyOf(row))}
            isIn={!without.has(keyOf(row))}
            toggle={hasBegun ? null : () => setWithout(toggled(without, keyOf(row)))}
          />
        ))}
      </ul>
      <div className="mt-4 flex flex-wrap justify-end gap-2">
        {hasBegun ? null : (
          <Button kind="primary" off={off} onPress={() => void send(chosen)}>
            {`Change ${chosen.length}`}
          </Button>
        )}
        {refused.length === 0 ? null : (
          <Button off={isBusy ? 'Sending …' : null} onPress={() => void send(refused)}>
            {`Retry ${refused.length} failed`}
          </Button>
        )}
        <button type="button" className="button" onClick={onClose}>
          {hasBegun ? 'Close' : 'Not now'}
        </button>
      </div>
    </Modal>
  )
}

function bodyOf(change: Change, tags: readonly string[]): object {
  const { assignedTo, tag } = change
  const chosen = choices.map(([field]) => [field, change[field]]).filter(([, value]) => value !== '')
  return {
    ...Object.fromEntries(chosen),
    ...(assignedTo.trim() === '' ? {} : { assignedTo: assignedTo.trim() }),
    ...(tag.trim() === '' ? {} : { customTags: [...new Set([...tags, tag.trim()])] }),
  }
}

function toggled(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return new Set(ids.has(id) ? [...ids].filter((one) => one !== id) : [...ids, id])
}

function Fields(props: {
  change: Change
  set: (change: Change) => void
  first: React.RefObject<HTMLSelectElement | null>
}) {
  const { change, set, first } = props
  return (
    <div className="mt-3 space-y-3">
      {choices.map(([field, label, values]) => (
        <label key={field} className="block">
          {label}
          <select
            ref={field === 'status' ? first : null}
            className="field"
            value={change[field]}
            onChange={(event) => set({ ...change, [field]: event.target.value })}
          >
            <option value="">as it is</option>
            {values.map((value) => (
              <option key={value}>{value}</option>
            ))}
          </select>
        </label>
      ))}
      {change.isMine ? null : (
        <Text label="Owner" value={change.assignedTo} set={(assignedTo) => set({ ...change, assignedTo })} />
      )}
      <button
        type="button"
        className="button"
        aria-pressed={change.isMine}
        onClick={() => set({ ...change, isMine: !change.isMine })}
      >
        {change.isMine ? '✓ ' : ''}Assign to me
      </button>
      <Text label="Tag to add" value={change.tag} set={(tag) => set({ ...change, tag })} />
    </div>
  )
}

function Text({ label, value, set }: { label: string; value: string; set: (text: string) => void }) {
  return (
    <label className="block">
      {label}
      <input className="field" value={value} maxLength={256} onChange={(event) => set(event.target.value)} />
    </label>
  )
}
