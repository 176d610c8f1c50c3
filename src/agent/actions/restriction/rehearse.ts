import { readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../../protocol/decode.ts'
import { judgePath, type Trust } from '../../guard/decide.ts'
import { chooseMounts, readMounts } from '../../guard/mounts.ts'
import { openPackageFiles } from '../../guard/package-files.ts'
import { readVital } from '../../guard/trust.ts'
import { listProcesses } from '../../host/processes.ts'
import type { ActionDeps, ActionOutcome } from '../action.ts'
import { listAllowed } from './allowed.ts'

/** Where programs lie that are started by name. */
const pathFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin']

const MAX_LISTED = 50

interface Seen {
  readonly path: string
  readonly uid: number
  readonly device: bigint
  readonly inode: bigint
  readonly running: boolean
}

/**
 * What a restriction would deny: of the programs that run now and those in the folders of PATH, as far as they lie on a file system that
 * would be guarded. Judged by name; a package's file that was changed shows only when it is started.
 * @source design actions.md 7.6, 10.5
 */
export function rehearseRestriction(deps: ActionDeps, before: JsonObject): ActionOutcome {
  const seen = listSeen(deps)
  const allowed = listAllowed(deps)
  const trust: Trust = { packages: openPackageFiles(), vital: readVital(null), allowed: allowed.all }
  const denied = seen.filter((one) => isDenied(one, trust))
  const running = denied.filter((one) => one.running).length
  const listed = denied
    .toSorted((left, right) => Number(right.running) - Number(left.running) || (left.path < right.path ? -1 : 1))
    .slice(0, MAX_LISTED)
    .map(({ path, uid, running: runs }) => `${path.slice(0, 300)} (owner ${uid}${runs ? ', runs now' : ''})`)
  return {
    state: 'succeeded',
    target: { state: before.restricted === true ? 'already' : 'succeeded', changed: false },
    code: 'DryRun',
    detail: `would deny ${denied.length} of ${seen.length} programs seen, ${running} of them run now`,
    before: {
      ...before,
      programs: {
        seen: seen.length,
        denied: denied.length,
        running,
        listed,
        allowed: [...name(allowed.byPolicy, 'policy'), ...name(allowed.byOwner, 'agent.conf')].slice(0, MAX_LISTED),
      },
    },
    after: before,
    proof: null,
  }
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
  const running = listProcesses().map(({ executable, uid, device, inode }) => {
    return { path: executable.toString('utf8'), uid, device, inode, running: true }
  })
  const byPath = pathFolders.flatMap(listFolder)
  const seen = new Map<string, Seen>()
  for (const one of [...running, ...byPath]) {
    if (guarded.has(one.device) && !seen.has(one.path)) seen.set(one.path, one)
  }
  return [...seen.values()]
}

function listFolder(folder: string): readonly Seen[] {
  return listIfThere(folder).flatMap((name): Seen[] => {
    try {
      const path = realpathSync(join(folder, name))
      const { dev, ino, uid, mode } = statSync(path, { bigint: true })
      const runs = (mode & 0o170111n) > 0o100000n
      return runs ? [{ path, uid: Number(uid), device: dev, inode: ino, running: false }] : []
    } catch {
      // A link that leads nowhere.
      return []
    }
  })
}

function readDevice(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.dev
}

function listIfThere(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Not on this host.
    return []
  }
}
