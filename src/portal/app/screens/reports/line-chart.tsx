import { writeCount } from '../../../shown/count-text.ts'
import { writeSpan } from '../../../shown/time-text.ts'
import type { Spread } from './figures.ts'

/** Fewer cases are no spread. */
const minCases = 5
const size = { width: 460, height: 180, left: 56, right: 12, top: 10, bottom: 40 }
/** Lines of the axis, in seconds. */
const marks = [1, 10, 60, 600, 3_600, 14_400, 86_400, 604_800, 2_592_000]

/** A point of time and how long things took then. */
export interface Point extends Spread {
  readonly week: string
}

/** Lines of p50 and p90 by week on a logarithmic axis, with the number of cases under each week; words where there are too few. */
export function LineChart({ name, points }: { name: string; points: readonly Point[] }) {
  const cases = points.reduce((sum, { count }) => sum + count, 0)
  if (cases < minCases) return <p>Not enough data yet (n = {cases}; 5 are needed).</p>
  const seconds = points.flatMap(({ p50Seconds, p90Seconds }) => [p50Seconds ?? 1, p90Seconds ?? 1])
  const top = marks.find((mark) => mark >= Math.max(...seconds)) ?? marks.at(-1) ?? 1
  const bottom = marks.filter((mark) => mark <= Math.max(1, Math.min(...seconds))).at(-1) ?? 1
  const span = Math.max(Math.log(top) - Math.log(bottom), 1)
  const y = (value: number): number =>
    size.height -
    size.bottom -
    ((Math.log(Math.max(value, bottom)) - Math.log(bottom)) / span) * (size.height - size.bottom - size.top)
  const x = (index: number): number =>
    size.left + ((index + 0.5) / points.length) * (size.width - size.left - size.right)
  const line = (of: (point: Point) => number | null): string =>
    points
      .flatMap((point, index) => {
        const value = of(point)
        return value === null ? [] : [`${x(index)},${y(value)}`]
      })
      .join(' ')
  return (
    <svg
      viewBox={`0 0 ${size.width} ${size.height}`}
      className="w-full max-w-xl"
      role="img"
      aria-label={`${name}, p50 and p90 by week, ${writeCount(cases, 'case', 'cases')}; the table says the same`}
    >
      {marks
        .filter((mark) => mark >= bottom && mark <= top)
        .map((mark) => (
          <g key={mark}>
            <line x1={size.left} x2={size.width - size.right} y1={y(mark)} y2={y(mark)} className="chart-grid" />
            <text x={size.left - 6} y={y(mark) + 4} textAnchor="end" className="chart-text">
              {writeSpan(mark)}
            </text>
          </g>
        ))}
      <polyline points={line(({ p50Seconds }) => p50Seconds)} className="chart-line" />
      <polyline points={line(({ p90Seconds }) => p90Seconds)} className="chart-line chart-line-high" />
      {points.map(({ week, count, p50Seconds, p90Seconds }, index) => (
        <g key={week}>
          {p50Seconds === null ? null : <circle cx={x(index)} cy={y(p50Seconds)} r={3} className="chart-dot" />}
          {p90Seconds === null ? null : (
            <rect x={x(index) - 3} y={y(p90Seconds) - 3} width={6} height={6} className="chart-dot-high" />
          )}
          <text x={x(index)} y={size.height - 24} textAnchor="middle" className="chart-text">
            {week.slice(5, 10)}
          </text>
          <text x={x(index)} y={size.height - 8} textAnchor="middle" className="chart-text">
            {count}
          </text>
        </g>
      ))}
    </svg>
  )
}
