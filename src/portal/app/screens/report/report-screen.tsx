import { useQueries } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { executionsQuery, useIncident, useIncidentAlerts, useIncidentTasks } from '../../api/queries.ts'
import { ApiError } from '../../api/session.ts'
import type { Task } from '../../api/wire.ts'
import { useApp } from '../../frame/app.tsx'
import { FailedScreen } from '../../frame/failed.tsx'
import { NotFound } from '../../frame/not-found.tsx'
import { Title } from '../../frame/title.tsx'
import { Name } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { offerFile } from '../../parts/offer-file.ts'
import { Skeleton } from '../../parts/states.tsx'
import { Wide } from '../../parts/wide.tsx'
import { incidentPath } from '../../paths.ts'
import { useJoins } from '../incident/joins.ts'
import { useDeviceNames } from '../tasks/device-names.ts'
import { makeReport } from './make-report.ts'
import { writeMarkdown } from './markdown.ts'
import type { Report, ReportRun, ReportTask } from './report.ts'

/** The report of an incident, as a page to be printed (to paper or PDF) or saved as Markdown. */
export function ReportScreen() {
  const { id = '' } = useParams({ strict: false })
  const { session } = useApp()
  const incident = useIncident(id)
  const alerts = useIncidentAlerts(id)
  const tasks = useIncidentTasks(id)
  const joins = useJoins(id)
  const runs = useRuns(tasks.data ?? [])
  const deviceNames = useDeviceNames(tasks.data)
  const [madeAt] = useState(() => new Date().toISOString())
  if (incident.error instanceof ApiError && incident.error.status === 404) return <NotFound />
  const failed = [incident, alerts, tasks, joins].find(({ isError, data }) => isError && data === undefined)
  if (failed !== undefined)
    return <FailedScreen what="The report" error={failed.error} retry={() => void failed.refetch()} />
  if (!incident.data || !alerts.data || !tasks.data || !joins.data || !deviceNames.data || runs === null)
    return <Skeleton rows={12} />
  const report = makeReport({
    incident: incident.data.it,
    alerts: alerts.data.value,
    total: alerts.data.count,
    tasks: tasks.data,
    runs,
    deviceNames: deviceNames.data,
    why: new Map([...joins.data].map(([alertId, { text }]) => [alertId, text])),
    tenant: session.tenant.name,
    madeBy: session.user.name,
    madeAt,
  })
  return (
    <article className="max-w-5xl space-y-4 p-4">
      <Title text={report.title}>
        <Name>{report.title}</Name>
      </Title>
      <p className="no-print flex flex-wrap gap-2">
        <button type="button" className="button button-primary" onClick={() => window.print()}>
          Print, or save as PDF
        </button>
        <button
          type="button"
          className="button"
          onClick={() => offerFile(new TextEncoder().encode(writeMarkdown(report)), `incident-${id}.md`)}
        >
          Save as Markdown
        </button>
        <Link to={incidentPath(session.tenant.id, id)} className="button">
          Back to the incident
        </Link>
      </p>
      <Body report={report} />
    </article>
  )
}

/** The runs of all tasks; null until they are there. */
function useRuns(tasks: readonly Task[]) {
  const { api } = useApp()
  const answers = useQueries({ queries: tasks.map(({ id }) => executionsQuery(api, id)) })
  if (answers.some(({ isPending }) => isPending)) return null
  return new Map(tasks.map(({ id }, index) => [id, answers[index]?.data ?? []]))
}

function Body({ report }: { report: Report }) {
  return (
    <>
      <Table name="Facts" columns={['What', 'Value']} rows={report.facts} />
      <section>
        <h2>Summary</h2>
        <p className="max-w-[72ch] whitespace-pre-wrap">
          {report.summary === '' ? 'Nobody has written a summary.' : <Name>{report.summary}</Name>}
        </p>
        {report.leftOut === '' ? null : <p>{report.leftOut}</p>}
      </section>
      <Table
        name="Timeline"
        columns={['Time (UTC)', 'What kind', 'What', 'Who']}
        rows={report.timeline.map(({ at, lane, text, by }) => [at, lane, text, by])}
      />
      <Table
        name="Evidence"
        columns={['Kind', 'Name', 'Verdict', 'Alerts']}
        rows={report.evidence.map(({ kind, name, verdict, count }) => [kind, name, verdict, String(count)])}
      />
      <Table
        name="Alerts"
        columns={['Time (UTC)', 'Severity', 'Title', 'Source', 'ATT&CK', 'Why it is here']}
        rows={report.alerts.map((alert) => [
          ...[alert.at, alert.severity, alert.title, alert.source],
          ...[alert.techniques.join(', '), alert.why],
        ])}
      />
      <section className="space-y-3">
        <h2>Tasks</h2>
        {report.tasks.length === 0 ? <p>There were none.</p> : null}
        {report.tasks.map((task, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a report does not change its order
          <TaskPart key={index} task={task} />
        ))}
      </section>
    </>
  )
}

function TaskPart({ task }: { task: ReportTask }) {
  return (
    <div className="box space-y-2 p-3">
      <h3>
        <Name>{task.title}</Name>
      </h3>
      <p>
        Task {task.status}, action {task.actionStatus}: {task.actionType} on <Name>{task.target}</Name>. Proposed{' '}
        {task.at} by <Name>{task.by}</Name>.
      </p>
      <p className="max-w-[72ch] whitespace-pre-wrap">
        <Name>{task.description}</Name>
      </p>
      {task.runs.map((run) => (
        <RunPart key={`${run.kind} ${run.at}`} run={run} />
      ))}
    </div>
  )
}

function RunPart({ run }: { run: ReportRun }) {
  return (
    <div className="border-s-2 border-line ps-3">
      <p>
        {run.kind === 'undo' ? 'Undo' : 'Run'} {run.at} by <Name>{run.by}</Name>
        {run.connector === '' ? '' : ` through ${run.connector}`}: {run.state}
        {run.finishedAt === null ? '' : `, ended ${run.finishedAt}`}
        {run.reason === '' ? null : (
          <>
            . <Name>{run.reason}</Name>
          </>
        )}
      </p>
      {run.proof === null ? null : (
        <Table
          name={`Proof, ${run.proof.level}: ${run.proof.method}, ${run.proof.observedAt}`}
          columns={['Check', 'Wanted', 'Found']}
          rows={run.proof.checks.map(({ name, want, got }) => [name, want, got])}
          isWithin
        />
      )}
    </div>
  )
}

function Table(props: {
  name: string
  columns: readonly string[]
  rows: readonly (readonly string[])[]
  isWithin?: boolean
}) {
  const { name, columns, rows, isWithin = false } = props
  const heading: ReactNode = isWithin ? <p className="text-meta">{name}</p> : <h2>{name}</h2>
  return (
    <section>
      {heading}
      {rows.length === 0 ? (
        <p>There is nothing.</p>
      ) : (
        <Wide name={name}>
          <table className="w-full text-table">
            <thead>
              <tr className="bg-sunken text-meta">
                {columns.map((column) => (
                  <th key={column} scope="col" className="px-2 py-1 font-medium">
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((cells, row) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a report does not change its order
                <tr key={row} className="border-t border-line align-top">
                  {cells.map((cell, column) => (
                    <td key={columns[column]} className="px-2 py-1">
                      <Name>{cell}</Name>
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </section>
  )
}
