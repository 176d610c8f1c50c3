import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes `path` as a folder only its owner may enter. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
}

/**
 * Reads `path`, making it with `make()` when it is absent. Of several processes that start at once exactly one file wins, whole and
 * durable, and all of them get its content: the new file is linked into place, which fails when the name is taken.
 * @param mode permission bits of a new file
 * @throws Error when the file cannot be read or written, or when a 0600 file is open to others
 */
export async function readOrMake(path: string, mode: 0o600 | 0o644, make: () => Promise<string>): Promise<string> {
  const found = await (mode === 0o600 ? readPrivate(path) : readIfPresent(path))
  if (found !== undefined) return found
  const temporary = await writeTemporary(path, mode, await make())
  try {
    await link(temporary, path)
    await syncFolder(dirname(path))
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST')) throw cause
  } finally {
    await unlink(temporary)
  }
  return readFile(path, 'utf8')
}

/** Replaces `path` as a whole: a reader or a crash sees the old content or the new one, never a part. */
export async function replaceFile(path: string, mode: 0o600 | 0o644, content: string): Promise<void> {
  await rename(await writeTemporary(path, mode, content), path)
  await syncFolder(dirname(path))
}

/** As {@link readIfPresent}, for a secret. @throws Error when the file is open to others */
export async function readPrivate(path: string): Promise<string | undefined> {
  const found = await readIfPresent(path)
  if (found !== undefined) await requirePrivate(path)
  return found
}

/** The file's text, or undefined when it does not exist. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined
    throw cause
  }
}

async function writeTemporary(path: string, mode: number, content: string): Promise<string> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`
  const file = await open(temporary, 'wx', mode)
  try {
    await file.writeFile(content)
    // The umask may have taken bits away that a public file needs.
    await file.chmod(mode)
    await file.sync()
  } finally {
    await file.close()
  }
  return temporary
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder; there the rename itself is the best there is.
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function requirePrivate(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0) {
    throw new Error(`${path} holds a private key and is open to other users; set it to mode 600, or replace the key`)
  }
}

function hasCode(cause: unknown, code: string): boolean {
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === code
}
