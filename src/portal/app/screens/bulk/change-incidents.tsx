import { useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import type { Api } from '../../api/client.ts'
import { incidentApi } from '../../api/queries.ts'
import { readWith } from '../../api/read.ts'
import { incident } from '../../api/wire.ts'
import { useRealm } from '../../frame/app.tsx'
import { findPlace } from '../../frame/realm.ts'
import { announce } from '../../live/announce.tsx'
import { Name } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Modal } from '../../parts/modal.tsx'
import { TenantBadge } from '../../parts/tenant-chip.tsx'
import type { QueueRow } from '../queue/queue-query.ts'
import { useEach } from './each.ts'

/** What is changed; empty for what stays. */
interface Change {
  readonly status: string
  readonly assignedTo: string
  /** Whoever presses it is a person of each tenant, under the name they have there. */
  readonly isMine: boolean
  readonly tag: string
}

const statuses = ['active', 'inProgress', 'resolved']

/** Changes several incidents at once: status, owner, a tag more. Each has its own result; what was refused can be sent again. */
export default function ChangeIncidentsDialog({ rows, onClose }: { rows: readonly QueueRow[]; onClose: () => void }) {
  const placeOf = usePlaces()
  const queries = useQueryClient()
  const first = useRef<HTMLSelectElement>(null)
  const [without, setWithout] = useState<ReadonlySet<string>>(new Set())
  const [change, setChange] = useState<Change>({
    status: '',
    assignedTo: '',
    isMine: false,
    tag: '',
  })
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
      await changeOne(api, row.id, change.isMine ? { ...change, assignedTo: name } : change)
    })
    announce(`${done.length} of ${wanted.length} changed`)
    for (const key of ['queue', 'queue-count', 'incident']) void queries.invalidateQueries({ queryKey: [key] })
  }
  const isEmpty = change.status === '' && !change.isMine && change.assignedTo.trim() === '' && change.tag.trim() === ''
  const off = isBusy ? 'Sending …' : isEmpty ? 'Nothing is changed.' : chosen.length === 0 ? 'None is left.' : null
  const done = [...outcomes.values()].filter(({ state }) => state === 'sent').length
  return (
    <Modal
      title={hasBegun ? `${done}/${outcomes.size} changed` : `Change ${rows.length} incidents`}
      onClose={onClose}
      initialFocus={first}
    >
      <Tenants rows={rows} />
      {hasBegun ? null : <Fields change={change} set={setChange} first={first} />}
      <ul className="mt-3 max-h-[40vh] space-y-1 overflow-y-auto rounded-box bg-sunken p-3" aria-label="Incidents">
        {rows.map((row) => (
          <Row
            key={keyOf(row)}
            row={row}
            says={describe(outcomes.get(keyOf(row)))}
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

/** Two tenants may have an incident of the same number. */
function keyOf({ tenant, id }: QueueRow): string {
  return `${tenant}/${id}`
}

/** The API of a tenant, and the name the person has there. */
function usePlaces(): (tenant: string) => { readonly api: Api; readonly name: string } {
  const realm = useRealm()
  return (tenant) => {
    const place = findPlace(realm, tenant) ?? realm.home
    return { api: realm.apiOf(place), name: place.user.name }
  }
}

/** Every tenant that something is changed in. */
function Tenants({ rows }: { rows: readonly QueueRow[] }) {
  const { places } = useRealm()
  const concerned = places.filter(({ tenant }) => rows.some((row) => row.tenant === tenant.id))
  return (
    <p className="my-2 flex flex-wrap gap-2 text-meta text-ink-2">
      {concerned.length === 1 ? 'Tenant' : 'Tenants'}
      {concerned.map(({ tenant }) => (
        <TenantBadge key={tenant.id} tenant={tenant} />
      ))}
    </p>
  )
}

/** As it is now and not as the list shows it: the tags of others stay, and nothing is written over. */
async function changeOne(api: Api, id: string, change: Change): Promise<void> {
  const { body, etag } = await api.call('GET', incidentApi(id))
  const { customTags } = readWith(incident, body)
  const headers: Record<string, string> = etag === null ? {} : { 'If-Match': etag }
  await api.call('PATCH', incidentApi(id), { body: bodyOf(change, customTags), headers })
}

function bodyOf({ status, assignedTo, tag }: Change, tags: readonly string[]): object {
  return {
    ...(status === '' ? {} : { status }),
    ...(assignedTo.trim() === '' ? {} : { assignedTo: assignedTo.trim() }),
    ...(tag.trim() === '' ? {} : { customTags: [...new Set([...tags, tag.trim()])] }),
  }
}

function toggled(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return new Set(ids.has(id) ? [...ids].filter((one) => one !== id) : [...ids, id])
}

function describe(outcome: { readonly state: string; readonly reason: string } | undefined): string {
  if (outcome === undefined) return ''
  return { waiting: 'sending …', sent: 'changed' }[outcome.state] ?? outcome.reason
}

function Fields(props: {
  change: Change
  set: (change: Change) => void
  first: React.RefObject<HTMLSelectElement | null>
}) {
  const { change, set, first } = props
  return (
    <div className="mt-3 space-y-3">
      <label className="block">
        Status
        <select
          ref={first}
          className="field"
          value={change.status}
          onChange={(event) => set({ ...change, status: event.target.value })}
        >
          <option value="">as it is</option>
          {statuses.map((status) => (
            <option key={status}>{status}</option>
          ))}
        </select>
      </label>
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

function Row(props: { row: QueueRow; says: string; isIn: boolean; toggle: (() => void) | null }) {
  const { row, says, isIn, toggle } = props
  return (
    <li data-bulk-id={row.id} className="flex flex-wrap items-baseline gap-2">
      {toggle === null ? null : (
        <input type="checkbox" className="size-6" aria-label={`Include ${row.id}`} checked={isIn} onChange={toggle} />
      )}
      <code>{row.id}</code> <Name>{row.displayName ?? ''}</Name>
      <span className="text-meta text-ink-2">{says}</span>
    </li>
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
