import { type BigIntStats, readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../../protocol/decode.ts'
import { judgePath, type Trust } from '../../guard/decide.ts'
import { chooseMounts, readMounts } from '../../guard/mounts.ts'
import { openPackageFiles } from '../../guard/package-files.ts'
import { readVital } from '../../guard/trust.ts'
import { listProcesses, readService } from '../../host/processes.ts'
import { readSeen, SEEN_DAYS } from '../../host/programs-seen.ts'
import type { ActionDeps, ActionOutcome } from '../action.ts'
import { listAllowed } from './allowed.ts'

/** Where programs lie that are started by name. */
const pathFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin']

const MAX_LISTED = 50
const DAY_MS = 86_400_000

interface Seen {
  readonly path: string
  readonly uid: number
  readonly device: bigint
  readonly inode: bigint
  readonly running: boolean
  /** The day it was last seen running, see `programs-seen.ts`; undefined when it was not in the last days. */
  readonly day: number | undefined
  /** The service it runs for. */
  readonly service: string | undefined
}

/**
 * What a restriction would deny: of the programs that run now, ran in the last days, or lie in the folders of PATH, as far as they lie on a
 * file system that would be guarded; and the services that could not be started again because of that. Judged by name; a package's file that
 * was changed shows only when it is started.
 * @source design actions.md 7.6, 10.5
 */
export function rehearseRestriction(deps: ActionDeps, before: JsonObject): ActionOutcome {
  const seen = listSeen(deps)
  const allowed = listAllowed(deps)
  const trust: Trust = { packages: openPackageFiles(), vital: readVital(null), allowed: allowed.all }
  const denied = seen.filter((one) => isDenied(one, trust))
  const running = denied.filter((one) => one.running).length
  const today = Math.floor(deps.clock.nowMs() / DAY_MS)
  const listed = denied
    .toSorted((left, right) => rank(right) - rank(left) || (left.path < right.path ? -1 : 1))
    .slice(0, MAX_LISTED)
    .map((one) => `${one.path.slice(0, 300)} (owner ${one.uid}${describeLast(one, today)})`)
  const services = [...new Set(denied.flatMap(({ service }) => service ?? []))].toSorted().slice(0, MAX_LISTED)
  return {
    state: 'succeeded',
    target: { state: before.restricted === true ? 'already' : 'succeeded', changed: false },
    code: 'DryRun',
    detail: `would deny ${denied.length} of ${seen.length} programs seen in ${SEEN_DAYS} days, ${running} of them run now`,
    before: {
      ...before,
      programs: {
        seen: seen.length,
        denied: denied.length,
        running,
        listed,
        services,
        allowed: [...name(allowed.byPolicy, 'policy'), ...name(allowed.byOwner, 'agent.conf')].slice(0, MAX_LISTED),
      },
    },
    after: before,
    proof: null,
  }
}

/** What runs comes first, then what ran last. */
function rank({ running, day }: Seen): number {
  return running ? Number.POSITIVE_INFINITY : (day ?? 0)
}

function describeLast({ running, day }: Seen, today: number): string {
  if (running) return ', runs now'
  if (day === undefined) return ''
  return day >= today ? ', ran today' : `, ran ${today - day} day${today - day === 1 ? '' : 's'} ago`
}

function name(entries: readonly string[], source: string): readonly string[] {
  return entries.map((entry) => `${entry.slice(0, 300)} (${source})`)
}

function isDenied({ path, device, inode }: Seen, trust: Trust): boolean {
  const named = { path, named: true, file: `${device}:${inode}`, rootOnly: false }
  const opinion = judgePath(named, trust)
  return opinion.kind === 'deny' || (opinion.kind === 'read' && opinion.md5.size === 0)
}

function listSeen(deps: ActionDeps): readonly Seen[] {
  const guarded = new Set(
    chooseMounts(readMounts(), deps.config.guard).flatMap(({ mountPoint }) => readDevice(mountPoint) ?? []),
  )
  const running = listProcesses().map(({ pid, executable, uid, device, inode }): Seen => {
    const path = executable.toString('utf8')
    return { path, uid, device, inode, running: true, day: undefined, service: readService(pid) }
  })
  const before = readSeen(deps.state, deps.clock.nowMs()).flatMap(({ path, day }) => readProgram(path, day) ?? [])
  const byPath = pathFolders.flatMap((folder) => listIfThere(folder).flatMap((entry) => findProgramAt(folder, entry)))
  const seen = new Map<string, Seen>()
  for (const one of [...running, ...before, ...byPath]) {
    const known = seen.get(one.path)
    if (guarded.has(one.device) && known === undefined) seen.set(one.path, one)
    // Several processes of one program may belong to a service or to nobody.
    else if (known?.service === undefined && one.service !== undefined)
      seen.set(one.path, { ...one, ...known, service: one.service })
  }
  return [...seen.values()]
}

function findProgramAt(folder: string, entry: string): readonly Seen[] {
  try {
    return readProgram(realpathSync(join(folder, entry)), undefined)
  } catch {
    // A link that leads nowhere.
    return []
  }
}

/** The file at a path without links, when it can be executed. */
function readProgram(path: string, day: number | undefined): readonly Seen[] {
  const stat = tryStat(path)
  if (stat === undefined || (stat.mode & 0o170111n) <= 0o100000n) return []
  const { dev, ino, uid } = stat
  return [{ path, uid: Number(uid), device: dev, inode: ino, running: false, day, service: undefined }]
}

function readDevice(path: string): bigint | undefined {
  return tryStat(path)?.dev
}

function tryStat(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true })
  } catch {
    // It went away, or a link there leads nowhere.
    return undefined
  }
}

function listIfThere(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Not on this host.
    return []
  }
}
