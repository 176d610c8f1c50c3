import { closeSync, constants, fsyncSync, openSync, realpathSync } from 'node:fs'
import { joinPath } from '../../host/walk.ts'

/** A folder held open: names in it cannot be led elsewhere by a link somebody swaps in. */
export interface HeldDirectory {
  /** A path that leads to a name in this very folder. */
  readonly entry: (name: Buffer) => Buffer
  /** Makes changes of names durable. */
  readonly sync: () => void
  readonly close: () => void
}

const slash = 0x2f

/** A path without any link in its folders; its last part is left as it is. @throws the system's error when a folder is missing */
export function resolveFolders(path: Buffer): Buffer {
  const { folder, name } = splitPath(path)
  const real = realpathSync.native(folder, { encoding: 'buffer' })
  return joinPath(real, name)
}

/** Folder and last part of an absolute path. */
export function splitPath(path: Buffer): { readonly folder: Buffer; readonly name: Buffer } {
  const at = path.lastIndexOf(slash)
  return { folder: at <= 0 ? Buffer.from('/') : path.subarray(0, at), name: path.subarray(at + 1) }
}

/**
 * Opens a folder step by step from the root and follows no link on the way, as openat(2) would.
 * @param path absolute, without links (see {@link resolveFolders})
 * @throws the system's error: ELOOP or ENOTDIR where a link stands, ENOENT where nothing does
 */
export function holdDirectory(path: Buffer): HeldDirectory {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
  let descriptor = openSync('/', flags)
  for (const name of splitNames(path)) {
    const parent = descriptor
    try {
      descriptor = openSync(entryOf(parent, name), flags)
    } finally {
      closeSync(parent)
    }
  }
  return {
    entry: (name) => entryOf(descriptor, name),
    sync: () => fsyncSync(descriptor),
    close: () => closeSync(descriptor),
  }
}

function entryOf(descriptor: number, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${descriptor}/`), name])
}

function splitNames(path: Buffer): Buffer[] {
  const names: Buffer[] = []
  for (let start = 0; start < path.length; ) {
    const end = path.indexOf(slash, start)
    const name = path.subarray(start, end === -1 ? path.length : end)
    if (name.length > 0) names.push(name)
    start = end === -1 ? path.length : end + 1
  }
  return names
}
