import { closeSync, fstatSync, linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs'
import type { RunProgram } from '../../host/run-program.ts'
import { readAttributes } from './attributes.ts'
import { digestDescriptor, openForReading } from './digest.ts'
import { type HeldDirectory, holdDirectory, splitPath } from './held-directory.ts'
import { type CopyPhase, type CopyRecord, pathOf } from './record.ts'
import { sealContent, VaultError } from './vault.ts'

/** What moving copies of one command works with. */
export interface VaultWork {
  readonly key: Buffer
  /** The vault's folder of the command. */
  readonly folder: string
  readonly commandId: string
  /** Writes how far a copy has come, durably. */
  readonly save: (copy: CopyRecord) => void
  readonly failpoint: (name: string) => void
  readonly run: RunProgram
}

/**
 * Moves one copy into the vault, from wherever an earlier run left it: sealed first, then its name taken away, then read once more, then
 * removed. A file that changes on the way gets its name back. Every step is recorded; none happens twice.
 * @returns the copy as it stands now
 */
export async function moveCopy(work: VaultWork, copy: CopyRecord): Promise<CopyRecord> {
  let current = copy
  const advance: Advance = (phase, code = null, kept = {}) => {
    current = { ...current, ...kept, phase, code }
    work.save(current)
  }
  try {
    const { folder, name } = splitPath(pathOf(copy))
    const held = holdDirectory(folder)
    try {
      await moveFrom(work, copy, held, name, advance)
    } finally {
      held.close()
    }
  } catch (error) {
    advance('left', classify(error))
  }
  return current
}

type Advance = (phase: CopyPhase, code?: string | null, kept?: Pick<CopyRecord, 'attributes'>) => void

async function moveFrom(
  work: VaultWork,
  copy: CopyRecord,
  held: HeldDirectory,
  name: Buffer,
  advance: Advance,
): Promise<void> {
  const visible = held.entry(name)
  const hidden = held.entry(hiddenName(work.commandId, copy.item))
  const isHidden = isSame(copy, hidden)
  if (!isHidden && !isSame(copy, visible)) {
    // Its name was free already, so the last step had been done.
    if (copy.phase === 'renamed') return advance('removed')
    return advance('left', 'Gone')
  }
  const descriptor = openForReading(isHidden ? hidden : visible)
  try {
    if (!fstatSync(descriptor).isFile()) return advance('left', 'LinkSwapped')
    const attributes = await readAttributes(work.run, descriptor)
    const wanted = { md5: '', sha1: copy.sha1, sha256: copy.sha256, sizeBytes: copy.sizeBytes }
    await sealContent(work.key, work.folder, work.commandId, descriptor, wanted)
    if (!isHidden) {
      advance('sealed', null, { attributes })
      work.failpoint('file-sealed')
      renameSync(visible, hidden)
      work.failpoint('file-renamed')
    }
    advance('renamed', null, { attributes })
    const isWhole = isSame(copy, hidden) && (await digestDescriptor(descriptor)).sha256 === copy.sha256
    if (!isWhole) throw new VaultError('Changed', 'the file changed while it was moved')
    unlinkSync(hidden)
    work.failpoint('file-unlinked')
    held.sync()
    advance('removed')
  } catch (error) {
    const isStuck = isSame(copy, hidden) && !putBack(hidden, visible)
    advance('left', isStuck ? 'NotPutBack' : classify(error))
  } finally {
    closeSync(descriptor)
  }
}

/** The name a copy has while it is on its way; it stands in the same folder, so that moving it is one step. */
export function hiddenName(commandId: string, item: number): Buffer {
  return Buffer.from(`.cordon-${commandId}-${item}`)
}

/** True when the very file of the record stands at a path. */
export function isSame(copy: Pick<CopyRecord, 'device' | 'inode'>, path: Buffer): boolean {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return stat !== undefined && String(stat.dev) === copy.device && String(stat.ino) === copy.inode
}

/** Gives a file its name back, unless another file has it by now. */
function putBack(hidden: Buffer, visible: Buffer): boolean {
  try {
    linkSync(hidden, visible)
  } catch {
    return false
  }
  unlinkSync(hidden)
  return true
}

const codes: Readonly<Record<string, string>> = {
  // Root is refused this only for files and folders with the immutable or append-only attribute (chattr).
  EPERM: 'Immutable',
  EACCES: 'NoAccess',
  EROFS: 'ReadOnly',
  ENOSPC: 'NoSpace',
  EDQUOT: 'NoSpace',
  ELOOP: 'LinkSwapped',
  ENOTDIR: 'LinkSwapped',
  ENOENT: 'Gone',
  EEXIST: 'PathTaken',
}

/** The code of a failure of one file. @throws what is no failure of the file */
export function classify(error: unknown): string {
  if (error instanceof VaultError) return error.code
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? codes[error.code] : undefined
  if (code === undefined) throw error
  return code
}
