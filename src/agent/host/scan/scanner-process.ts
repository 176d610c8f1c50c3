import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { findProgram } from '../run-program.ts'
import type { Report } from './report.ts'

/** The kernel ends a scanner together with the agent, and serves everything else before it. */
const humble = ['--pdeathsig', 'KILL', '--', 'nice', '-n', '19', 'ionice', '-c', '3'] as const

/**
 * Starts a scanner at the lowest priority of processor and disk; what it says goes into the report. An abort kills it.
 * @param input descriptor of what it reads from its standard input
 * @returns its exit code; null when it was ended or could not be started
 */
export function startScanner(
  program: 'clamscan' | 'clamdscan',
  words: readonly string[],
  signal: AbortSignal,
  report: Report,
  input?: number,
): Promise<number | null> {
  const child = spawn('setpriv', [...humble, findProgram(program) ?? program, ...words], {
    stdio: [input ?? 'ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
  })
  const kill = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', report.line)
  if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', report.error)
  return new Promise((resolve) => {
    child.once('error', (error) => report.error(error.message))
    child.once('close', (exit) => {
      signal.removeEventListener('abort', kill)
      resolve(exit)
    })
    if (signal.aborted) kill()
  })
}
