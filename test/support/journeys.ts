import { appendFileSync, existsSync, readFileSync } from 'node:fs'

/** One journey of a person through the portal, as it was walked. */
export interface JourneyRow {
  /** Number and what is done, `J1 approve a guided task`. */
  readonly name: string
  /** Pointer activations and key commands; typing costs none. */
  readonly clicks: number
  readonly maxClicks: number
  /** Waits that Cordon caused. */
  readonly seconds: number
  readonly maxSeconds: number
  /** What else was measured; empty for nothing. */
  readonly note: string
}

/** Names the file to which journeys add their rows, so that suites in processes of their own end in one table. */
export const journeysVariable = 'CORDON_TEST_JOURNEYS'

/** Adds a row to the table of the whole run; outside of one it goes nowhere. */
export function recordJourney(row: JourneyRow): void {
  const file = process.env[journeysVariable]
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(row)}\n`)
}

/** The table of the rows in that file; empty when no journey was walked. */
export function drawJourneys(file: string): string {
  if (!existsSync(file)) return ''
  const rows = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    // Written by recordJourney alone.
    .map((line) => JSON.parse(line) as JourneyRow)
    .sort((left, right) => (left.name < right.name ? -1 : 1))
  const cells = [
    ['journey', 'clicks', 'at most', 'system s', 'budget', ''],
    ...rows.map(({ name, clicks, maxClicks, seconds, maxSeconds, note }) => [
      name,
      `${clicks}`,
      `${maxClicks}`,
      seconds.toFixed(1),
      maxSeconds.toFixed(1),
      note,
    ]),
  ]
  const widths = cells[0]?.map((_head, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? []
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
