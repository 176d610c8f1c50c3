import type { CaseResult } from './run-case.ts'

interface Line {
  readonly group: string
  readonly cases: number
  readonly run: number
  readonly goodStatus: number
  readonly holds: number
}

/**
 * One table: what was run, what held, and why the rest was not run.
 * @param notRun the cases that cannot be run yet, each with its reason
 * @source design reliability 5.5
 */
export function formatScore(results: readonly CaseResult[], notRun: Readonly<Record<string, string>>): string {
  const groups = [...new Set(results.map(({ group }) => group))]
  const lines = [...groups.map((group) => sum(group, results)), { ...sum('', results), group: 'all' }]
  const table = lines.map(({ group, cases, run, goodStatus, holds }) =>
    [group.padEnd(16), ...[cases, run, cases - run, goodStatus, holds].map((count) => String(count).padStart(9))].join(
      '',
    ),
  )
  const head = ['group'.padEnd(16), ...['cases', 'run', 'not run', 'status', 'checks'].map((name) => name.padStart(9))]
  return [head.join(''), ...table, '', ...listMisses(results), ...listReasons(notRun)].join('\n')
}

function sum(group: string, results: readonly CaseResult[]): Line {
  const own = results.filter((result) => group === '' || result.group === group)
  const run = own.filter((result) => result.run)
  return {
    group,
    cases: own.length,
    run: run.length,
    goodStatus: run.filter((result) => result.isStatusGood).length,
    holds: run.filter((result) => result.faults.length === 0).length,
  }
}

function listMisses(results: readonly CaseResult[]): string[] {
  return results.flatMap((result) =>
    result.run && !result.isStatusGood ? [`${result.id} answered ${result.status}`] : [],
  )
}

function listReasons(notRun: Readonly<Record<string, string>>): string[] {
  const reasons = new Map<string, string[]>()
  for (const [id, reason] of Object.entries(notRun)) reasons.set(reason, [...(reasons.get(reason) ?? []), id])
  return [...reasons].map(([reason, ids]) => `not run, ${reason}: ${ids.join(' ')}`)
}
