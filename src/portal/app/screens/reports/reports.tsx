import { writeSpan } from '../../../shown/time-text.ts'
import type { Read } from '../../api/read.ts'
import { useApp } from '../../frame/app.tsx'
import { Title } from '../../frame/title.tsx'
import { Severity } from '../../parts/badges.tsx'
import { Link } from '../../parts/link.tsx'
import { Time } from '../../parts/time.tsx'
import { incidentPath, screenPath, writeSearch } from '../../paths.ts'
import { ByTenant } from './by-tenant.tsx'
import { ContainedNow } from './contained-now.tsx'
import { actions, ageing, alertsPerIncident, times, useFigures, type Week } from './figures.ts'
import { LineChart } from './line-chart.tsx'
import { Figures, Panel } from './parts.tsx'

/** S8: how the work goes, from the server's own figures of the last twelve weeks. */
export function ReportsScreen() {
  return (
    <div className="space-y-3 p-4">
      <Title text="Reports" />
      <div className="grid gap-3 lg:grid-cols-2">
        <Ageing />
        <ContainedNow />
        <Actions />
        <Times />
        <Alerts />
        <ByTenant />
      </div>
    </div>
  )
}

function Ageing() {
  const { session } = useApp()
  const figures = useFigures('ageing', ageing)
  return (
    <Panel name="Age of the queue" about="Open incidents by severity and age, now." figures={figures}>
      {({ ageLimitsSeconds, value }) =>
        value.length === 0 ? (
          <p>No incident is open.</p>
        ) : (
          <Figures
            isOpen
            name="Age of the queue"
            columns={['Severity', ...ageLimitsSeconds.map((limit) => `to ${writeSpan(limit)}`), 'older', 'Oldest']}
            rows={value.map(({ severity, counts, oldest }) => [
              <Link
                key="severity"
                className="alone"
                to={`${screenPath(session.tenant.id, 'incidents')}${writeSearch({ severity, sort: 'createdDateTime' })}`}
              >
                <Severity value={severity} />
              </Link>,
              ...counts.map((count) => count.toLocaleString('en')),
              <Link key="oldest" className="alone gap-1" to={incidentPath(session.tenant.id, oldest.incidentId)}>
                INC-{oldest.incidentId} <Time at={oldest.createdDateTime} />
              </Link>,
            ])}
          />
        )
      }
    </Panel>
  )
}

const measures = [
  [
    'acknowledge',
    'Until somebody attended to it',
    'From the incident to a person’s first change or comment, or the first task.',
  ],
  ['resolve', 'Until it was resolved', 'From the incident to its last change of status.'],
  ['expert', 'Time of the experts', 'From the incident to each proposed task.'],
  ['customer', 'Time of the customer', 'From each proposed task to its first run, or to its close by hand.'],
] as const

function Times() {
  const figures = useFigures('times', times)
  return (
    <Panel
      name="How long it took"
      about="By the week in which it began, in UTC: p50 (line with dots) and p90 (broken line with squares), number of cases below."
      figures={figures}
    >
      {({ value, newestOnly }) => (
        <div className="space-y-4">
          {newestOnly ? <p>There were more: these are the newest 5,000.</p> : null}
          {measures.map(([measure, name, about]) => (
            <div key={measure} className="space-y-1">
              <h3>{name}</h3>
              <p className="text-meta text-ink-2">{about}</p>
              <LineChart name={name} points={value.map((week) => ({ week: week.week, ...week[measure] }))} />
              <Figures name={name} columns={['Week of', 'Cases', 'p50', 'p90']} rows={value.map(rowOf(measure))} />
            </div>
          ))}
        </div>
      )}
    </Panel>
  )
}

function rowOf(measure: (typeof measures)[number][0]): (week: Week) => readonly string[] {
  const say = (seconds: number | null): string => (seconds === null ? '' : writeSpan(seconds))
  return (week) => {
    const { count, p50Seconds, p90Seconds } = week[measure]
    return [week.week.slice(0, 10), String(count), say(p50Seconds), say(p90Seconds)]
  }
}

/** How runs end, and the mark each has beside its word. */
const ends = [
  ['done', ['succeeded'], 'chart-done'],
  ['in part', ['partial'], 'chart-partial'],
  ['failed', ['failed', 'refused'], 'chart-failed'],
  ['expired', ['expired', 'cancelled'], 'chart-quiet'],
] as const

function Actions() {
  const { session } = useApp()
  const figures = useFigures('actions', actions)
  return (
    <Panel name="How actions ended" about="Runs of the last twelve weeks by action type." figures={figures}>
      {({ value }) =>
        value.length === 0 ? (
          <p>
            No action has run yet. A task’s “Review and run” starts one;{' '}
            <Link to={screenPath(session.tenant.id, 'tasks')}>Tasks</Link> shows what waits.
          </p>
        ) : (
          <>
            <p className="flex flex-wrap gap-3 text-meta">
              {ends.map(([word, , mark]) => (
                <span key={word}>
                  <svg width={12} height={12} aria-hidden="true" className="inline">
                    <rect width={12} height={12} className={mark} />
                  </svg>{' '}
                  {word}
                </span>
              ))}
            </p>
            <ul className="space-y-2">
              {value.map(({ actionType, states }) => (
                <ActionBar key={actionType} actionType={actionType} states={states} />
              ))}
            </ul>
            <Figures
              name="How actions ended"
              columns={['Action', ...ends.map(([word]) => word), 'under way or unknown']}
              rows={value.map(({ actionType, states }) => {
                const counts = ends.map(([, names]) => sumOf(states, names))
                return [actionType, ...counts.map(String), String(sumOf(states, Object.keys(states)) - sum(counts))]
              })}
            />
          </>
        )
      }
    </Panel>
  )
}

type States = Read<typeof actions>['value'][number]['states']

function sumOf(states: States, names: readonly string[]): number {
  return sum(names.map((name) => Number(states[name] ?? 0)))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

function ActionBar({ actionType, states }: { actionType: string; states: States }) {
  const counts = ends.map(([word, names, mark]) => ({ word, mark, count: sumOf(states, names) }))
  const all = sum(counts.map(({ count }) => count))
  let from = 0
  return (
    <li>
      <p className="text-table">
        {actionType}:{' '}
        {all === 0
          ? 'under way'
          : counts
              .filter(({ count }) => count > 0)
              .map(({ word, count }) => `${count} ${word}`)
              .join(', ')}
      </p>
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" className="h-3 w-full" aria-hidden="true">
        <rect width={100} height={6} className="chart-empty" />
        {counts.map(({ word, mark, count }) => {
          const width = all === 0 ? 0 : (count / all) * 100
          from += width
          return <rect key={word} x={from - width} width={width} height={6} className={mark} />
        })}
      </svg>
    </li>
  )
}

function Alerts() {
  const figures = useFigures('alerts', alertsPerIncident)
  return (
    <Panel
      name="Alerts per incident"
      about="Incidents of the last twelve weeks by how many alerts they hold."
      figures={figures}
    >
      {({ alertLimits, counts, merged }) => {
        const all = sum(counts)
        if (all === 0) return <p>There was no incident. The first alert opens one.</p>
        const names = counts.map((_, index) => {
          const low = (alertLimits[index - 1] ?? 0) + 1
          const high = alertLimits[index]
          return high === undefined ? `${low} or more` : low >= high ? `up to ${high}` : `${low} to ${high}`
        })
        const most = Math.max(...counts)
        return (
          <>
            <ul className="space-y-1">
              {counts.map((count, index) => (
                <li key={names[index]} className="grid grid-cols-[6rem_1fr_4rem] items-center gap-2">
                  <span>{names[index]}</span>
                  <svg viewBox="0 0 100 6" preserveAspectRatio="none" className="h-3 w-full" aria-hidden="true">
                    <rect width={(count / most) * 100} height={6} className="chart-quiet" />
                  </svg>
                  <span>{count.toLocaleString('en')}</span>
                </li>
              ))}
            </ul>
            <p>
              {merged.toLocaleString('en')} more were merged into others ({Math.round((merged / (all + merged)) * 100)}{' '}
              %).
            </p>
          </>
        )
      }}
    </Panel>
  )
}
