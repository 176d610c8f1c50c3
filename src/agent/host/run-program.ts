import { execFile, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'

/** Programs of the host the agent may start; nothing else is ever started. */
export type ProgramName =
  | 'nft'
  | 'touch'
  | 'who'
  | 'clamscan'
  | 'clamdscan'
  | 'usermod'
  | 'chage'
  | 'loginctl'
  | 'dpkg'
  | 'journalctl'
  | 'last'
  | 'ss'
  | 'mount'
  | 'getfattr'
  | 'setfattr'

/** What a program answered. */
export interface ProgramOutcome {
  /** Exit code; -1 when it could not be started or did not end in time. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Starts a host program without a shell and waits for its end (at most 20 s, 16 MiB of output).
 * @param args fixed words; nothing a person typed
 * @param input text for its standard input
 */
export type RunProgram = (program: ProgramName, args: readonly string[], input?: string) => Promise<ProgramOutcome>

// A fixed list instead of PATH: the environment of whoever started us must not choose what runs as root.
const directories = ['/usr/sbin', '/sbin', '/usr/bin', '/bin']

/** Part of util-linux, which every Debian host has. */
const SETPRIV = '/usr/bin/setpriv'

/** Where a program lies, or undefined when it is not installed. */
export function findProgram(program: ProgramName): string | undefined {
  return directories.map((directory) => `${directory}/${program}`).find(isExecutable)
}

/** The real {@link RunProgram}. */
export const runProgram: RunProgram = (program, args, input = '') => {
  const path = findProgram(program)
  if (path === undefined) return Promise.resolve({ code: -1, stdout: '', stderr: `${program} is not installed` })
  return new Promise((resolve) => {
    const child = execFile(
      path,
      args,
      {
        encoding: 'utf8',
        timeout: 20_000,
        maxBuffer: 16 * 1024 * 1024,
        env: { PATH: directories.join(':'), LC_ALL: 'C' },
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ code, stdout, stderr: stderr === '' && error !== null ? error.message : stderr })
      },
    )
    // A program that fails before it reads its input closes the pipe; its exit code tells the story.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

/**
 * Starts a program that goes on talking until it is stopped.
 * @param onOutput called whenever it says something; what it says is not looked at
 * @param onEnd called once when it ends by itself or could not be started
 * @returns what stops it
 */
export type FollowProgram = (
  program: ProgramName,
  args: readonly string[],
  onOutput: () => void,
  onEnd: () => void,
) => () => void

/** The real {@link FollowProgram}. */
export const followProgram: FollowProgram = (program, args, onOutput, onEnd) => {
  const path = findProgram(program)
  if (path === undefined) {
    onEnd()
    return () => {}
  }
  const env = { PATH: directories.join(':'), LC_ALL: 'C' }
  // The kernel ends it with us, however we end.
  const bound = isExecutable(SETPRIV)
  const child = spawn(bound ? SETPRIV : path, bound ? ['--pdeathsig', 'KILL', '--', path, ...args] : args, {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  child.stdout.on('data', onOutput)
  child.once('error', onEnd)
  child.once('exit', onEnd)
  return () => {
    child.off('error', onEnd)
    child.off('exit', onEnd)
    child.once('error', () => {})
    child.kill('SIGKILL')
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
