import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type StateDirectory, stateFiles } from '../../state.ts'
import { type Digests, digestDescriptor, readChunks } from './digest.ts'

/** One item cannot be moved into the vault or out of it. */
export class VaultError extends Error {
  readonly code: 'NoSpace' | 'VaultDamaged' | 'Changed' | 'PathTaken' | 'AttributesNotKept' | 'AttributesNotRestored'

  constructor(code: VaultError['code'], problem: string) {
    super(problem)
    this.name = 'VaultError'
    this.code = code
  }
}

const MAGIC = Buffer.from('CQV1')
const IV_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = MAGIC.length + IV_BYTES
/** What must stay free on the file system of the vault. */
const SPARE_BYTES = 64 * 1024 * 1024

/** The key of this host's vault; made at its first use and readable by root only. It never leaves the host. */
export function openVaultKey(state: StateDirectory): Buffer {
  const known = state.read(stateFiles.vaultKey)
  if (known !== undefined) return Buffer.from(known.trim(), 'base64')
  const key = randomBytes(32)
  state.write(stateFiles.vaultKey, `${key.toString('base64')}\n`)
  return key
}

/** Where the content with this digest lies in a folder of the vault. */
export function blobPath(folder: string, sha256: string): string {
  return join(folder, `${sha256}.sealed`)
}

/**
 * Copies an open file encrypted into the vault: AES-256-GCM with the folder's name as additional data, so that no item passes for one of
 * another command. Complete once it has its name. What is there already is left as it is.
 * @param wanted what the content must be
 * @throws VaultError NoSpace; Changed when the content is another one by now
 */
export async function sealContent(
  key: Buffer,
  folder: string,
  label: string,
  descriptor: number,
  wanted: Digests,
): Promise<void> {
  const target = blobPath(folder, wanted.sha256)
  if (existsSync(target)) {
    if ((await digestDescriptor(descriptor)).sha256 !== wanted.sha256) throw changed()
    return
  }
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < fstatSync(descriptor).size + SPARE_BYTES) {
    throw new VaultError('NoSpace', 'the file system of the vault has no room for the file')
  }
  const temporary = `${target}.new`
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(label))
  const out = openSync(temporary, 'w', 0o600)
  try {
    writeSync(out, Buffer.concat([MAGIC, iv]))
    await readChunks(descriptor, (chunk) => writeSync(out, cipher.update(chunk)))
    writeSync(out, Buffer.concat([cipher.final(), cipher.getAuthTag()]))
    fsyncSync(out)
  } finally {
    closeSync(out)
  }
  // What was written counts, not what was read a moment before it.
  if ((await readSealed(key, temporary, label)) !== wanted.sha256) {
    rmSync(temporary)
    throw changed()
  }
  renameSync(temporary, target)
}

/** Decrypts an item only to see whether it is whole. @throws VaultError VaultDamaged */
export async function checkSealed(key: Buffer, folder: string, label: string, sha256: string): Promise<void> {
  if ((await readSealed(key, blobPath(folder, sha256), label)) !== sha256) throw damaged()
}

/** Decrypts an item into an open file. The content counts only when this has returned. @throws VaultError VaultDamaged */
export async function unsealContent(
  key: Buffer,
  folder: string,
  label: string,
  sha256: string,
  out: number,
): Promise<void> {
  await readSealed(key, blobPath(folder, sha256), label, (chunk) => writeSync(out, chunk))
  if ((await digestDescriptor(out)).sha256 !== sha256) throw damaged()
}

/** @returns the SHA-256 of what is sealed in the file */
async function readSealed(
  key: Buffer,
  path: string,
  label: string,
  take: (chunk: Buffer) => void = () => {},
): Promise<string> {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch {
    throw damaged()
  }
  try {
    const { size } = fstatSync(descriptor)
    const head = readAt(descriptor, 0, HEAD_BYTES)
    if (size < HEAD_BYTES + TAG_BYTES || !head.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged()
    const decipher = createDecipheriv('aes-256-gcm', key, head.subarray(MAGIC.length)).setAAD(Buffer.from(label))
    decipher.setAuthTag(readAt(descriptor, size - TAG_BYTES, TAG_BYTES))
    return await decipherAll(descriptor, size - HEAD_BYTES - TAG_BYTES, decipher, take)
  } finally {
    closeSync(descriptor)
  }
}

async function decipherAll(
  descriptor: number,
  sealedBytes: number,
  decipher: ReturnType<typeof createDecipheriv>,
  take: (chunk: Buffer) => void,
): Promise<string> {
  const hash = createHash('sha256')
  let left = sealedBytes + HEAD_BYTES
  let skip = HEAD_BYTES
  const open = (chunk: Buffer): void => {
    const clear = decipher.update(chunk)
    hash.update(clear)
    take(clear)
  }
  await readChunks(descriptor, (chunk) => {
    const part = chunk.subarray(skip, Math.max(skip, Math.min(chunk.length, left)))
    left -= chunk.length
    skip = 0
    if (part.length > 0) open(part)
  })
  try {
    decipher.final()
  } catch {
    throw damaged()
  }
  return hash.digest('hex')
}

function readAt(descriptor: number, at: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  readSync(descriptor, buffer, 0, bytes, at)
  return buffer
}

function changed(): VaultError {
  return new VaultError('Changed', 'the file changed while it was copied')
}

function damaged(): VaultError {
  return new VaultError('VaultDamaged', 'the item in the vault is missing or damaged')
}
