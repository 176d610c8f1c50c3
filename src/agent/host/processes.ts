import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'

/** A process with a program of its own; kernel threads have none. */
export interface RunningProcess {
  readonly pid: number
  /** Start in clock ticks since boot: with the number it names one process for good. */
  readonly start: string
  readonly uid: number
  /** What the kernel calls its executable; ends in ` (deleted)` when the file is gone. */
  readonly executable: Buffer
  readonly device: bigint
  readonly inode: bigint
  /** Changes whenever the content or the owner does. */
  readonly version: string
}

/** Start time of a process in clock ticks since boot (proc(5), field 22), or empty when there is none. */
export function readStart(pid: number): string {
  return readStat(pid)[19] ?? ''
}

/** True while the process runs or is stopped; one that has ended and waits for its parent does not count. */
export function isAlive(pid: number, start: string): boolean {
  const fields = readStat(pid)
  return fields[19] === start && fields[0] !== 'Z' && fields[0] !== 'X'
}

/** Every process that has an executable, by number. */
export function listProcesses(): readonly RunningProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? [])
}

/** The systemd service a process belongs to, or undefined. @source cgroups(7), systemd names a service's control group after it */
export function readService(pid: number): string | undefined {
  try {
    return /\/([^/\n]+\.service)(?:\/[^\n]*)?$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1]
  } catch {
    // It ended meanwhile.
    return undefined
  }
}

/**
 * Sends a signal, unless the number belongs to another process by now.
 * @returns false when the process is gone
 */
export function signalProcess({ pid, start }: Pick<RunningProcess, 'pid' | 'start'>, signal: NodeJS.Signals): boolean {
  if (!isAlive(pid, start)) return false
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}

function readProcess(pid: number): RunningProcess | undefined {
  const link = `/proc/${pid}/exe`
  try {
    const start = readStart(pid)
    const executable = readlinkSync(link, { encoding: 'buffer' })
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(link, { bigint: true })
    const { uid } = statSync(`/proc/${pid}`)
    const version = `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
    return { pid, start, uid, executable, device: dev, inode: ino, version }
  } catch {
    // It ended while it was looked at, or it is a kernel thread.
    return undefined
  }
}

/** The fields of /proc/PID/stat from the state on; empty when there is no such process. */
function readStat(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command name before may hold spaces and brackets.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}
