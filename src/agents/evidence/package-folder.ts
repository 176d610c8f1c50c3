import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { packageFolder } from '../../io/data-dir.ts'
import type { PackageComplete } from '../../protocol/bodies/collectInvestigationPackage.ts'
import { decode, integer, object, parseJson, sha256Text } from '../../protocol/decode.ts'

/** A whole package as the server has it. */
export interface StoredPackage {
  readonly size: number
  /** `sha256:` and 64 hexadecimal digits. */
  readonly sha256: string
}

/** What became of a part. */
export type PartOutcome = 'stored' | 'overQuota' | 'contradiction' | 'outOfOrder'

/**
 * Packages of hosts. They are evidence and hostile input in one: stored as they came, under the digest of their content, never opened.
 * A command has one package; two commands with the same content share one file.
 */
export interface PackageFolder {
  /**
   * Keeps a part; the same part again changes nothing. Parts come in order. A higher generation begins anew.
   * @param number from 1
   */
  readonly putPart: (
    commandId: string,
    part: { readonly generation: number; readonly number: number },
    bytes: Buffer,
    maxBytes: number,
  ) => Promise<PartOutcome>
  /** Puts the parts together. @returns false when they are not what the host says it sent */
  readonly complete: (commandId: string, message: PackageComplete) => Promise<boolean>
  /** The package of a command; null before it is complete. */
  readonly find: (commandId: string) => Promise<StoredPackage | null>
  /** Where the content with a digest lies; null when it is not, or no longer, there. */
  readonly locate: (sha256: string) => Promise<{ readonly path: string; readonly size: number } | null>
  /** Removes packages older than {@link keepMs} and uploads that nobody went on with. */
  readonly sweep: (nowMs: number) => Promise<void>
}

/** How long a package is kept. @source design actions.md 10.4 */
export const keepMs: number = 30 * 86_400_000
/** How long a broken off upload is kept. */
const keepPartsMs = 2 * 86_400_000

const decodeStored = object<StoredPackage>({ size: integer(0, Number.MAX_SAFE_INTEGER), sha256: sha256Text })

/** Opens the folder of packages in the data folder; made at the first upload, readable by its owner only. */
export function openPackageFolder(dataDir: string): PackageFolder {
  const root = packageFolder(dataDir)
  const incoming = (commandId: string): string => join(root, 'incoming', commandId)
  const listed = (commandId: string): string => join(root, 'by-command', `${commandId}.json`)
  const content = (sha256: string): string => join(root, 'content', `${sha256.slice('sha256:'.length)}.zip`)
  const find: PackageFolder['find'] = async (commandId) => {
    const text = await readFile(listed(commandId), 'utf8').catch(ignoreMissing)
    return text === undefined ? null : decode(decodeStored, parseJson(text, 4_096))
  }
  return {
    find,
    putPart: (commandId, part, bytes, maxBytes) => putPart(incoming(commandId), part, bytes, maxBytes),
    complete: async (commandId, message) => {
      const { size, sha256 } = message
      const known = await find(commandId)
      if (known !== null) return known.size === size && known.sha256 === sha256
      const folder = incoming(commandId)
      const paths = await listParts(folder, message.generation)
      if (paths.length !== message.parts) return false
      for (const name of ['content', 'by-command']) await makeFolder(join(root, name))
      const whole = join(folder, 'whole')
      if ((await joinParts(paths, whole, size)) !== sha256) return false
      await rename(whole, content(sha256))
      await writeDurably(listed(commandId), JSON.stringify({ size, sha256 }))
      await rm(folder, { recursive: true })
      return true
    },
    locate: async (sha256) => {
      const path = content(decode(sha256Text, sha256))
      const found = await stat(path).catch(ignoreMissing)
      return found === undefined ? null : { path, size: found.size }
    },
    sweep: async (nowMs) => {
      await removeOld(join(root, 'content'), nowMs - keepMs)
      await removeOld(join(root, 'incoming'), nowMs - keepPartsMs)
    },
  }
}

async function putPart(
  folder: string,
  { generation, number }: { readonly generation: number; readonly number: number },
  bytes: Buffer,
  maxBytes: number,
): Promise<PartOutcome> {
  await makeFolder(folder)
  const known = await readdir(folder)
  const generations = known.map((name) => Number(name.split('-')[0])).filter((found) => found > 0)
  if (generations.some((found) => found > generation)) return 'contradiction'
  for (const name of known) if (Number(name.split('-')[0]) < generation) await rm(join(folder, name))
  const parts = await listParts(folder, generation)
  const path = partPath(folder, generation, number)
  if (parts.includes(path)) return (await readFile(path)).equals(bytes) ? 'stored' : 'contradiction'
  if (number !== parts.length + 1) return 'outOfOrder'
  let size = bytes.length
  for (const part of parts) size += (await stat(part)).size
  if (size > maxBytes) return 'overQuota'
  await writeDurably(path, bytes)
  return 'stored'
}

function partPath(folder: string, generation: number, number: number): string {
  return join(folder, `${generation}-${String(number).padStart(5, '0')}`)
}

async function listParts(folder: string, generation: number): Promise<string[]> {
  const names = (await readdir(folder).catch(ignoreMissing)) ?? []
  return names
    .filter((name) => name.startsWith(`${generation}-`) && /^\d+-\d{5}$/.test(name))
    .sort()
    .map((name) => join(folder, name))
}

/** @returns the digest of all parts in a row; empty when they are not of that size */
async function joinParts(paths: readonly string[], target: string, wantedBytes: number): Promise<string> {
  const hash = createHash('sha256')
  let size = 0
  const read = async function* (): AsyncGenerator<Buffer> {
    for (const path of paths) {
      for await (const chunk of createReadStream(path)) {
        hash.update(chunk)
        size += chunk.length
        yield chunk
      }
    }
  }
  await pipeline(Readable.from(read()), createWriteStream(target, { mode: 0o600, flush: true }))
  return size === wantedBytes ? `sha256:${hash.digest('hex')}` : ''
}

async function removeOld(folder: string, beforeMs: number): Promise<void> {
  for (const name of (await readdir(folder).catch(ignoreMissing)) ?? []) {
    const path = join(folder, name)
    const found = await stat(path).catch(ignoreMissing)
    if (found !== undefined && found.mtimeMs < beforeMs) await rm(path, { recursive: true, force: true })
  }
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
}

async function writeDurably(path: string, bytes: Buffer | string): Promise<void> {
  const temporary = `${path}.new`
  await writeFile(temporary, bytes, { mode: 0o600, flush: true })
  await rename(temporary, path)
  const folder = await open(join(path, '..'))
  await folder.sync().finally(() => folder.close())
}

function ignoreMissing(cause: unknown): undefined {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
  throw cause
}
