import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { setImmediate as yieldTurn } from 'node:timers/promises'
import type { FileHashes } from '../../../protocol/bodies/stopAndQuarantineFile.ts'
import { type Digests, digestPath } from './digest.ts'
import { joinPath } from './held-directory.ts'

/** File systems whose content lies on this machine; the rest is made up by the kernel or lies elsewhere. */
const localTypes = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'jfs', 'reiserfs', 'zfs', 'bcachefs'],
  ...['vfat', 'exfat', 'ntfs3', 'tmpfs', 'overlay'],
])

/** A copy that was found. */
export interface FoundCopy {
  readonly path: Buffer
  readonly digests: Digests
}

/** What a search looks for, where, and for how long. */
export interface CopySearch {
  readonly hashes: FileHashes
  /** Only files of this size are read; undefined: every file is. */
  readonly sizeBytes: number | undefined
  /** Folders to look through; empty: every local file system. */
  readonly roots: readonly string[]
  /** Folders that are left out. */
  readonly except: readonly string[]
  readonly maxMs: number
  readonly maxBytes: number
  /** Most copies; the search stops there. */
  readonly maxCopies: number
  readonly nowMs: () => number
}

/** What a search found; `complete` is false when it stopped at one of its limits. */
export interface SearchOutcome {
  readonly copies: readonly FoundCopy[]
  readonly complete: boolean
  readonly files: number
}

/** Looks for copies of a file by size and content. Links are never followed, other file systems never entered. */
export async function findCopies(search: CopySearch): Promise<SearchOutcome> {
  const mounts = readMounts()
  const roots = search.roots.length > 0 ? search.roots.map((root) => Buffer.from(root)) : mounts.local
  const limits = { endsAtMs: search.nowMs() + search.maxMs, bytesLeft: search.maxBytes }
  const seen = new Set<string>()
  const copies: FoundCopy[] = []
  let files = 0
  let turn = 0
  for (const root of roots) {
    const folders = [root]
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      if (copies.length >= search.maxCopies || search.nowMs() > limits.endsAtMs || limits.bytesLeft < 0) {
        return { copies, complete: false, files }
      }
      const listed = listFolder(folder)
      const key = folder.toString('latin1')
      if (listed === undefined || seen.has(key)) continue
      seen.add(key)
      for (const { path, kind } of listed) {
        if (kind === 'folder' && !mounts.points.has(path.toString('latin1')) && !isExcepted(search, path)) {
          folders.push(path)
        } else if (kind === 'file') {
          files += 1
          const digests = await readCandidate(search, path, limits)
          if (digests !== undefined) copies.push({ path, digests })
        }
      }
      turn += 1
      if (turn % 64 === 0) await yieldTurn()
    }
  }
  return { copies, complete: true, files }
}

async function readCandidate(
  { sizeBytes, hashes }: CopySearch,
  path: Buffer,
  limits: { bytesLeft: number },
): Promise<Digests | undefined> {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat?.isFile() !== true || (sizeBytes !== undefined && stat.size !== sizeBytes)) return undefined
  limits.bytesLeft -= stat.size
  return limits.bytesLeft < 0 ? undefined : digestPath(path, hashes)
}

function isExcepted({ except }: CopySearch, path: Buffer): boolean {
  return except.some((folder) => path.equals(Buffer.from(folder)))
}

interface Listed {
  readonly path: Buffer
  readonly kind: 'file' | 'folder' | 'other'
}

function listFolder(folder: Buffer): readonly Listed[] | undefined {
  try {
    return readdirSync(folder, { withFileTypes: true, encoding: 'buffer' }).map((entry) => {
      const kind = entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : 'other'
      return { path: joinPath(folder, entry.name), kind }
    })
  } catch {
    // Removed since it was listed, or a mount that does not answer.
    return undefined
  }
}

/** Mount points: all of them, so that none is entered from above, and those of local file systems, each source once. */
function readMounts(): { readonly points: ReadonlySet<string>; readonly local: readonly Buffer[] } {
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
