import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { setImmediate as yieldTurn } from 'node:timers/promises'

/** File systems whose content lies on this machine; the rest is made up by the kernel or lies elsewhere. */
const localTypes = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'jfs', 'reiserfs', 'zfs', 'bcachefs'],
  ...['vfat', 'exfat', 'ntfs3', 'tmpfs', 'overlay'],
])

const slash = 0x2f

/** Every mount point, so that none is entered from above, and those of local file systems, each source once. */
export interface LocalMounts {
  /** As latin1 text, which holds any bytes. */
  readonly points: ReadonlySet<string>
  readonly local: readonly Buffer[]
}

/** What is mounted in this process's namespace. @source proc_pid_mountinfo(5) */
export function readLocalMounts(): LocalMounts {
  const points = new Set<string>()
  const local: Buffer[] = []
  const sources = new Set<string>()
  for (const line of readFileSync('/proc/self/mountinfo', 'latin1').split('\n')) {
    const fields = line.split(' ')
    const [device, root, point] = [fields[2], fields[3], fields[4]]
    const type = fields[fields.indexOf('-') + 1]
    if (device === undefined || root === undefined || point === undefined || type === undefined) continue
    // The kernel writes space, tab, line end and backslash in octal.
    const path = point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    points.add(path)
    const source = `${device}:${root}`
    if (!localTypes.has(type) || sources.has(source)) continue
    sources.add(source)
    local.push(Buffer.from(path, 'latin1'))
  }
  return { points, local }
}

/**
 * The regular files below some places, folder by folder; a place may be a file itself. Links are never followed, mount points never entered
 * from above, and what goes away meanwhile is left out.
 * @param except folders that are left out, as whole paths
 */
export async function* walkFiles(
  roots: readonly Buffer[],
  except: readonly string[],
  points: ReadonlySet<string>,
): AsyncGenerator<readonly Buffer[], void, undefined> {
  const left = new Set(except.map((folder) => Buffer.from(folder).toString('latin1')))
  const seen = new Set<string>()
  let turn = 0
  for (const root of roots) {
    if (lstatSync(root, { throwIfNoEntry: false })?.isFile() === true) {
      yield [root]
      continue
    }
    const folders = [root]
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const key = folder.toString('latin1')
      if (seen.has(key)) continue
      seen.add(key)
      const { files, below } = listFolder(folder)
      folders.push(...below.filter((path) => isEntered(path.toString('latin1'), left, points)))
      yield files
      turn += 1
      if (turn % 64 === 0) await yieldTurn()
    }
  }
}

/** A path below a folder; names are bytes, which need not be text. */
export function joinPath(folder: Buffer, name: Buffer): Buffer {
  return folder.at(-1) === slash ? Buffer.concat([folder, name]) : Buffer.concat([folder, Buffer.from('/'), name])
}

function isEntered(key: string, left: ReadonlySet<string>, points: ReadonlySet<string>): boolean {
  return !points.has(key) && !left.has(key)
}

function listFolder(folder: Buffer): { readonly files: readonly Buffer[]; readonly below: readonly Buffer[] } {
  try {
    const entries = readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })
    return {
      files: entries.filter((entry) => entry.isFile()).map(({ name }) => joinPath(folder, name)),
      below: entries.filter((entry) => entry.isDirectory()).map(({ name }) => joinPath(folder, name)),
    }
  } catch {
    // Removed since it was listed, or a mount that does not answer.
    return { files: [], below: [] }
  }
}
