import { createHash } from 'node:crypto'
import { createReadStream, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type IocRule, isHashRule } from './rule-file.ts'

/** A running process whose executable a rule is about. */
export interface Match {
  readonly ruleId: string
  readonly pid: number
  /** Path of the executable as the kernel names it; ends in ` (deleted)` for one that is gone. */
  readonly path: string
  /** `killed`: ended by us. `seen`: only reported. `kept`: belongs to an installed package and is never ended. */
  readonly outcome: 'killed' | 'seen' | 'kept'
}

/** Looks through the running processes; remembers what it has read, so that a second look is cheap. */
export interface ProcessSweeper {
  /** Ends or reports every process a hash rule is about; a process is reported once. */
  readonly sweep: (rules: readonly IocRule[]) => Promise<readonly Match[]>
}

interface Digests {
  readonly md5: string
  readonly sha1: string
  readonly sha256: string
}

/** Opens a sweeper over this host's processes. */
export function createSweeper(): ProcessSweeper {
  const digests = new Map<string, Digests>()
  const reported = new Set<string>()
  const digestOf = async (pid: number): Promise<Digests | undefined> => {
    try {
      const path = `/proc/${pid}/exe`
      const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
      const key = `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
      const known = digests.get(key) ?? (await hashFile(path))
      digests.set(key, known)
      return known
    } catch (error) {
      // The process ended while we looked, or it is a thread of the kernel.
      if (isGone(error)) return undefined
      throw error
    }
  }
  return {
    sweep: async (rules) => {
      const about = rules.filter(isHashRule)
      if (about.length === 0) return []
      const found: Match[] = []
      for (const pid of listPids()) {
        const started = readStart(pid)
        const image = started === undefined ? undefined : await digestOf(pid)
        const rule = image === undefined ? undefined : chooseRule(about, image)
        if (image === undefined || rule === undefined) continue
        const match = handle(rule, pid, started, image)
        const key = `${rule.id}:${pid}:${started}:${match?.outcome}`
        if (match !== undefined && !reported.has(key)) found.push(match)
        reported.add(key)
      }
      return found
    },
  }
}

function chooseRule(rules: readonly IocRule[], digests: Digests): IocRule | undefined {
  const fitting = rules.filter(({ indicator }) =>
    indicator.kind === 'md5' || indicator.kind === 'sha1' || indicator.kind === 'sha256'
      ? digests[indicator.kind] === indicator.value
      : false,
  )
  return fitting.find(({ mode }) => mode === 'block') ?? fitting[0]
}

function handle(rule: IocRule, pid: number, started: string | undefined, image: Digests): Match | undefined {
  const path = readExe(pid)
  if (path === undefined) return undefined
  if (rule.mode === 'audit') return { ruleId: rule.id, pid, path, outcome: 'seen' }
  if (isPackaged(image.md5)) return { ruleId: rule.id, pid, path, outcome: 'kept' }
  // The number may belong to another process by now.
  if (readStart(pid) !== started) return undefined
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
  return { ruleId: rule.id, pid, path, outcome: 'killed' }
}

/** Where dpkg keeps the digests of what it installed. */
const dpkgInfo = '/var/lib/dpkg/info'

/** Tells whether an installed package brought a file with this content. */
export function isPackaged(md5: string): boolean {
  return listIfThere(dpkgInfo)
    .filter((name) => name.endsWith('.md5sums'))
    .some((name) => readFileSync(join(dpkgInfo, name), 'latin1').includes(`${md5} `))
}

/** Every process but init and ourselves. */
function listPids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== 1 && pid !== process.pid)
}

/** When a process started, in clock ticks since the host did: with the number it names one process for good. */
function readStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

function readExe(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`)
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

async function hashFile(path: string): Promise<Digests> {
  const [md5, sha1, sha256] = [createHash('md5'), createHash('sha1'), createHash('sha256')]
  for await (const chunk of createReadStream('', { fd: openSync(path, 'r') })) {
    for (const hash of [md5, sha1, sha256]) hash.update(chunk)
  }
  return { md5: md5.digest('hex'), sha1: sha1.digest('hex'), sha256: sha256.digest('hex') }
}

function listIfThere(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')
}
