import { spawn } from 'node:child_process'
import { findProgram, type ProgramName } from './run-program.ts'

/** What a program said until it ended or was ended. */
export interface Captured {
  readonly output: Buffer
  /** Exit code; null when it was ended at one of its limits, or could not be started. */
  readonly exit: number | null
  /** It would have said more. */
  readonly truncated: boolean
  readonly error: string | null
}

/**
 * Starts a host program without a shell and keeps the beginning of its output, also when it does not end by itself.
 * @param args fixed words; nothing a person typed
 */
export function captureProgram(
  program: ProgramName,
  args: readonly string[],
  limits: { readonly maxMs: number; readonly maxBytes: number },
): Promise<Captured> {
  const path = findProgram(program)
  if (path === undefined) {
    return Promise.resolve({
      output: Buffer.alloc(0),
      exit: null,
      truncated: false,
      error: `${program} is not installed`,
    })
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    let truncated = false
    let error: string | null = null
    const child = spawn(path, args, {
      env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const stop = (): void => {
      truncated = true
      child.kill('SIGKILL')
    }
    const timer = setTimeout(stop, limits.maxMs)
    child.stdout.on('data', (chunk: Buffer) => {
      const room = limits.maxBytes - size
      if (room > 0) chunks.push(chunk.subarray(0, room))
      size += chunk.length
      if (size > limits.maxBytes) stop()
    })
    child.on('error', (cause) => {
      error = cause.message
    })
    child.on('close', (exit) => {
      clearTimeout(timer)
      resolve({ output: Buffer.concat(chunks), exit, truncated, error })
    })
  })
}
