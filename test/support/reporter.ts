import { Readable } from 'node:stream'
import { spec, type TestEvent } from 'node:test/reporters'
import { drawJourneys } from './journeys.ts'
import type { FileTime } from './lanes.ts'

/** Files whose times are told. */
const told = 25

/**
 * The runner's own report, with the table of the journeys and the longest files before its summary, which stays the last that is printed.
 * @param journeys the file that the journeys wrote their rows to
 * @param times the files that have ended
 */
export async function* report(
  events: AsyncIterable<TestEvent>,
  journeys: string,
  times: readonly FileTime[],
): AsyncGenerator<string> {
  const all = withTables(events, () => [
    ['journeys through the portal', drawJourneys(journeys)],
    ['files that took longest', drawTimes(times)],
  ])
  for await (const text of Readable.from(all).pipe(new spec())) yield String(text)
}

type Tables = readonly (readonly [head: string, table: string])[]

async function* withTables(events: AsyncIterable<TestEvent>, draw: () => Tables): AsyncGenerator<TestEvent> {
  for await (const event of events) {
    if (isSummary(event)) for (const [head, table] of draw()) yield* print(head, table)
    yield event
  }
}

function drawTimes(times: readonly FileTime[]): string {
  return [...times]
    .sort((left, right) => right.seconds - left.seconds)
    .slice(0, told)
    .map(({ file, seconds }) => `${seconds.toFixed(1).padStart(6)} s  ${file}`)
    .join('\n')
}

/** The first line of the summary of the whole run. */
function isSummary({ type, data }: TestEvent): boolean {
  return type === 'test:diagnostic' && data.nesting === 0 && data.file === undefined && /^tests \d+$/.test(data.message)
}

function* print(head: string, table: string): Generator<TestEvent> {
  if (table === '') return
  yield { type: 'test:stdout', data: { file: '', message: `\n== ${head}\n${table}\n\n` } }
}
