import { killAtFailpoint } from './env.ts'

/**
 * Marks a place where a crash is interesting. Does nothing unless CORDON_FAILPOINT names it: then the process dies on the spot, as by a
 * power cut. Fault tests walk through all of them.
 */
export function failpoint(name: string): void {
  if (killAtFailpoint === name) process.kill(process.pid, 'SIGKILL')
}
