import { lstatSync } from 'node:fs'
import type { FileHashes } from '../../../protocol/bodies/stopAndQuarantineFile.ts'
import { readLocalMounts, walkFiles } from '../../host/walk.ts'
import { type Digests, digestPath } from './digest.ts'

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
  const { local, points } = readLocalMounts()
  const roots = search.roots.length > 0 ? search.roots.map((root) => Buffer.from(root)) : local
  const limits = { endsAtMs: search.nowMs() + search.maxMs, bytesLeft: search.maxBytes }
  const copies: FoundCopy[] = []
  let files = 0
  for await (const paths of walkFiles(roots, search.except, points)) {
    if (copies.length >= search.maxCopies || search.nowMs() > limits.endsAtMs || limits.bytesLeft < 0) {
      return { copies, complete: false, files }
    }
    for (const path of paths) {
      files += 1
      const digests = await readCandidate(search, path, limits)
      if (digests !== undefined) copies.push({ path, digests })
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
