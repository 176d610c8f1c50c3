import { type Clock, type Ids, instantOf } from '../../src/io/clock.ts'
import type { JobHandler } from '../../src/jobs/worker.ts'
import type { Store } from '../../src/store/db.ts'
import { claimJobs, finishJob, freeLeases, releaseJob } from '../../src/store/jobs.ts'

/** A clock that stands still until it is told to go on. */
export interface HandClock extends Clock {
  tick(ms: number): void
}

/** A clock at a fixed start. */
export function createHandClock(startMs: number = Date.parse('2026-03-02T10:00:00Z')): HandClock {
  let ms = startMs
  return {
    nowMs: () => ms,
    now: () => instantOf(ms),
    tick: (by) => {
      ms += by
    },
  }
}

/** Ids that come out the same in every run with this seed. */
export function createSeededIds(seed: number): Ids {
  let state = (seed >>> 0) + 1
  const word = (): string => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    // Mixed, because neighbours of such a sequence look alike.
    let mixed = state ^ (state >>> 15)
    mixed = Math.imul(mixed, 0x2c1b3c6d) >>> 0
    return ((mixed ^ (mixed >>> 13)) >>> 0).toString(16).padStart(8, '0')
  }
  return {
    guid: () => {
      const hex = word() + word() + word() + word()
      const groups = [
        hex.slice(0, 8),
        hex.slice(8, 12),
        `4${hex.slice(13, 16)}`,
        `8${hex.slice(17, 20)}`,
        hex.slice(20),
      ]
      return groups.join('-')
    },
  }
}

/** The process that did a job died: nothing is recorded, and its lease stays. */
export class Crash extends Error {}

/** A worker that is moved by hand. */
export interface Stepper {
  /** Does the oldest due job. @returns false when none was due; a {@link Crash} of its handler leaves it leased */
  step(): Promise<boolean>
  /** Does due jobs until none is left. */
  run(): Promise<void>
  /** The process comes back: what it held is free again. */
  restart(): Promise<void>
}

const leaseMs = 10_000

/** Moves the jobs of a store by hand, as a worker would. */
export function createStepper(
  deps: { readonly store: Store; readonly clock: HandClock },
  handlers: Readonly<Record<string, JobHandler>>,
): Stepper {
  const { store, clock } = deps
  const step = async (): Promise<boolean> => {
    const [row] = await claimJobs(store, clock.now(), instantOf(clock.nowMs() + leaseMs), 1)
    if (row === undefined) return false
    if (row.kind === 'tell-people') {
      // Nobody is told here, and so it is no step.
      await store.transaction((tx) => finishJob(tx, row.id, row.epoch))
      return step()
    }
    const handler = handlers[row.kind]
    if (handler === undefined) throw new Error(`no handler for ${row.kind}`)
    const { id, tenant_id: tenantId, attempts, epoch } = row
    try {
      const again = await handler({ id, tenantId, attempts, epoch, payload: JSON.parse(row.payload) })
      await store.transaction(async (tx) => {
        if (again) await releaseJob(tx, row, again.runAgainAt, null)
        else await finishJob(tx, id, epoch)
      })
    } catch (cause) {
      if (!(cause instanceof Crash)) throw cause
    }
    return true
  }
  return {
    step,
    run: async () => {
      for (let count = 0; await step(); count++) if (count > 200) throw new Error('the jobs never end')
    },
    restart: () => freeLeases(store),
  }
}
