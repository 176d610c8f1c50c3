import { writeCount } from '../../../shown/count-text.ts'
import { verbOf } from '../../../shown/words.ts'
import { useIncident, useIncidentAlerts, useIncidentTasks } from '../../api/queries.ts'
import type { Incident } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { Badge, Name, Severity, Status } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath, taskPath } from '../../paths.ts'
import { targetOf } from '../task/verbs.ts'
import { useDeviceNames } from '../tasks/device-names.ts'
import { TargetName } from '../tasks/target-name.tsx'
import { RowPanel } from './row-panel.tsx'

/** So many tasks and alerts are named. */
const named = 6

/** What an incident is about, beside the list: enough to decide whether to open it. */
export default function IncidentPreview({ id, row }: { id: string; row: string }) {
  return (
    <RowPanel row={row} of={useIncident(id)}>
      {({ it }) => (
        <>
          <Facts incident={it} />
          <Tasks id={id} />
          <Alerts id={id} />
        </>
      )}
    </RowPanel>
  )
}

function Facts({ incident }: { incident: Incident }) {
  const { session } = useApp()
  const words = incident.summary || incident.description
  return (
    <section className="mt-2 space-y-2">
      <h3>
        <Link to={incidentPath(session.tenant.id, incident.id)} className="alone">
          <Name>{incident.displayName || `Incident ${incident.id}`}</Name>
        </Link>
      </h3>
      <p className="flex flex-wrap items-center gap-2 text-meta text-ink-2">
        <code>INC-{incident.id}</code>
        <Severity value={incident.severity} />
        <Status value={incident.status} />
        {incident.customTags.map((tag) => (
          <Badge key={tag}>
            <Name>{tag}</Name>
          </Badge>
        ))}
      </p>
      <p className="text-meta text-ink-2">
        {incident.assignedTo ? <Name>{incident.assignedTo}</Name> : 'no owner'}, opened{' '}
        <Time at={incident.createdDateTime} />, changed <Time at={incident.lastUpdateDateTime} />
      </p>
      <p className="whitespace-pre-wrap">{words ? <Name>{words}</Name> : 'Nobody has written a summary yet.'}</p>
    </section>
  )
}

function Tasks({ id }: { id: string }) {
  const { session } = useApp()
  const { data = [] } = useIncidentTasks(id)
  const tasks = data.slice(0, named)
  const { data: deviceNames } = useDeviceNames(tasks)
  return (
    <section className="mt-4">
      <h3>{writeCount(data.length, 'task', 'tasks')}</h3>
      <ul className="mt-1 space-y-2">
        {tasks.map((task) => (
          <li key={task.id} data-task-id={task.id} data-status={task.status} data-action-status={task.actionStatus}>
            <Link to={taskPath(session.tenant.id, task)}>
              <Name>{task.displayName}</Name>
            </Link>{' '}
            <span className="text-meta text-ink-2">
              {task.actionType === 'text' ? 'for people' : verbOf(task.actionType)}{' '}
              <TargetName target={targetOf(task)} deviceName={deviceNames?.get(targetOf(task))} />
            </span>{' '}
            <Status of="Task" value={task.status} /> <Status of="Action" value={task.actionStatus} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Alerts({ id }: { id: string }) {
  const { data } = useIncidentAlerts(id)
  if (data === undefined) return null
  return (
    <section className="mt-4">
      <h3>{writeCount(data.count, 'alert', 'alerts')}</h3>
      <ul className="mt-1 space-y-1">
        {data.value.slice(0, named).map((alert) => (
          <li key={alert.id} className="flex flex-wrap items-center gap-2">
            <Severity value={alert.severity} />
            <Name>{alert.title || alert.id}</Name>
            <span className="text-meta text-ink-2">
              <Time at={alert.lastActivityDateTime ?? alert.createdDateTime} />
            </span>
          </li>
        ))}
      </ul>
      {data.count > named ? <p className="mt-1 text-meta text-ink-2">The newest {named} of them.</p> : null}
    </section>
  )
}
