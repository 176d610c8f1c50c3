import { Readable } from 'node:stream'
import { spec, type TestEvent } from 'node:test/reporters'
import { drawJourneys, journeysVariable } from './journeys.ts'

/** The runner's own report, with the table of the journeys before its summary, which stays the last that is printed. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const text of Readable.from(withJourneys(events)).pipe(new spec())) yield String(text)
}

async function* withJourneys(events: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent> {
  for await (const event of events) {
    if (isSummary(event)) yield* tableOf(process.env[journeysVariable])
    yield event
  }
}

/** The first line of the summary of the whole run. */
function isSummary({ type, data }: TestEvent): boolean {
  return type === 'test:diagnostic' && data.nesting === 0 && data.file === undefined && /^tests \d+$/.test(data.message)
}

function* tableOf(file: string | undefined): Generator<TestEvent> {
  const table = file === undefined ? '' : drawJourneys(file)
  if (table === '') return
  yield { type: 'test:stdout', data: { file: '', message: `\n== journeys through the portal\n${table}\n\n` } }
}
