import type { KeyObject } from 'node:crypto'
import { sha256Hex } from './canonical.ts'
import { signJws, type VerifiedJws, verifyJwsAside } from './jws.ts'

/** The parts of a request its signature covers. */
export interface SignedRequest {
  /** Upper-case HTTP method. */
  readonly method: string
  /** Path with query exactly as it stands in the request line. */
  readonly pathAndQuery: string
  /** The device's request number, also in `X-Seq`. */
  readonly seq: number
  /** The body as sent; empty for GET. */
  readonly body: string | Uint8Array
}

/** Key name of a request that is signed before a device id exists. */
export const ENROLL_KID = 'enroll'

/**
 * The text a request signature covers: five lines, joined by LF, without a last line end:
 * `cordon-agent-v1`, the method, path with query, the request number in decimal, SHA-256 of the body in hexadecimal.
 */
export function canonicalRequest(request: SignedRequest): string {
  return ['cordon-agent-v1', request.method, request.pathAndQuery, String(request.seq), sha256Hex(request.body)].join(
    '\n',
  )
}

/**
 * Signs a request with the device key: a JWS over {@link canonicalRequest} with the payload left out (`header..signature`).
 * @param kid the device id, or {@link ENROLL_KID}
 * @source RFC 7515 appendix F
 */
export function signRequest(key: KeyObject, kid: string, request: SignedRequest): string {
  const [header, , signature] = signJws(key, kid, 'cordon-req+jwt', canonicalRequest(request)).split('.')
  return `${header}..${signature}`
}

/**
 * Checks `X-Signature` of a request.
 * @param kid the device id the credential belongs to; a signature under another name does not count
 */
export async function verifyRequest(
  key: KeyObject,
  kid: string,
  request: SignedRequest,
  signature: string,
): Promise<VerifiedJws> {
  const parts = signature.split('.')
  if (signature.length > 1024 || parts.length !== 3 || parts[1] !== '') return { ok: false, fault: 'malformed' }
  const payload = Buffer.from(canonicalRequest(request)).toString('base64url')
  return verifyJwsAside(
    `${parts[0]}.${payload}.${parts[2]}`,
    'cordon-req+jwt',
    (name) => (name === kid ? key : undefined),
    64 * 1024,
  )
}

/** Reads `X-Seq`: a positive whole number without sign or leading zeros; undefined when it is not. */
export function readSequence(header: string | undefined): number | undefined {
  if (header === undefined || !/^[1-9]\d{0,15}$/.test(header)) return undefined
  const seq = Number(header)
  return Number.isSafeInteger(seq) ? seq : undefined
}
