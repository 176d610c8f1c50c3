import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FlockNews, FlockOrder } from './flock.ts'

const patienceMs = 240_000

/** The process of the simulated agents, as the bench sees it. */
export interface Flock {
  readonly pid: number
  /** Agents that are answered by the server now. */
  readonly present: () => number
  /** When the last agent came back; milliseconds since the epoch. */
  readonly lastBackMs: () => number
  /** How many agents got a command of a task, and when the last of them did. */
  readonly arrivals: (taskId: string) => { readonly count: number; readonly lastAtMs: number }
  /** @throws Error after four minutes in vain, or when the process has ended */
  readonly until: (condition: () => boolean) => Promise<void>
  readonly stop: () => Promise<void>
}

/** Starts the agents in a process of their own. */
export function startFlock(order: FlockOrder): Flock {
  const child: ChildProcess = fork(join(import.meta.dirname, 'flock.ts'))
  const arrivals = new Map<string, { readonly count: number; readonly lastAtMs: number }>()
  const arrivalsOf: Flock['arrivals'] = (taskId) => arrivals.get(taskId) ?? { count: 0, lastAtMs: Number.NaN }
  let present = 0
  let lastBackMs = 0
  child.on('message', (message) => {
    // Our own child: the form is that of the type.
    const news = message as FlockNews
    if (news.kind === 'command') {
      arrivals.set(news.taskId, { count: arrivalsOf(news.taskId).count + 1, lastAtMs: news.atMs })
    } else if (news.kind === 'lost') present -= 1
    else {
      present += 1
      lastBackMs = news.atMs
    }
  })
  child.send(order)
  return {
    pid: child.pid ?? 0,
    present: () => present,
    lastBackMs: () => lastBackMs,
    arrivals: arrivalsOf,
    until: async (condition) => {
      const deadline = Date.now() + patienceMs
      while (!condition()) {
        if (child.exitCode !== null) throw new Error(`the process of the agents ended with ${child.exitCode}`)
        if (Date.now() > deadline) throw new Error(`waited in vain; ${present} agents are there`)
        await sleep(5)
      }
    },
    stop: async () => {
      if (child.exitCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.disconnect()
      await ended
    },
  }
}
