import { Session } from 'node:inspector'

/** Which blocks of our own source have run. */
export interface Coverage {
  /** Blocks that ran since the last call and never before it. */
  takeNew(): readonly string[]
  /** Whether one of those blocks ran since the last call. */
  takeHit(blocks: readonly string[]): boolean
  /** Functions of the files whose path holds `part`: how many have run, and the names of those that have not. */
  readFunctions(part: string): { readonly run: number; readonly idle: readonly string[] }
  stop(): void
}

/** Scripts of Node and of packages are nobody's concern here. */
const own = /\/src\/.*\.ts$/

interface FunctionRange {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}

interface ScriptCoverage {
  readonly url: string
  readonly functions: readonly { readonly functionName: string; readonly ranges: readonly FunctionRange[] }[]
}

/** Counts blocks by V8's own precise coverage, in this process. It makes the code slower, so it is for a part of a run only. */
export function startCoverage(): Coverage {
  const session = new Session()
  session.connect()
  const ask = (method: string, parameters: object): unknown => {
    let answer: unknown
    session.post(method, parameters, (failure, result) => {
      if (failure !== null) throw failure
      answer = result
    })
    return answer
  }
  const seen = new Set<string>()
  const functions = new Map<string, boolean>()
  const take = (): Set<string> => {
    const ran = new Set<string>()
    for (const { url, functions: listed } of readScripts(ask('Profiler.takePreciseCoverage', {}))) {
      if (!own.test(url)) continue
      for (const { functionName, ranges } of listed) {
        const [whole] = ranges
        if (whole === undefined) continue
        const key = `${url} ${functionName} ${whole.startOffset}`
        functions.set(key, functions.get(key) === true || whole.count > 0)
        for (const { startOffset, endOffset, count } of ranges) {
          if (count > 0) ran.add(`${url} ${startOffset} ${endOffset}`)
        }
      }
    }
    return ran
  }
  ask('Profiler.enable', {})
  ask('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  return {
    takeNew: () => {
      const found = [...take()].filter((block) => !seen.has(block))
      for (const block of found) seen.add(block)
      return found
    },
    takeHit: (blocks) => {
      const ran = take()
      return blocks.some((block) => ran.has(block))
    },
    readFunctions: (part) => {
      const listed = [...functions].filter(([key]) => key.includes(part))
      const idle = listed.filter(([, hasRun]) => !hasRun).map(([key]) => key.slice(key.indexOf(part)))
      return { run: listed.length - idle.length, idle }
    },
    stop: () => {
      ask('Profiler.stopPreciseCoverage', {})
      session.disconnect()
    },
  }
}

function readScripts(answer: unknown): readonly ScriptCoverage[] {
  const { result } = Object(answer)
  return Array.isArray(result) ? result : []
}
