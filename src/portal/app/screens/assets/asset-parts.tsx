import type { ReactNode } from 'react'
import { verbOf } from '../../../shown/words.ts'
import { useApp } from '../../frame/app.tsx'
import { Badge, Name, Severity, Status } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath, runPath, taskPath } from '../../paths.ts'
import { runTones } from '../task/runs.tsx'
import type { Asset, AssetIncident, AssetRun, AssetTask } from './asset-query.ts'
import { ContainmentLines } from './containment.tsx'

/** What there is to know of an asset beside what it is: what holds it, its tasks, the runs on it, its incidents. */
export function AssetParts({ asset, children }: { asset: Asset; children?: ReactNode }) {
  const { contained, tasks, runs, incidents, more } = asset
  return (
    <>
      <section className="box space-y-1 p-4" aria-label="Right now">
        <h2>Right now</h2>
        <ContainmentLines contained={contained} />
      </section>
      {children}
      <Part name="Tasks about it" none="No task names it." items={tasks} show={(one) => <TaskLine task={one} />} />
      <Part name="Runs about it" none="Nothing was run on it." items={runs} show={(one) => <RunLine run={one} />} />
      <Part
        name="Incidents"
        none="No incident has it in an alert or a task."
        items={incidents}
        show={(one) => <IncidentLine incident={one} />}
      />
      {more ? <p className="text-meta text-ink-2">There is more: these are the newest 50 of each.</p> : null}
    </>
  )
}

function Part<T extends { readonly id: string }>(props: {
  name: string
  none: string
  items: readonly T[]
  show: (item: T) => ReactNode
}) {
  const { name, none, items, show } = props
  return (
    <section className="space-y-1" aria-label={name}>
      <h2>{name}</h2>
      {items.length === 0 ? <p className="text-ink-2">{none}</p> : null}
      <ul className="space-y-1">
        {items.map((item) => (
          <li key={item.id} className="box flex flex-wrap items-center gap-2 p-2">
            {show(item)}
          </li>
        ))}
      </ul>
    </section>
  )
}

function TaskLine({ task }: { task: AssetTask }) {
  const { session } = useApp()
  const { id, incidentId, displayName, status, actionStatus, createdDateTime } = task
  return (
    <>
      <Link to={taskPath(session.tenant.id, { id, incident: { id: incidentId } })} className="alone font-medium">
        <Name>{displayName}</Name>
      </Link>
      <Status value={status} of="Task" />
      <Status value={actionStatus} of="Action" />
      <span className="text-meta text-ink-2">
        of incident {incidentId}, proposed <Time at={createdDateTime} />
      </span>
    </>
  )
}

function RunLine({ run }: { run: AssetRun }) {
  const { session } = useApp()
  const { id, kind, actionType, state, reason, by, target, requestedAt, holds } = run
  return (
    <>
      <span data-run-id={id} data-run-state={state} className="flex flex-wrap items-center gap-2">
        <Link to={runPath(session.tenant.id, id)} className="alone gap-1">
          {kind === 'undo' ? 'Undo: ' : ''}
          {verbOf(actionType)} <Name>{target}</Name>
        </Link>
        <Badge tone={runTones[state] ?? 'low'}>{state}</Badge>
        {holds ? <Badge>in effect</Badge> : null}
      </span>
      <span className="text-meta text-ink-2">
        by <Name>{by}</Name> <Time at={requestedAt} />
      </span>
      {reason === null ? null : (
        <span className="w-full">
          <Name>{reason}</Name>
        </span>
      )}
    </>
  )
}

function IncidentLine({ incident }: { incident: AssetIncident }) {
  const { session } = useApp()
  const { id, displayName, severity, status, createdDateTime } = incident
  return (
    <>
      <Link to={incidentPath(session.tenant.id, id)} className="alone gap-1">
        INC-{id} <Name>{displayName ?? ''}</Name>
      </Link>
      <Severity value={severity} />
      <Status value={status} />
      <span className="text-meta text-ink-2">
        opened <Time at={createdDateTime} />
      </span>
    </>
  )
}
