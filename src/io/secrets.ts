import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Clock, systemClock } from './clock.ts'
import { makePrivateFolder, readIfPresent, readOrMake } from './key-files.ts'

/** A key pair that signs access tokens (ES256, P-256). */
export interface TokenKey {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** Public members as they stand in the JWKS: `kty`, `crv`, `x`, `y`. */
  readonly publicJwk: { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }
}

/** The key that signs commands to agents (Ed25519). Agents pin its public half when they enrol. */
export interface CommandKey {
  /** `cmd-<year of creation>-<number>`, e.g. `cmd-2026-1`. */
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKeyPem: string
}

/** A key that signs checkpoints of the audit log (Ed25519). */
export interface AuditKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** Every secret key of a server. None of them is ever in the database, so a stolen database cannot mint tokens or commands. */
export interface ServerKeys {
  /** The first signs; all of them verify. A retired key stays until its last token has expired. */
  readonly tokenKeys: readonly [TokenKey, ...TokenKey[]]
  readonly commandKey: CommandKey
  /** 32 bytes; authenticates paging tokens. */
  readonly pagingKey: Buffer
  /** The first signs; all of them verify. */
  readonly auditKeys: readonly [AuditKey, ...AuditKey[]]
}

const generate = promisify(generateKeyPair)

/**
 * Loads the server's keys from `DIR/keys`, making those that are absent. Several servers that start at once on one folder end up with the
 * same keys. The folder is 0700, the files 0600.
 * @throws Error naming the file, when it is damaged or open to other users
 */
export async function loadKeys(dataDir: string, clock: Clock = systemClock): Promise<ServerKeys> {
  const folder = join(dataDir, 'keys')
  await makePrivateFolder(folder)
  const [tokenKeys, commandKey, pagingKey, auditKeys] = await Promise.all([
    loadTokenKeys(join(folder, 'token-signing.json')),
    loadCommandKey(join(folder, 'command-signing.json'), clock),
    loadPagingKey(join(folder, 'paging.json')),
    loadAuditKeys(join(folder, auditKeyFile)),
  ])
  return { tokenKeys, commandKey, pagingKey, auditKeys }
}

async function loadTokenKeys(path: string): Promise<[TokenKey, ...TokenKey[]]> {
  const text = await readOrMake(path, 0o600, async () => {
    const { privateKey } = await generate('ec', { namedCurve: 'P-256' })
    return `${JSON.stringify({ keys: [privateKey.export({ format: 'jwk' })] }, null, 2)}\n`
  })
  const entries = readKeySet(text, path)
  const [first, ...rest] = entries.map((entry) => toTokenKey(entry, path))
  if (first === undefined) throw damaged(path)
  return [first, ...rest]
}

function toTokenKey(entry: Record<string, unknown>, path: string): TokenKey {
  const { kty, crv, x, y } = entry
  if (kty !== 'EC' || crv !== 'P-256' || typeof x !== 'string' || typeof y !== 'string') throw damaged(path)
  const privateKey = toPrivateKey(entry, path)
  const publicJwk = { kty, crv, x, y } as const
  // RFC 7638: the required members in lexicographic order, without white space.
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
  return { kid: thumbprint, privateKey, publicKey: createPublicKey(privateKey), publicJwk }
}

async function loadCommandKey(path: string, clock: Clock): Promise<CommandKey> {
  const text = await readOrMake(path, 0o600, async () => {
    const { privateKey } = await generate('ed25519')
    const kid = `cmd-${clock.now().slice(0, 4)}-1`
    return `${JSON.stringify({ keys: [{ kid, ...privateKey.export({ format: 'jwk' }) }] }, null, 2)}\n`
  })
  const [entry] = readKeySet(text, path)
  if (entry === undefined || entry.crv !== 'Ed25519') throw damaged(path)
  const kid = entry.kid
  if (typeof kid !== 'string' || kid === '') throw damaged(path)
  const privateKey = toPrivateKey(entry, path)
  const publicKeyPem = createPublicKey(privateKey).export({ format: 'pem', type: 'spki' }).toString()
  return { kid, privateKey, publicKeyPem }
}

const auditKeyFile = 'audit-signing.json'

async function loadAuditKeys(path: string): Promise<[AuditKey, ...AuditKey[]]> {
  const text = await readOrMake(path, 0o600, async () => {
    const { privateKey } = await generate('ed25519')
    return `${JSON.stringify({ keys: [privateKey.export({ format: 'jwk' })] }, null, 2)}\n`
  })
  return toAuditKeys(text, path)
}

/**
 * The public keys that verify a server's checkpoints, newest first; none when the folder has no such key. Makes nothing.
 * @throws Error naming the file, when it is damaged
 */
export async function readAuditPublicKeys(dataDir: string): Promise<KeyObject[]> {
  const path = join(dataDir, 'keys', auditKeyFile)
  const text = await readIfPresent(path)
  return text === undefined ? [] : toAuditKeys(text, path).map((key) => key.publicKey)
}

function toAuditKeys(text: string, path: string): [AuditKey, ...AuditKey[]] {
  const [first, ...rest] = readKeySet(text, path).map((entry) => {
    if (entry.crv !== 'Ed25519') throw damaged(path)
    const privateKey = toPrivateKey(entry, path)
    return { privateKey, publicKey: createPublicKey(privateKey) }
  })
  if (first === undefined) throw damaged(path)
  return [first, ...rest]
}

async function loadPagingKey(path: string): Promise<Buffer> {
  const text = await readOrMake(path, 0o600, async () => {
    return `${JSON.stringify({ keys: [{ kty: 'oct', k: randomBytes(32).toString('base64url') }] }, null, 2)}\n`
  })
  const [entry] = readKeySet(text, path)
  const k = entry?.k
  const bytes = typeof k === 'string' ? Buffer.from(k, 'base64url') : Buffer.alloc(0)
  if (bytes.length !== 32) throw damaged(path)
  return bytes
}

function readKeySet(text: string, path: string): Record<string, unknown>[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw damaged(path, cause)
  }
  if (!isRecord(parsed) || !Array.isArray(parsed.keys)) throw damaged(path)
  const keys: unknown[] = parsed.keys
  return keys.map((key) => {
    if (!isRecord(key)) throw damaged(path)
    return key
  })
}

function toPrivateKey(entry: Record<string, unknown>, path: string): KeyObject {
  try {
    return createPrivateKey({ key: entry, format: 'jwk' })
  } catch (cause) {
    throw damaged(path, cause)
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function damaged(path: string, cause?: unknown): Error {
  return new Error(`${path} is not a key file of Cordon; restore it from a backup`, { cause })
}
