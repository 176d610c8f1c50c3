import type { Page } from 'playwright-core'

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  /** Microseconds. */
  readonly ts: number
  readonly dur?: number
  /** Processor time of the thread. */
  readonly tdur?: number
}

/** What a trace says of the page's own thread, in milliseconds. */
export interface Traced {
  /** Script between the beginning of one frame and that of the next: as the clock on the wall had it, and what the thread computed. */
  readonly frames: readonly { readonly wallMs: number; readonly cpuMs: number }[]
  /** Every task of the thread, script or not, by the clock on the wall. */
  readonly taskMs: readonly number[]
  /** The same in processor time. */
  readonly taskCpuMs: readonly number[]
}

/**
 * Where script runs: handlers, timers, animation frames, promises, scripts that are loaded. What it forces the page to lay out meanwhile
 * counts as its own; style, layout and paint that the page does by itself stand outside of these events, and rasterizing runs elsewhere.
 */
const scripts: ReadonlySet<string> = new Set([
  'EvaluateScript',
  'FireAnimationFrame',
  'FireIdleCallback',
  'FunctionCall',
  'RunMicrotasks',
  'TimerFire',
  'MajorGC',
  'MinorGC',
])

/** Traces what the page does meanwhile. */
export async function trace(page: Page, work: () => Promise<void>): Promise<Traced> {
  const browser = page.context().browser()
  if (browser === null) throw new TypeError('the page has no browser')
  await browser.startTracing(page, {
    categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline'],
  })
  try {
    await work()
  } catch (cause) {
    await browser.stopTracing()
    throw cause
  }
  const { traceEvents }: { traceEvents: TraceEvent[] } = JSON.parse((await browser.stopTracing()).toString())
  return readTrace(traceEvents)
}

function readTrace(events: readonly TraceEvent[]): Traced {
  const begins = events.filter(({ name, ph }) => name === 'AnimationFrame' && ph === 'b').sort(byTime)
  const [first] = begins
  if (first === undefined) throw new Error('the trace has no frame')
  const own = events.filter(({ ph, pid, tid }) => ph === 'X' && pid === first.pid && tid === first.tid).sort(byTime)
  const run = own.filter(({ name }) => scripts.has(name))
  const frames = begins.slice(0, -1).map(({ ts }, index) => sumScript(run, ts, begins[index + 1]?.ts ?? ts))
  const tasks = own.filter(({ name }) => name === 'RunTask')
  return {
    frames,
    taskMs: tasks.map(({ dur = 0 }) => dur / 1_000),
    taskCpuMs: tasks.map(({ dur = 0, tdur = dur }) => tdur / 1_000),
  }
}

function byTime(a: TraceEvent, b: TraceEvent): number {
  return a.ts - b.ts
}

function sumScript(run: readonly TraceEvent[], from: number, to: number): { wallMs: number; cpuMs: number } {
  let [wall, cpu, until] = [0, 0, 0]
  for (const { ts, dur = 0, tdur = dur } of run) {
    // An event within another is counted with that one.
    if (ts < from || ts >= to || ts < until) continue
    wall += dur
    cpu += tdur
    until = ts + dur
  }
  return { wallMs: wall / 1_000, cpuMs: cpu / 1_000 }
}
