import { killAtFailpoint } from './env.ts'

const [place, manner] = (killAtFailpoint ?? '').split(':')
let stopped = false

/**
 * Marks a place where a crash is interesting. Does nothing unless CORDON_FAILPOINT names it: then the process dies on the spot, as by a
 * power cut, or with `name:stop` stands still the first time, as on a machine that is suspended, until somebody lets it go on. Fault tests
 * walk through all of them.
 */
export function failpoint(name: string): void {
  if (place !== name) return
  if (manner !== 'stop') process.kill(process.pid, 'SIGKILL')
  else if (!stopped) {
    stopped = true
    process.kill(process.pid, 'SIGSTOP')
  }
}
