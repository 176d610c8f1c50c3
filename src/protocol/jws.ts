import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { DecodeError, decode, id, object, oneOf, parseJson, text } from './decode.ts'

/** What a signature is for. It stands in the signed header, so a signed policy can never pass as a command. */
export type JwsType = 'cordon-cmd+jwt' | 'cordon-policy+jwt' | 'cordon-req+jwt' | 'cordon-key+jwt'

/** A public key by name: `publicKey` is the 32 raw bytes of an Ed25519 key in base64url. */
export interface NamedPublicKey {
  readonly kid: string
  readonly publicKey: string
}

interface JwsHeader {
  readonly alg: 'EdDSA'
  readonly typ: string
  readonly kid: string
}

const base64url = /^[A-Za-z0-9_-]+$/

// Any further header key (jwk, jku, x5c, crit ...) is a refusal: nothing in the header may choose a key or an algorithm.
const decodeHeader = object<JwsHeader>({ alg: oneOf(['EdDSA']), typ: text(32), kid: id })

/** Makes an Ed25519 key pair; the private half as PKCS 8 PEM, the public half as in {@link NamedPublicKey}. */
export function makeKeyPair(): { readonly privateKeyPem: string; readonly publicKey: string } {
  const pair = generateKeyPairSync('ed25519')
  return {
    privateKeyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: writePublicKey(pair.publicKey),
  }
}

/**
 * Reads an Ed25519 private key.
 * @throws Error when the PEM is no Ed25519 private key
 */
export function readPrivateKey(pem: string): KeyObject {
  const key = createPrivateKey(pem)
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('not an Ed25519 private key')
  return key
}

/** The public half of a private or public Ed25519 key, as in {@link NamedPublicKey}. */
export function writePublicKey(key: KeyObject): string {
  const { x } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' })
  if (x === undefined) throw new Error('not an Ed25519 key')
  return x
}

/**
 * Reads a public key of a {@link NamedPublicKey}.
 * @throws DecodeError when it is not 32 bytes of base64url that form a key
 */
export function readPublicKey(publicKey: string): KeyObject {
  if (!/^[A-Za-z0-9_-]{43}$/.test(publicKey)) throw new DecodeError('publicKey', '32 bytes in base64url')
  try {
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' })
  } catch {
    throw new DecodeError('publicKey', 'an Ed25519 key')
  }
}

/**
 * Signs a payload as JWS compact serialisation, EdDSA with Ed25519.
 * @param payload the exact bytes that are signed, as text
 * @source RFC 7515 section 7.1, RFC 8037 section 3.1
 */
export function signJws(key: KeyObject, kid: string, typ: JwsType, payload: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', typ, kid })).toString('base64url')
  const input = `${header}.${Buffer.from(payload).toString('base64url')}`
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`
}

/** Why a signature does not count. */
export type SignatureFault = 'malformed' | 'wrongType' | 'unknownKey' | 'badSignature'

/** Outcome of {@link verifyJws}. */
export type VerifiedJws =
  | { readonly ok: true; readonly kid: string; readonly payload: string }
  | { readonly ok: false; readonly fault: SignatureFault }

/**
 * Checks a JWS compact serialisation against a fixed set of keys. The algorithm is always Ed25519, whatever the header says.
 * @param findKey gives the key of a `kid`, or undefined when it is not pinned
 * @param maxBytes longer text is malformed
 */
export function verifyJws(
  jws: string,
  typ: JwsType,
  findKey: (kid: string) => KeyObject | undefined,
  maxBytes: number,
): VerifiedJws {
  const found = readJws(jws, typ, findKey, maxBytes)
  if ('fault' in found) return { ok: false, fault: found.fault }
  const { kid, key, input, signature, body } = found
  if (!verify(null, input, key, signature)) return { ok: false, fault: 'badSignature' }
  return { ok: true, kid, payload: body.toString('utf8') }
}

const verifyAside = promisify(verify)

/** As {@link verifyJws}, beside this thread: for a server with thousands of devices, whose signatures cost it more than all else. */
export async function verifyJwsAside(
  jws: string,
  typ: JwsType,
  findKey: (kid: string) => KeyObject | undefined,
  maxBytes: number,
): Promise<VerifiedJws> {
  const found = readJws(jws, typ, findKey, maxBytes)
  if ('fault' in found) return { ok: false, fault: found.fault }
  const { kid, key, input, signature, body } = found
  if (!(await verifyAside(null, input, key, signature))) return { ok: false, fault: 'badSignature' }
  return { ok: true, kid, payload: body.toString('utf8') }
}

/** A JWS whose signature is yet to be checked. */
interface ReadJws {
  readonly kid: string
  readonly key: KeyObject
  /** What the signature covers. */
  readonly input: Buffer
  readonly signature: Buffer
  readonly body: Buffer
}

function readJws(
  jws: string,
  typ: JwsType,
  findKey: (kid: string) => KeyObject | undefined,
  maxBytes: number,
): ReadJws | { readonly fault: SignatureFault } {
  if (jws.length > maxBytes) return { fault: 'malformed' }
  const parts = jws.split('.')
  const [header, payload, signature] = parts
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    return { fault: 'malformed' }
  }
  const known = readHeader(header)
  const bytes = readBase64url(signature)
  const body = readBase64url(payload)
  if (known === undefined || bytes === undefined || body === undefined) return { fault: 'malformed' }
  if (known.typ !== typ) return { fault: 'wrongType' }
  const key = findKey(known.kid)
  if (key === undefined) return { fault: 'unknownKey' }
  if (key.asymmetricKeyType !== 'ed25519' || bytes.length !== 64) return { fault: 'badSignature' }
  return { kid: known.kid, key, input: Buffer.from(`${header}.${payload}`), signature: bytes, body }
}

/**
 * Payload of a JWS whose signature was NOT checked; only for naming a refused command in the refusal.
 * @returns undefined when there is no readable JSON inside
 */
export function peekPayload(jws: string, maxBytes: number): unknown {
  const payload = jws.length > maxBytes ? undefined : jws.split('.')[1]
  const bytes = payload === undefined ? undefined : readBase64url(payload)
  if (bytes === undefined) return undefined
  try {
    return parseJson(bytes.toString('utf8'), maxBytes)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function readHeader(encoded: string): JwsHeader | undefined {
  const bytes = readBase64url(encoded)
  if (bytes === undefined) return undefined
  try {
    return decode(decodeHeader, parseJson(bytes.toString('utf8'), 512))
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

// Buffer skips foreign characters and ignores spare bits; a second spelling of the same bytes must not count as the same message.
function readBase64url(encoded: string): Buffer | undefined {
  if (!base64url.test(encoded)) return undefined
  const bytes = Buffer.from(encoded, 'base64url')
  return bytes.toString('base64url') === encoded ? bytes : undefined
}
