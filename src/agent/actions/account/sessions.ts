import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Processes of an account on this host, whatever started them. Those of containers with users of their own belong to others. */
export function listProcesses(uid: number): readonly number[] {
  const own = readNamespace(process.pid)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => readUid(pid) === uid && readNamespace(pid) === own)
}

/** Ends every process of an account; again, while they start new ones. @returns those that are left */
export async function endProcesses(uid: number, sleep: (ms: number) => Promise<void>): Promise<readonly number[]> {
  for (let round = 0; round < 20; round += 1) {
    const left = listProcesses(uid)
    if (left.length === 0) return []
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
      }
    }
    await sleep(50)
  }
  return listProcesses(uid)
}

/** The real user of a process that still runs; undefined for one that has ended or waits to be buried. */
function readUid(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    if (/^State:\s+[ZX]/m.test(status)) return undefined
    return Number(/^Uid:\s+(\d+)/m.exec(status)?.[1])
  } catch {
    // It ended while we looked.
    return undefined
  }
}

function readNamespace(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/user`)
  } catch {
    return undefined
  }
}
