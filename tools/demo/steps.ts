/** One step of the demo as it is printed. */
export interface Step {
  readonly name: string
  /** What was seen, in a few words. */
  readonly saw: string
  readonly ok: boolean
  readonly seconds: number
}

/** Runs steps one after the other, prints each as it ends, and remembers them. */
export interface Steps {
  /**
   * Runs one step. Its work answers what it saw, and throws when the step does not hold.
   * @returns what `work` gave as `value`
   */
  step<T>(name: string, work: () => Promise<{ readonly saw: string; readonly value: T }>): Promise<T>
  readonly all: readonly Step[]
}

/** Steps printed for people, or as JSON lines. */
export function createSteps(json: boolean): Steps {
  const all: Step[] = []
  const print = (step: Step): void => {
    all.push(step)
    const line = json ? JSON.stringify(step) : `${step.ok ? '✔' : '✘'} ${step.name}\n    ${step.saw}`
    process.stdout.write(`${line}\n`)
  }
  return {
    all,
    step: async (name, work) => {
      const start = performance.now()
      const seconds = (): number => Math.round(performance.now() - start) / 1000
      try {
        const { saw, value } = await work()
        print({ name, saw, ok: true, seconds: seconds() })
        return value
      } catch (cause) {
        print({ name, saw: cause instanceof Error ? cause.message : String(cause), ok: false, seconds: seconds() })
        throw cause
      }
    },
  }
}

/** The closing table: step, result, time. */
export function formatTable(steps: readonly Step[]): string {
  const width = Math.max(...steps.map((step) => step.name.length))
  const rows = steps.map(
    (step) => `${step.name.padEnd(width)}  ${step.ok ? 'holds' : 'FAILS'}  ${step.seconds.toFixed(2).padStart(7)} s`,
  )
  const total = steps.reduce((sum, step) => sum + step.seconds, 0)
  return [...rows, `${'total'.padEnd(width)}         ${total.toFixed(2).padStart(7)} s`].join('\n')
}
