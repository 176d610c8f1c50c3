import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { laterThan } from '../model/instant.ts'
import type { Clock } from './clock.ts'
import { makePrivateFolder, readOrMake, readPrivate } from './key-files.ts'

/**
 * Where a secret belongs. It is sealed together with its value and opens nowhere else: not under another name, connector or tenant, and not
 * for another address, so that whoever turns a connector to a host of his own in the database turns it away from its secrets.
 */
export interface SecretPlace {
  readonly tenantId: string
  readonly connectorId: string
  readonly name: string
  /** Where the connector sends it, e.g. `ldaps://dc1.example:636`. */
  readonly address: string
}

/** A secret in the hands of the connector that needs it. Logs, JSON and errors show that it is one, never what it is. */
export interface Secret {
  reveal(): string
}

/** Seals secrets for the database and opens them again. */
export interface Sealer {
  seal(place: SecretPlace, value: string): Promise<Sealed>
  /** @throws SealError when it was sealed for another place, was changed, or its key is gone */
  open(place: SecretPlace, sealed: string): Promise<Secret>
  /** The same secret under the newest key, without its value ever being opened; null when it is already. @throws SealError */
  rewrap(place: SecretPlace, sealed: string): Promise<Sealed | null>
  /** Makes a new key, which every {@link Sealer} on the folder uses from its next seal on. Older ones stay. @returns its id */
  addKey(): Promise<string>
  listKeys(): Promise<readonly { readonly id: string; readonly createdAt: string }[]>
  /** Removes a key for good: what is still sealed with it is lost. */
  removeKey(id: string): Promise<void>
}

/** A sealed secret: text for the database, and the id of the key it needs. */
export interface Sealed {
  readonly text: string
  readonly keyId: string
}

/** A sealed secret that cannot be opened. Says which, never what. */
export class SealError extends Error {
  override readonly name: string = 'SealError'
}

interface SealingKey {
  readonly id: string
  readonly createdAt: string
  readonly bytes: Buffer
}

/**
 * Opens the sealing keys of `DIR/keys/sealing`, one file each, so that adding one never touches another. The newest seals. The first is made
 * when it is first needed. Every server of an installation needs the same folder.
 *
 * A secret has a key of its own (256 random bits, AES-256-GCM), which lies beside it, wrapped by a sealing key the same way. So the database
 * alone opens nothing, and a new sealing key means wrapping small keys anew, not secrets.
 * @source NIST SP 800-38D; design reliability, "envelope encryption"
 */
export function openSealer(dataDir: string, clock: Clock): Sealer {
  const folder = join(dataDir, 'keys', 'sealing')
  let known: readonly SealingKey[] = []
  const reload = async (): Promise<readonly SealingKey[]> => {
    known = await readKeys(folder)
    return known
  }
  const addKey = async (): Promise<SealingKey> => {
    const newest = (await reload()).at(-1)
    const createdAt = newest ? laterThan(newest.createdAt, clock.now()) : clock.now()
    await makeKey(folder, createdAt)
    return lastOf(await reload())
  }
  const newestKey = async (): Promise<SealingKey> => (await reload()).at(-1) ?? addKey()
  const findKey = async (id: string): Promise<SealingKey> => {
    // Another process may have made it since the last look.
    const key = known.find((one) => one.id === id) ?? (await reload()).find((one) => one.id === id)
    if (key === undefined) throw new SealError(`the sealing key ${id} is not in the key folder`)
    return key
  }
  return {
    seal: async (place, value) => {
      const key = await newestKey()
      const dataKey = randomBytes(keyBytes)
      const wrapped = encrypt(key.bytes, dataKey, bind('key', place, key.id))
      const content = encrypt(dataKey, Buffer.from(value), bind('secret', place, ''))
      dataKey.fill(0)
      return { keyId: key.id, text: writeSealed(key.id, wrapped, content) }
    },
    open: async (place, sealed) => {
      const parts = readSealed(place, sealed)
      const dataKey = unwrap(place, await findKey(parts.keyId), parts)
      const value = decrypt(dataKey, parts.content, bind('secret', place, ''), place)
      dataKey.fill(0)
      return makeSecret(value.toString('utf8'))
    },
    rewrap: async (place, sealed) => {
      const parts = readSealed(place, sealed)
      const newest = await newestKey()
      if (parts.keyId === newest.id) return null
      const dataKey = unwrap(place, await findKey(parts.keyId), parts)
      const wrapped = encrypt(newest.bytes, dataKey, bind('key', place, newest.id))
      dataKey.fill(0)
      return { keyId: newest.id, text: writeSealed(newest.id, wrapped, parts.content) }
    },
    addKey: async () => (await addKey()).id,
    listKeys: async () => (await reload()).map(({ id, createdAt }) => ({ id, createdAt })),
    removeKey: async (id) => {
      const key = (await reload()).find((one) => one.id === id)
      if (key) await unlink(join(folder, fileOf(key)))
      await reload()
    },
  }
}

const shown = '[secret]'

function makeSecret(value: string): Secret {
  const show = (): string => shown
  return Object.freeze({ reveal: () => value, toString: show, toJSON: show, [inspect.custom]: show })
}

const keyBytes = 32
const ivBytes = 12
const tagBytes = 16
const algorithm = 'aes-256-gcm'

function encrypt(key: Buffer, content: Buffer, bound: Buffer): Buffer {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv(algorithm, key, iv, { authTagLength: tagBytes }).setAAD(bound)
  return Buffer.concat([iv, cipher.update(content), cipher.final(), cipher.getAuthTag()])
}

function decrypt(key: Buffer, bytes: Buffer, bound: Buffer, place: SecretPlace): Buffer {
  const end = bytes.length - tagBytes
  if (end < ivBytes) throw cannotOpen(place)
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
  decipher.setAAD(bound).setAuthTag(bytes.subarray(end))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(ivBytes, end)), decipher.final()])
  } catch (cause) {
    throw cannotOpen(place, cause)
  }
}

function unwrap(place: SecretPlace, key: SealingKey, { wrapped }: SealedParts): Buffer {
  return decrypt(key.bytes, wrapped, bind('key', place, key.id), place)
}

function cannotOpen({ name, connectorId }: SecretPlace, cause?: unknown): SealError {
  const message = `the secret '${name}' of connector ${connectorId} was sealed for another place, or was changed`
  return new SealError(message, { cause })
}

/** Everything that is authenticated beside the content; JSON keeps the parts apart. */
function bind(use: 'key' | 'secret', place: SecretPlace, keyId: string): Buffer {
  const { tenantId, connectorId, name, address } = place
  return Buffer.from(JSON.stringify([format, use, tenantId, connectorId, name, address, keyId]))
}

const format = 'cordon-1'

interface SealedParts {
  readonly keyId: string
  readonly wrapped: Buffer
  readonly content: Buffer
}

function writeSealed(keyId: string, wrapped: Buffer, content: Buffer): string {
  return [format, keyId, wrapped.toString('base64url'), content.toString('base64url')].join('.')
}

function readSealed(place: SecretPlace, text: string): SealedParts {
  const [version, keyId = '', wrapped = '', content = '', ...rest] = text.split('.')
  const parts = { keyId, wrapped: Buffer.from(wrapped, 'base64url'), content: Buffer.from(content, 'base64url') }
  const isExact = writeSealed(keyId, parts.wrapped, parts.content) === text
  if (version !== format || rest.length > 0 || !isExact) throw cannotOpen(place)
  return parts
}

function fileOf({ id }: Pick<SealingKey, 'id'>): string {
  return `${id}.json`
}

/** Keys of the folder, oldest first. */
async function readKeys(folder: string): Promise<SealingKey[]> {
  await makePrivateFolder(folder)
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'))
  const keys = await Promise.all(names.map((name) => readKey(join(folder, name))))
  return keys.flatMap((key) => key ?? []).sort((a, b) => (`${a.createdAt} ${a.id}` < `${b.createdAt} ${b.id}` ? -1 : 1))
}

async function readKey(path: string): Promise<SealingKey | null> {
  const text = await readPrivate(path)
  // Another process may have removed it since the folder was read.
  if (text === undefined) return null
  const key = parseKey(text)
  if (key === null) throw new Error(`${path} is not a key file of Cordon; restore it from a backup`)
  return key
}

function parseKey(text: string): SealingKey | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The engine's error quotes the text.
    return null
  }
  if (typeof value !== 'object' || value === null || !('id' in value && 'createdAt' in value && 'k' in value))
    return null
  const { id, createdAt, k } = value
  const bytes = Buffer.from(typeof k === 'string' ? k : '', 'base64url')
  if (typeof id !== 'string' || typeof createdAt !== 'string' || bytes.length !== keyBytes) return null
  return { id, createdAt, bytes }
}

async function makeKey(folder: string, createdAt: string): Promise<void> {
  await makePrivateFolder(folder)
  const id = `seal-${randomBytes(6).toString('hex')}`
  const key = { id, createdAt, kty: 'oct', k: randomBytes(keyBytes).toString('base64url') }
  await readOrMake(join(folder, fileOf({ id })), 0o600, async () => `${JSON.stringify(key, null, 2)}\n`)
}

function lastOf<T>(items: readonly T[]): T {
  const last = items.at(-1)
  if (last === undefined) throw new Error('the key folder is empty although a key was made')
  return last
}
