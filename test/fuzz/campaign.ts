import { type Coverage, startCoverage } from './coverage.ts'
import { createDice, type Dice } from './dice.ts'
import type { InProcess } from './in-process.ts'
import { type FuzzInput, printInput } from './input.ts'
import { type FuzzAnswer, findFault } from './judge.ts'
import type { Lane } from './lane.ts'
import { type Memory, partsOfRun } from './memory.ts'
import { mutateInput } from './mutate.ts'
import { makeRequest, type Places } from './requests.ts'
import { shrinkInput } from './shrink.ts'

/** No answer may take longer. @source issue 3, item 6 */
export const limitMs = 1_000

/** Inputs worth changing further; the oldest make room. */
const maxCorpus = 3_000
/** Links whose tokens are sent back. */
const maxTokens = 200
/** Inputs between two looks at the coverage, each of which costs as much as many of them. */
const batchSize = 120

/** A source of inputs: the grammar, and changes to what was interesting before. */
export interface InputSource {
  next(): FuzzInput
  keep(input: FuzzInput): void
  /** Takes the tokens of the links in an answer. */
  learn(answer: FuzzAnswer): void
  readonly kept: number
}

/** Makes the source of one run. */
export function createSource(seed: number, known: Omit<Places, 'tokens'>, corpus: readonly FuzzInput[]): InputSource {
  const dice = createDice(seed)
  const kept = [...corpus]
  const tokens: string[] = []
  const places: Places = { ...known, tokens }
  const pick = (): FuzzInput => (kept.length === 0 ? makeRequest(dice, places) : dice.pick(kept))
  return {
    next: () => {
      if (kept.length > 0 && dice.chance(0.4)) return mutateInput(dice, pick(), pick())
      return dice.chance(0.15) ? mutateInput(dice, makeRequest(dice, places), pick()) : makeRequest(dice, places)
    },
    keep: (input) => {
      // What writes is dear; children of what reads find more for the same price.
      if (input.method !== 'GET' && !dice.chance(0.25)) return
      replaceOldest(dice, kept, maxCorpus, input)
    },
    learn: ({ status, text }) => {
      if (status !== 200 || !text.includes('token=')) return
      for (const [, token] of text.slice(0, 4_000).matchAll(/(?:skip|delta)token=([\w-]+)/g)) {
        // As a copy: a part of a text keeps the whole of it in memory, and some answers are long.
        if (token !== undefined) replaceOldest(dice, tokens, maxTokens, Buffer.from(token).toString())
      }
    },
    get kept() {
      return kept.length
    },
  }
}

function replaceOldest<T>(dice: Dice, list: T[], limit: number, item: T): void {
  if (list.length < limit) list.push(item)
  else list[dice.below(limit)] = item
}

/** What a run has seen. */
export interface Tally {
  inputs: number
  /** Answers that took longer than {@link limitMs} while others were under way, and had to show that alone they do not. */
  late: number
  /** How many answers had that status; `none`: no operation stands at the path. */
  readonly statuses: Map<number | 'none', number>
  slowestMs: number
  slowest: FuzzInput | null
}

export function openTally(): Tally {
  return { inputs: 0, late: 0, statuses: new Map(), slowestMs: 0, slowest: null }
}

export function noteAnswer(tally: Tally, input: FuzzInput, status: number | 'none', tookMs: number): void {
  tally.inputs++
  tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1)
  if (tookMs > tally.slowestMs) {
    tally.slowestMs = tookMs
    tally.slowest = input
  }
}

/** One line for people: how many of what, and the slowest answer. */
export function formatTally({ inputs, late, statuses, slowestMs, slowest }: Tally): string {
  const counts = [...statuses].sort(([a], [b]) => String(a).localeCompare(String(b)))
  const listed = counts.map(([status, count]) => `${status}: ${count}`).join(', ')
  const worst = slowest === null ? '' : `, by ${slowest.method} ${slowest.target.slice(0, 120)}`
  return `${inputs} inputs; ${listed}; slowest ${slowestMs.toFixed(0)} ms${worst}; ${late} late beside others`
}

/** One run of inputs and what it needs. */
export interface Run {
  readonly target: Pick<InProcess, 'run'>
  readonly source: InputSource
  readonly tally: Tally
  readonly seed: number
  readonly lane: Lane
}

/** What an exploration has reached of the query parser. */
export interface Reached {
  readonly blocks: number
  /** Functions that ran, and those that never did. */
  readonly run: number
  readonly idle: readonly string[]
}

/** Runs one input and says what was wrong with it; null when nothing was. */
async function tryInput({ target, source, tally, lane }: Run, input: FuzzInput): Promise<string | null> {
  const startedAt = performance.now()
  const answer = await lane.share(() => target.run(input))
  let tookMs = performance.now() - startedAt
  if (tookMs > limitMs) {
    // On a machine that does other things, too, one late answer among many says little; three late ones in a row, nothing else under way, do.
    tally.late++
    tookMs = await lane.alone(() => timeBest(target, input))
  }
  noteAnswer(tally, input, answer?.status ?? 'none', tookMs)
  if (tookMs > limitMs) return 'the answer came late'
  if (answer === null) return null
  source.learn(answer)
  return findFault(answer, input)
}

async function timeBest(target: Run['target'], input: FuzzInput): Promise<number> {
  let bestMs = Number.POSITIVE_INFINITY
  for (let times = 0; times < 3 && bestMs > limitMs; times++) {
    const startedAt = performance.now()
    await target.run(input)
    bestMs = Math.min(bestMs, performance.now() - startedAt)
  }
  return bestMs
}

/** Makes an input that failed small and throws what a person needs to repeat it. */
async function failWith(run: Run, input: FuzzInput, fault: string): Promise<never> {
  const spare = { ...run, tally: openTally() }
  const small = await shrinkInput(input, async (candidate) => (await tryInput(spare, candidate)) === fault)
  throw new Error(`${fault}\nseed of this run ${run.seed}\nwhole: ${printInput(input)}\nsmall: ${printInput(small)}`)
}

/** Runs inputs one after the other. @throws Error with the first that fails, whole and small */
export async function runEach(run: Run, inputs: readonly FuzzInput[]): Promise<void> {
  for (const input of inputs) {
    const fault = await tryInput(run, input)
    if (fault !== null) await failWith(run, input, fault)
  }
}

/** Looks for inputs that reach code no input before them has reached, and keeps them for the source to change further. */
export async function explore(run: Run, count: number): Promise<Reached> {
  const coverage = startCoverage()
  let blocks = 0
  try {
    for (let done = 0; done < count; done += batchSize) {
      const inputs = Array.from({ length: batchSize }, () => run.source.next())
      await runEach(run, inputs)
      const found = coverage.takeNew()
      blocks += found.length
      const input = found.length === 0 ? undefined : await narrow(run, coverage, inputs, found)
      if (input !== undefined && (await run.target.run(input)) !== null) run.source.keep(input)
    }
    return { ...coverage.readFunctions('/src/api/odata/'), blocks }
  } finally {
    coverage.stop()
  }
}

/** One look tells that some of the inputs reached something new; running halves of them again tells which. */
async function narrow(
  run: Run,
  coverage: Coverage,
  inputs: readonly FuzzInput[],
  found: readonly string[],
): Promise<FuzzInput | undefined> {
  let left = inputs
  while (left.length > 1) {
    const half = left.slice(0, left.length >> 1)
    await runEach(run, half)
    left = coverage.takeHit(found) ? half : left.slice(half.length)
  }
  return left[0]
}

/** Runs so many inputs, `atOnce` of them side by side. */
async function runInputs(run: Run, count: number, atOnce: number): Promise<void> {
  let left = count
  const work = async (): Promise<void> => {
    while (left-- > 0) await runEach(run, [run.source.next()])
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

/** Runs so many inputs and measures after each of the {@link partsOfRun} equal parts of them. */
export async function runMeasured(
  run: Run,
  count: number,
  atOnce: number,
  measure: (part: number) => Promise<Memory>,
): Promise<Memory[]> {
  const samples: Memory[] = []
  for (let part = 1; part <= partsOfRun; part++) {
    await runInputs(run, Math.ceil(count / partsOfRun), atOnce)
    samples.push(await measure(part))
  }
  return samples
}
