import { readStart } from '../host/processes.ts'
import { type StateDirectory, stateFiles } from '../state.ts'

/** Another agent works on this state directory. */
export class AlreadyRunning extends Error {
  constructor(pid: number) {
    super(`an agent already runs on this state directory (process ${pid})`)
    this.name = 'AlreadyRunning'
  }
}

/**
 * Takes the state directory for this process. The lock names process and its start, so that one left by a killed agent, whose number
 * another process may have by now, does not count.
 * @returns what gives it back
 * @throws AlreadyRunning
 */
export function takeLock(state: StateDirectory, pid: number): () => void {
  const [heldBy, heldSince] = (state.read(stateFiles.lock) ?? '').trim().split(' ')
  if (heldBy && heldSince && Number(heldBy) !== pid && readStart(Number(heldBy)) === heldSince) {
    throw new AlreadyRunning(Number(heldBy))
  }
  state.write(stateFiles.lock, `${pid} ${readStart(pid)}\n`)
  return () => state.remove(stateFiles.lock)
}

/** Tells whether an agent works on this state directory now. */
export function isLocked(state: StateDirectory): boolean {
  const [heldBy, heldSince] = (state.read(stateFiles.lock) ?? '').trim().split(' ')
  return heldBy !== undefined && heldBy !== '' && readStart(Number(heldBy)) === heldSince
}
