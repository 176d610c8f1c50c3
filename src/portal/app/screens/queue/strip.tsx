import { useState } from 'react'
import { writeCount } from '../../../shown/count-text.ts'
import { useApp } from '../../frame/app.tsx'
import { setPreferences, usePreferences } from '../../frame/preferences.ts'
import { Link } from '../../parts/link.tsx'
import { Time } from '../../parts/time.tsx'
import { screenPath } from '../../paths.ts'
import { activity, useFigures } from '../reports/figures.ts'
import { Figures } from '../reports/parts.tsx'

const barWidth = 7
const height = 24

/** What came in the last 24 hours, hour by hour: a picture with a table, which can be put away. */
export default function Strip() {
  const { showStrip } = usePreferences()
  return (
    <div className="flex min-h-7 flex-wrap items-start gap-x-4 gap-y-1 text-meta text-ink-2">
      {showStrip ? <Hours /> : null}
      <button type="button" className="button" onClick={() => setPreferences({ showStrip: !showStrip })}>
        {showStrip ? 'Hide the last 24 hours' : 'Show the last 24 hours'}
      </button>
    </div>
  )
}

function Hours() {
  const { session } = useApp()
  const { data } = useFigures('activity', activity)
  // A queue on screen has elements enough: the table is made when it is looked at.
  const [isOpen, setOpen] = useState(false)
  if (data === undefined) return null
  const sum = (of: 'incidents' | 'alerts'): number => data.value.reduce((total, hour) => total + hour[of], 0)
  return (
    <>
      <Bars name="Incidents by the hour" counts={data.value.map(({ incidents }) => incidents)} />
      <Bars name="Alerts by the hour" counts={data.value.map(({ alerts }) => alerts)} />
      <span className="py-1">
        Last 24 h: {writeCount(sum('incidents'), 'incident', 'incidents')},{' '}
        <Link to={screenPath(session.tenant.id, 'alerts')}>{writeCount(sum('alerts'), 'alert', 'alerts')}</Link>
      </span>
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="min-h-7 cursor-pointer py-1 pointer-coarse:min-h-11">As a table</summary>
        {isOpen ? (
          <Figures
            isOpen
            name="The last 24 hours"
            columns={['Hour from', 'Incidents', 'Alerts']}
            rows={data.value.map(({ hour, incidents, alerts }) => [
              <Time key={hour} at={hour} exact />,
              String(incidents),
              String(alerts),
            ])}
          />
        ) : null}
      </details>
    </>
  )
}

/** One path for all bars, for the same reason. */
function Bars({ name, counts }: { name: string; counts: readonly number[] }) {
  const most = Math.max(1, ...counts)
  const path = counts
    .map((count, index) => {
      const high = count === 0 ? 0 : Math.max(2, Math.round((count / most) * height))
      return `M${index * barWidth} ${height}v${-high}h${barWidth - 2}v${high}z`
    })
    .join('')
  return (
    <svg
      role="img"
      aria-label={`${name}, at most ${most}; the table says the same`}
      width={counts.length * barWidth}
      height={height + 1}
      className="mt-1 shrink-0"
    >
      <path d={path} className="chart-quiet" />
      <path d={`M0 ${height + 0.5}H${counts.length * barWidth}`} className="chart-grid" />
    </svg>
  )
}
