import { closeSync, fstatSync, readSync } from 'node:fs'
import { digestDescriptor, openForReading } from '../file/digest.ts'
import { openExecutable } from '../file/running.ts'
import type { Collected } from './collected.ts'

/**
 * Reads the end of a regular file, which is where a log tells the latest. A link at its end is not followed, a pipe not waited for.
 * Files of /proc have no size; of them the beginning is read.
 */
export function readTail(path: Buffer | string, maxBytes: number): Collected {
  let descriptor: number
  try {
    descriptor = openForReading(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    return { content: Buffer.alloc(0), truncated: false, error: code }
  }
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) return { content: Buffer.alloc(0), truncated: false, error: 'no regular file' }
    const from = Math.max(0, stat.size - maxBytes)
    const content = readFrom(descriptor, from, maxBytes)
    return { content, truncated: from > 0 || content.length === maxBytes, error: null }
  } finally {
    closeSync(descriptor)
  }
}

/** Digest and size of a process's executable; empty when the process is gone. */
export async function digestExecutable(
  pid: number,
): Promise<{ readonly sha256?: string; readonly sizeBytes?: number }> {
  const descriptor = openExecutable(pid)
  if (descriptor === undefined) return {}
  try {
    const { sha256, sizeBytes } = await digestDescriptor(descriptor)
    return { sha256, sizeBytes }
  } finally {
    closeSync(descriptor)
  }
}

function readFrom(descriptor: number, from: number, maxBytes: number): Buffer {
  const chunks: Buffer[] = []
  let size = 0
  while (size < maxBytes) {
    const chunk = Buffer.allocUnsafe(Math.min(65_536, maxBytes - size))
    const read = readSync(descriptor, chunk, 0, chunk.length, from + size)
    if (read === 0) break
    chunks.push(chunk.subarray(0, read))
    size += read
  }
  return Buffer.concat(chunks)
}
