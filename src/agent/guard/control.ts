import { execFile, spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Sleep, sleep } from '../host/clock.ts'
import { isAlive, signalProcess } from '../host/processes.ts'
import { type StateDirectory, stateFiles } from '../state.ts'
import { askGuard, type GuardStatus } from './status.ts'

/** The guard as the agent has it in hand; the guard itself is a process that outlives the agent. */
export interface GuardControl {
  /** Starts a guard over what the record says, and waits until it watches. @throws GuardError */
  readonly start: () => Promise<GuardStatus>
  /** Ends the guard that runs; none is fine. */
  readonly stop: () => Promise<void>
  /** How the guard stands: see `askGuard`. */
  readonly ask: () => Promise<GuardStatus | 'dead' | 'silent'>
}

/** The guard could not be started. */
export class GuardError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'GuardError'
  }
}

const START_MS = 15_000
const STOP_MS = 3_000
const LOOK_MS = 20
/** A busy host takes many seconds to start a program; one that could not be probed in time would say that it cannot be restricted. */
const PROBE_MS = 30_000

const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }

/** Beside the agent in a package, else where the sources or the built files have it. */
function findProgram(): string | undefined {
  const places = ['guard.mjs', '../guard/main.ts', '../guard/main.js']
  return places.map((place) => join(import.meta.dirname, place)).find((path) => existsSync(path))
}

/** Opens the control of the guard over a state directory; nothing is started. */
export function openGuardControl(state: StateDirectory): GuardControl {
  const ask = (): Promise<GuardStatus | 'dead' | 'silent'> => askGuard(state.path)
  return {
    ask,
    start: () => startGuard(state, sleep),
    stop: () => stopGuard(state, sleep),
  }
}

async function startGuard(state: StateDirectory, wait: Sleep): Promise<GuardStatus> {
  const program = findProgram()
  if (program === undefined) throw new GuardError('the guard program is missing')
  const child = spawn(process.execPath, ['--max-old-space-size=128', program, 'run', state.path], {
    cwd: '/',
    detached: true,
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  child.once('error', (error) => {
    said += error.message
  })
  try {
    for (let waited = 0; waited < START_MS; waited += LOOK_MS) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
        throw new GuardError(`the guard ended: ${said.trim().slice(0, 500)}`)
      }
      const status = await askGuard(state.path)
      if (typeof status === 'object' && status.pid === child.pid) return status
      await wait(LOOK_MS)
    }
    child.kill('SIGKILL')
    throw new GuardError(`the guard did not watch within ${START_MS / 1000} s`)
  } finally {
    // From here on it is on its own.
    child.stderr.destroy()
    child.unref()
  }
}

async function stopGuard(state: StateDirectory, wait: Sleep): Promise<void> {
  const [pid, start] = (state.read(stateFiles.guard) ?? '').trim().split(' ')
  if (pid !== undefined && start !== undefined && start !== '') {
    const guard = { pid: Number(pid), start }
    signalProcess(guard, 'SIGTERM')
    for (let waited = 0; isAlive(guard.pid, start) && waited < STOP_MS; waited += LOOK_MS) await wait(LOOK_MS)
    // One that is stopped or hangs keeps every program waiting.
    signalProcess(guard, 'SIGKILL')
    while (isAlive(guard.pid, start)) await wait(LOOK_MS)
  }
  state.remove(stateFiles.guard)
  rmSync(join(state.path, stateFiles.guardSocket), { force: true })
}

/**
 * Asks, by a mark on one file of the agent's own, whether programs could be guarded here; the same mark an action would set, on a file
 * nobody executes.
 * @returns what stands in the way and how to mend it; undefined when nothing does
 */
export function findGuardProblem(): Promise<string | undefined> {
  const program = findProgram()
  if (program === undefined) {
    return Promise.resolve('the guard program is missing beside the agent; install the package cordon-agent')
  }
  return new Promise((resolve) => {
    const words = [program, 'probe', program]
    execFile(process.execPath, words, { cwd: '/', env: environment, timeout: PROBE_MS }, (error, _, stderr) => {
      const said = stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? ''
      resolve(error === null ? undefined : explain(error.code, said))
    })
  })
}

function explain(code: unknown, said: string): string {
  switch (code) {
    case 3:
      return `koffi is missing; install the package cordon-agent, or beside the agent: npm install koffi@3.3.4 (${said})`
    case 4:
      return `the agent has no CAP_SYS_ADMIN; give it to its unit (${said})`
    case 5:
      return `the kernel has no CONFIG_FANOTIFY_ACCESS_PERMISSIONS; use one that has, as Debian's (${said})`
    default:
      return `the guard does not start: ${said === '' ? String(code) : said}`
  }
}
