import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { setImmediate as yieldTurn } from 'node:timers/promises'
import type { FileHashes } from '../../../protocol/bodies/stopAndQuarantineFile.ts'

/** What a file's content is. */
export interface Digests {
  /** Only for comparing with the digests Debian's packages bring. */
  readonly md5: string
  readonly sha1: string
  readonly sha256: string
  /** Bytes that were read. */
  readonly sizeBytes: number
}

const CHUNK_BYTES = 1024 * 1024

/** Reads an open file from its beginning and hashes it; others get their turn in between. */
export async function digestDescriptor(descriptor: number): Promise<Digests> {
  const md5 = createHash('md5')
  const sha1 = createHash('sha1')
  const sha256 = createHash('sha256')
  const sizeBytes = await readChunks(descriptor, (chunk) => {
    md5.update(chunk)
    sha1.update(chunk)
    sha256.update(chunk)
  })
  return { md5: md5.digest('hex'), sha1: sha1.digest('hex'), sha256: sha256.digest('hex'), sizeBytes }
}

/** The digest of an open file by the algorithm the hashes name; much less work than all of them for a file that is another one. */
export async function fitsContent(descriptor: number, hashes: FileHashes): Promise<boolean> {
  const hash = createHash(hashes.sha256 === undefined ? 'sha1' : 'sha256')
  await readChunks(descriptor, (chunk) => hash.update(chunk))
  return hash.digest('hex') === (hashes.sha256 ?? hashes.sha1)
}

/** Hands an open file's content over from its beginning. @returns how many bytes there were */
export async function readChunks(descriptor: number, take: (chunk: Buffer) => void): Promise<number> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  for (let at = 0; ; ) {
    const read = readSync(descriptor, buffer, 0, CHUNK_BYTES, at)
    if (read === 0) return at
    take(buffer.subarray(0, read))
    at += read
    await yieldTurn()
  }
}

/** True when the content is the one the hashes name; every given hash counts. */
export function fitsHashes(digests: Digests, hashes: FileHashes): boolean {
  return (
    (hashes.sha1 === undefined || hashes.sha1 === digests.sha1) &&
    (hashes.sha256 === undefined || hashes.sha256 === digests.sha256)
  )
}

/** Opens a file for reading without following a link at its end, without waiting for a pipe, and without changing its access time. */
export function openForReading(path: Buffer | string): number {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOATIME } = constants
  return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME)
}

/**
 * Hashes the regular file at a path.
 * @param wanted only content with these hashes counts; undefined: any
 * @returns undefined when it is gone, unreadable, no regular file or another one
 */
export async function digestPath(path: Buffer | string, wanted?: FileHashes): Promise<Digests | undefined> {
  let descriptor: number
  try {
    descriptor = openForReading(path)
  } catch {
    // Gone since it was listed, or a link now: not a copy either way.
    return undefined
  }
  try {
    if (!fstatSync(descriptor).isFile()) return undefined
    if (wanted !== undefined && !(await fitsContent(descriptor, wanted))) return undefined
    const digests = await digestDescriptor(descriptor)
    return wanted === undefined || fitsHashes(digests, wanted) ? digests : undefined
  } finally {
    closeSync(descriptor)
  }
}
