import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import { statuses } from '../../../shown/words.ts'
import { withOptions } from '../../api/odata.ts'
import { alertApi, fetchAs, incidentApi, taskApi } from '../../api/queries.ts'
import { listOf, nullable, record, text } from '../../api/read.ts'
import { type Pick, PickList } from '../../keys/pick-list.tsx'
import { announce } from '../../live/announce.tsx'
import { Name, Status } from '../../parts/badges.tsx'
import { Button } from '../../parts/button.tsx'
import { Modal } from '../../parts/modal.tsx'
import { changeOne, type InTenant, keyOf, usePlaces } from './change-one.ts'
import { useEach } from './each.ts'
import { OutcomeRow, Tenants } from './outcome-list.tsx'

/** What a menu is for. */
export interface MenuRow extends InTenant {
  readonly name: string
}

/** What the rows are, and what is chosen for them. */
export interface Menu {
  readonly kind: 'incident' | 'alert' | 'task'
  readonly what: 'assign' | 'status'
  readonly rows: readonly MenuRow[]
}

/** Of each kind: its path in the API, what people may set its status to, and what is read anew when it has changed. */
const kinds = {
  incident: {
    path: incidentApi,
    statuses: ['active', 'inProgress', 'resolved'],
    stale: ['queue', 'queue-count', 'incident'],
  },
  alert: { path: alertApi, statuses: ['new', 'inProgress', 'resolved'], stale: ['alerts', 'alert', 'incident'] },
  task: {
    path: taskApi,
    // What is not relevant says why, on the task itself.
    statuses: ['open', 'inProgress', 'completed', 'failed'],
    stale: ['tasks', 'task', 'executions', 'incident'],
  },
} as const

/** One thing to choose, and what it sets; `mine` is the name the person has in the tenant of the row. */
interface Choice extends Pick {
  readonly bodyFor: (mine: string) => object
}

/**
 * Assigns some rows, or sets their status: nothing is written before something is chosen. Each has its own result; what was refused is named
 * with its reason and can be sent again.
 * @param onDone told when all of them have changed
 */
export default function RowMenu({ menu, onClose, onDone }: { menu: Menu; onClose: () => void; onDone: () => void }) {
  const { kind, what, rows } = menu
  const field = useRef<HTMLInputElement>(null)
  const chosen = useRef<Choice | null>(null)
  const placeOf = usePlaces()
  const queries = useQueryClient()
  const choices = useChoices(menu)
  const { outcomes, isBusy, run } = useEach()
  const refused = rows.filter((row) => outcomes.get(keyOf(row))?.state === 'refused')
  const send = async (choice: Choice, wanted: readonly MenuRow[]): Promise<void> => {
    chosen.current = choice
    const byKey = new Map(wanted.map((row) => [keyOf(row), row]))
    const done = await run([...byKey.keys()], async (key) => {
      const row = byKey.get(key)
      if (row === undefined) return
      const { api, name } = placeOf(row.tenant)
      await changeOne(api, kinds[kind].path(row.id), () => choice.bodyFor(name))
    })
    announce(`${done.length} of ${wanted.length} changed: ${choice.words}`)
    for (const key of kinds[kind].stale) void queries.invalidateQueries({ queryKey: [key] })
    if (done.length === wanted.length) onDone()
  }
  const pick = (id: string): void => {
    const choice = choices.find((one) => one.id === id) ?? (id === typedId ? nameIt(field.current?.value ?? '') : null)
    if (choice !== null) void send(choice, rows)
  }
  const of = rows.length === 1 ? `${kind} ${rows[0]?.id ?? ''}` : writeCount(rows.length, kind, `${kind}s`)
  return (
    <Modal title={what === 'assign' ? `Assign ${of}` : `Status of ${of}`} onClose={onClose} initialFocus={field}>
      <Tenants rows={rows} />
      {kind === 'task' ? (
        <p className="text-meta">“Not relevant” needs a reason: the task itself asks for it.</p>
      ) : null}
      {outcomes.size === 0 ? (
        <PickList
          name="menu"
          field={field}
          label={what === 'assign' ? 'Owner' : 'Status'}
          labels={what === 'assign' ? 'Owners' : 'Statuses'}
          nothing="None is called that."
          picks={choices}
          {...(what === 'assign' ? { makePick: nameIt } : {})}
          onPick={pick}
        />
      ) : (
        <>
          <ul className="mt-3 max-h-[40vh] space-y-1 overflow-y-auto rounded-box bg-sunken p-3" aria-label="Results">
            {rows.map((row) => (
              <OutcomeRow
                key={keyOf(row)}
                id={row.id}
                name={row.name}
                outcome={outcomes.get(keyOf(row))}
                isIn
                toggle={null}
              />
            ))}
          </ul>
          <Footer
            isBusy={isBusy}
            refused={refused.length}
            retry={() => void (chosen.current !== null && send(chosen.current, refused))}
            onClose={onClose}
          />
        </>
      )}
    </Modal>
  )
}

function Footer(props: { isBusy: boolean; refused: number; retry: () => void; onClose: () => void }) {
  const { isBusy, refused, retry, onClose } = props
  return (
    <div className="mt-4 flex flex-wrap justify-end gap-2">
      {refused === 0 ? null : (
        <Button off={isBusy ? 'Sending …' : null} onPress={retry}>{`Retry ${refused} failed`}</Button>
      )}
      <button type="button" className="button" onClick={onClose}>
        Close
      </button>
    </div>
  )
}

const owners = record({ value: listOf(record({ value: nullable(text) })) })
/** The wire's word for whoever the expert works for. */
const customer = 'Customer'
const typedId = 'typed'

function nameIt(letters: string): Choice {
  const name = letters.trim()
  return {
    id: typedId,
    words: name,
    shown: (
      <span>
        Assign to <Name>{name}</Name>
      </span>
    ),
    bodyFor: () => ({ assignedTo: name }),
  }
}

/** What is offered. Owners are those who have incidents of the tenant; of several tenants nobody is known to be in all. */
function useChoices({ kind, what, rows }: Menu): readonly Choice[] {
  const placeOf = usePlaces()
  const tenants = new Set(rows.map(({ tenant }) => tenant))
  const [tenant = ''] = tenants
  const { api, name: mine } = placeOf(tenant)
  const { data } = useQuery({
    queryKey: ['facet', tenant, 'owners'],
    enabled: what === 'assign' && tenants.size === 1,
    queryFn: async ({ signal }) =>
      (await fetchAs(api, withOptions('/api/v1/facets/incidents/assignedTo', {}), owners, signal)).value,
  })
  if (what === 'status') {
    return kinds[kind].statuses.map((value) => ({
      id: value,
      words: `${statuses[value]?.word ?? value} ${value}`,
      shown: <Status value={value} />,
      bodyFor: () => ({ status: value }),
    }))
  }
  const others = (data ?? []).flatMap(({ value }) =>
    value === null || value === mine || value === customer ? [] : [value],
  )
  return [
    {
      id: 'me',
      words: `Me ${mine}`,
      shown: tenants.size === 1 ? <Mine name={mine} /> : 'Me',
      bodyFor: (own) => ({ assignedTo: own }),
    },
    { id: 'nobody', words: 'Nobody', shown: 'Nobody', bodyFor: () => ({ assignedTo: null }) },
    { id: 'customer', words: customer, shown: customer, bodyFor: () => ({ assignedTo: customer }) },
    ...others.map((name, index) => ({
      id: String(index),
      words: name,
      shown: <Name>{name}</Name>,
      bodyFor: () => ({ assignedTo: name }),
    })),
  ]
}

function Mine({ name }: { name: string }) {
  return (
    <span>
      Me (<Name>{name}</Name>)
    </span>
  )
}
