import { run } from 'node:test'
import type { TestEvent } from 'node:test/reporters'

/** What a file does to the machine that not every other file bears beside it. */
type Kind = 'network' | 'browser' | 'plain'

/** Suites that make network interfaces, at which Chromium drops whatever it is loading, and those that open Chromium. */
const kinds: readonly (readonly [prefix: string, kind: Kind])[] = [
  ['test/agent/', 'network'],
  ['test/demo/', 'network'],
  ['test/hostile/sink', 'network'],
  ['test/bench/herd', 'network'],
  ['test/portal/', 'browser'],
]

/**
 * Seconds of the files that take longest, as measured on two cores: they begin first, so that none of them is left over when the rest is
 * done. What is missing here counts as a few; a figure that grows wrong costs time and nothing else.
 */
const seconds: Readonly<Record<string, number>> = {
  'test/faults/kill-postgres.test.ts': 261,
  'test/agent/rules.test.ts': 208,
  'test/faults/kill-sqlite.test.ts': 208,
  'test/portal/accessible.test.ts': 206,
  'test/portal/reach.test.ts': 189,
  'test/portal/translation.test.ts': 121,
  'test/hostile/kill-replay.test.ts': 117,
  'test/respond/model/model.test.ts': 117,
  'test/fuzz/fuzz.test.ts': 110,
  'test/hostile/hostile.test.ts': 110,
  'test/agent/quarantine.test.ts': 95,
  'test/agent/restriction-life.test.ts': 87,
  'test/contract/examples.test.ts': 86,
  'test/portal/tenants.test.ts': 83,
  'test/agent/collect-package.test.ts': 80,
  'test/connectors/ldap-faults.test.ts': 79,
  'test/access/cli.test.ts': 74,
  'test/odata/whole-model.test.ts': 74,
  'test/portal/people.test.ts': 71,
  'test/audit/tampering.test.ts': 70,
  'test/portal/safety.test.ts': 69,
  'test/agent/quarantine-crash.test.ts': 68,
  'test/portal/bulk.test.ts': 68,
  'test/portal/journeys.test.ts': 68,
  'test/agent/isolation.test.ts': 67,
  'test/agent/crash.test.ts': 66,
  'test/faults/failpoints.test.ts': 50,
  'test/notify/delivery.test.ts': 46,
  'test/portal/passkeys.test.ts': 40,
  'test/portal/hold.test.ts': 37,
  'test/faults/disasters.test.ts': 32,
  'test/agent/restriction.test.ts': 31,
  'test/portal/live.test.ts': 29,
  'test/agent/situations.test.ts': 27,
  'test/bench/scale.test.ts': 26,
  'test/agent/collect-beside.test.ts': 25,
  'test/portal/hostile.test.ts': 25,
  'test/portal/newcomer.test.ts': 25,
  'test/agent/scan.test.ts': 24,
  'test/odata/syntax.test.ts': 24,
  'test/agent/commands.test.ts': 23,
  'test/portal/outside.test.ts': 23,
  'test/agent/key-rotation.test.ts': 22,
  'test/demo/demo.test.ts': 22,
  'test/agent/accounts.test.ts': 20,
}
const usualSeconds = 5

/** How long a file took. */
export interface FileTime {
  readonly file: string
  readonly seconds: number
}

/** A run of files under way. */
export interface LaneRun {
  /** The events of one file after those of another, each file's when it has ended; the counts of all of them last. */
  readonly events: AsyncIterable<TestEvent>
  /** The files that have ended. */
  readonly times: readonly FileTime[]
  hasFailed(): boolean
}

/** How files are run. */
export interface LaneOptions {
  readonly root: string
  /** Files at the same time. Most of what they do is waiting, so it may be more than the machine has cores. */
  readonly lanes: number
  /** A file that runs longer hangs: something it started is still open. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Runs test files, each in a process of its own, several at a time and the longest first.
 * @param files paths from the root
 */
export function runInLanes(files: readonly string[], options: LaneOptions): LaneRun {
  const queue = createQueue(files)
  const counts = new Map<string, number>()
  const times: FileTime[] = []
  const ended: TestEvent[][] = []
  let [news, hasFailed, isDone] = [Promise.withResolvers<void>(), false, false]
  const startedAt = performance.now()
  const work = async (lane: number): Promise<void> => {
    for (let file = await queue.take(lane); file !== null && !options.signal.aborted; file = await queue.take(lane)) {
      const beganAt = performance.now()
      const events = await runFile(file, options)
      times.push({ file, seconds: (performance.now() - beganAt) / 1_000 })
      hasFailed ||= events.some(({ type }) => type === 'test:fail')
      ended.push(events.filter((event) => !isCounted(event, counts)))
      queue.end(file)
      news.resolve()
    }
  }
  const all = Promise.all(Array.from({ length: options.lanes }, (_, lane) => work(lane))).finally(() => {
    isDone = true
    news.resolve()
  })
  const tell = async function* (): AsyncGenerator<TestEvent> {
    for (let isLast = false; !isLast; ) {
      await news.promise
      news = Promise.withResolvers()
      isLast = isDone
      for (let events = ended.shift(); events !== undefined; events = ended.shift()) yield* events
    }
    await all
    counts.set('duration_ms', performance.now() - startedAt)
    for (const [name, count] of counts) {
      yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${count}`, level: 'info' } } as TestEvent
    }
  }
  return { events: tell(), times, hasFailed: () => hasFailed }
}

async function runFile(file: string, { root, timeoutMs, signal }: LaneOptions): Promise<TestEvent[]> {
  const events: TestEvent[] = []
  const stream = run({ files: [`${root}/${file}`], cwd: root, concurrency: 1, timeout: timeoutMs, signal })
  for await (const event of stream as AsyncIterable<TestEvent>) events.push(event)
  return events
}

/** Adds up the runner's counts, which it gives for each file by itself. */
function isCounted({ type, data }: TestEvent, counts: Map<string, number>): boolean {
  if (type === 'test:summary') return true
  if (type !== 'test:diagnostic' || data.nesting !== 0 || data.file !== undefined) return false
  const [, name, count] =
    /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/.exec(data.message) ?? []
  if (name === undefined) return false
  counts.set(name, (counts.get(name) ?? 0) + Number(count))
  return true
}

interface Queue {
  /** The next file of that lane, once there is one that may run now; null when there is none left. */
  take(lane: number): Promise<string | null>
  end(file: string): void
}

/**
 * Suites with interfaces come first, those with browsers after the last of them. Every second lane works at the others, so that what waits
 * runs beside what reckons.
 */
function createQueue(files: readonly string[]): Queue {
  const left = [...files].sort((one, other) => secondsOf(other) - secondsOf(one))
  const running = new Set<string>()
  let change = Promise.withResolvers<void>()
  const choose = (lane: number): string | undefined => {
    const isNetworkOver = ![...left, ...running].some((file) => kindOf(file) === 'network')
    const special: Kind = isNetworkOver ? 'browser' : 'network'
    const order: readonly Kind[] = lane % 2 === 0 ? [special, 'plain'] : ['plain', special]
    return order.map((kind) => left.find((file) => kindOf(file) === kind)).find((file) => file !== undefined)
  }
  return {
    take: async (lane) => {
      let file = choose(lane)
      for (; file === undefined && left.length > 0; file = choose(lane)) await change.promise
      if (file === undefined) return null
      left.splice(left.indexOf(file), 1)
      running.add(file)
      return file
    },
    end: (file) => {
      running.delete(file)
      change.resolve()
      change = Promise.withResolvers()
    },
  }
}

function secondsOf(file: string): number {
  return seconds[file] ?? usualSeconds
}

function kindOf(file: string): Kind {
  return kinds.find(([prefix]) => file.startsWith(prefix))?.[1] ?? 'plain'
}
