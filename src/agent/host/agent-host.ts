import { randomUUID } from 'node:crypto'
import { type Clock, hostClock, type Sleep, sleep } from './clock.ts'
import { type FollowProgram, followProgram, type RunProgram, runProgram } from './run-program.ts'

/** Version of this agent, as the server lists it. */
export const AGENT_VERSION = '0.1.0'

/** What the agent needs of the machine it runs on; everything that is not deterministic comes from here. */
export interface AgentHost {
  readonly clock: Clock
  readonly sleep: Sleep
  /** From 0 (included) to 1. */
  readonly random: () => number
  readonly run: RunProgram
  readonly follow: FollowProgram
  /** Another one for each run of the agent; tells a host from its copy. */
  readonly runId: string
  /** Process id, for the lock. */
  readonly pid: number
  /** User id; 0 is root. */
  readonly uid: number
  readonly agentVersion: string
  /** Writes one log line: an event in a few words and its facts. */
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void
  /** Called at named places; does nothing unless a fault test ends the process there. */
  readonly failpoint: (name: string) => void
}

/** The real machine, logging JSON lines to standard error. */
export function openHost(): AgentHost {
  return {
    clock: hostClock,
    sleep,
    random: Math.random,
    run: runProgram,
    follow: followProgram,
    runId: randomUUID(),
    pid: process.pid,
    uid: process.getuid?.() ?? -1,
    agentVersion: AGENT_VERSION,
    log: (event, facts = {}) => {
      process.stderr.write(
        `${JSON.stringify({ time: new Date(hostClock.nowMs()).toISOString(), msg: event, ...facts })}\n`,
      )
    },
    failpoint: () => {},
  }
}
