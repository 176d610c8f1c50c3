import { closeSync, openSync } from 'node:fs'
import type { FileHashes } from '../../../protocol/bodies/stopAndQuarantineFile.ts'
import type { Clock, Sleep } from '../../host/clock.ts'
import { isAlive, listProcesses, type RunningProcess, signalProcess } from '../../host/processes.ts'
import { type Digests, digestDescriptor, fitsContent, fitsHashes } from './digest.ts'

/** A process whose executable is the file that is looked for. */
export interface Match {
  readonly process: RunningProcess
  readonly digests: Digests
}

/** Finds every process that runs the file, under whatever name, also when the file is deleted or was never on a disk. */
export type FindMatches = () => Promise<readonly Match[]>

/** Makes the search for one file. Executables are read through /proc/PID/exe, each content once; a size from evidence may be wrong. */
export function createFindMatches(hashes: FileHashes): FindMatches {
  const known = new Map<string, Digests | 'another'>()
  return async () => {
    const matches: Match[] = []
    for (const found of listProcesses()) {
      if (found.pid === process.pid) continue
      const digests = known.get(found.version) ?? (await digestExecutable(found.pid, hashes))
      if (digests === undefined) continue
      known.set(found.version, digests)
      if (digests !== 'another') matches.push({ process: found, digests })
    }
    return matches
  }
}

/** Opens a process's executable, also a deleted one; undefined when the process is gone. */
export function openExecutable(pid: number): number | undefined {
  try {
    return openSync(`/proc/${pid}/exe`, 'r')
  } catch {
    return undefined
  }
}

async function digestExecutable(pid: number, hashes: FileHashes): Promise<Digests | 'another' | undefined> {
  const descriptor = openExecutable(pid)
  if (descriptor === undefined) return undefined
  try {
    if (!(await fitsContent(descriptor, hashes))) return 'another'
    const digests = await digestDescriptor(descriptor)
    return fitsHashes(digests, hashes) ? digests : 'another'
  } finally {
    closeSync(descriptor)
  }
}

const MAX_ROUNDS = 200
const PATIENCE_MS = 10_000

/**
 * Stops every match until a look finds no new one: what is stopped cannot fork.
 * @returns all that were stopped; they wait for {@link endMatches}
 */
export async function freezeMatches(find: FindMatches): Promise<readonly Match[]> {
  const frozen = new Map<string, Match>()
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const fresh = (await find()).filter(({ process: { pid, start } }) => !frozen.has(`${pid}:${start}`))
    if (fresh.length === 0) break
    for (const match of fresh) {
      signalProcess(match.process, 'SIGSTOP')
      frozen.set(`${match.process.pid}:${match.process.start}`, match)
    }
  }
  return [...frozen.values()]
}

/**
 * Kills stopped processes and waits until they are gone. One that runs another program by now is let go on.
 * @returns those that were killed
 */
export async function endMatches(
  frozen: readonly Match[],
  { clock, sleep }: { readonly clock: Clock; readonly sleep: Sleep },
): Promise<readonly Match[]> {
  const now = new Map(listProcesses().map((found) => [found.pid, found]))
  const killed: Match[] = []
  for (const match of frozen) {
    const current = now.get(match.process.pid)
    if (current === undefined || current.start !== match.process.start) continue
    if (current.inode !== match.process.inode || current.device !== match.process.device) {
      signalProcess(current, 'SIGCONT')
    } else if (signalProcess(current, 'SIGKILL')) killed.push(match)
  }
  const deadlineMs = clock.elapsedMs() + PATIENCE_MS
  const isLeft = ({ process: { pid, start } }: Match): boolean => isAlive(pid, start)
  while (killed.some(isLeft) && clock.elapsedMs() < deadlineMs) await sleep(5)
  return killed
}
