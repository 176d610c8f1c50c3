import { createReadStream, statSync } from 'node:fs'
import { pipeline, Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { createGunzip } from 'node:zlib'
import xz from 'xz-decompress'
import { CordonError } from '../model/errors.ts'

/** A file on its way in. */
export interface OpenFile {
  /** Its content, unpacked. Ends with an error when the file is broken. */
  readonly content: AsyncIterable<Buffer>
  /** Bytes of the file as it lies there; null for standard input. */
  readonly totalBytes: number | null
  /** How many of them have been read. */
  readBytes(): number
}

const gzipMagic = Buffer.from([0x1f, 0x8b])
const xzMagic = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])

/**
 * Opens a file for reading in pieces; gzip and xz are told by their first bytes and unpacked on the way, so that memory stays the same
 * whatever the size. `-` is standard input.
 * @throws CordonError BadRequest when there is no such file
 */
export async function openFile(path: string): Promise<OpenFile> {
  const totalBytes = path === '-' ? null : sizeOf(path)
  const raw: Readable = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 256 * 1024 })
  let count = 0
  const chunks = countChunks(raw, (bytes) => {
    count += bytes
  })
  return { content: await unpack(chunks), totalBytes, readBytes: () => count }
}

function sizeOf(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) throw new CordonError('BadRequest', `There is no file ${path}.`)
  if (stats.isDirectory()) throw new CordonError('BadRequest', `${path} is a folder.`)
  return stats.size
}

async function* countChunks(raw: Readable, count: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of raw) {
    if (!Buffer.isBuffer(chunk)) continue
    count(chunk.length)
    yield chunk
  }
}

async function unpack(chunks: AsyncGenerator<Buffer>): Promise<AsyncIterable<Buffer>> {
  let head = Buffer.alloc(0)
  while (head.length < xzMagic.length) {
    const next = await chunks.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  const whole = prepend(head, chunks)
  if (head.subarray(0, gzipMagic.length).equals(gzipMagic)) {
    // The reader of the unpacked stream sees its errors, those of the file among them.
    return pipeline(Readable.from(whole, { objectMode: false }), createGunzip(), () => undefined)
  }
  if (!head.subarray(0, xzMagic.length).equals(xzMagic)) return whole
  const packed = Readable.toWeb(Readable.from(whole, { objectMode: false }))
  return toBuffers(new xz.XzReadableStream(packed as ReadableStream<Uint8Array>))
}

async function* prepend(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  yield* rest
}

async function* toBuffers(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  // The unpacker gives views of memory that it uses again.
  for await (const chunk of chunks) yield Buffer.from(chunk)
}
