import type { KeyObject } from 'node:crypto'
import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { JOSEError, JWTClaimValidationFailed, JWTExpired } from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import type { TokenKey } from '../io/secrets.ts'
import { type Permission, permissions } from '../model/permissions.ts'
import type { IssuerKey } from '../store/sign-in.ts'
import { issuerOf, tokenAlgorithm, tokenAudience } from './issue.ts'
import { isGuid } from './names.ts'

/** What a verified token says. The permissions are those granted when it was issued. */
export interface TokenClaims {
  readonly kind: 'application' | 'user'
  readonly tenantId: string
  /** Application or person. */
  readonly id: string
  readonly granted: ReadonlySet<Permission>
  /** Stored hash of the session a person's token ends with. */
  readonly sessionHash: string | null
  /** When the person proved who they are; null for programs, and where only an outside issuer knows. */
  readonly signedInAtMs: number | null
  /** Who it is at which outside issuer, for a token of one. */
  readonly outside: { readonly issuer: IssuerKey; readonly subject: string } | null
  /** Milliseconds since 1970 at which the token ends, leeway included. */
  readonly endsAtMs: number
}

/** Why a token is refused, in the words the caller sees. */
export interface BadToken {
  readonly refusal: string
}

/** What tokens are checked against. */
export interface TokenRules {
  readonly tokenKeys: readonly TokenKey[]
  /** `https://host:port` values this server answers to; a token names one of them as its issuer. */
  readonly origins: () => readonly string[]
  readonly nowMs: number
}

/** Clocks of two hosts may differ this much. */
const leewaySeconds = 60
/** Our tokens have about 1 kB; nothing longer is worth a signature check. */
const maxTokenLength = 8_192
const headerNames: ReadonlySet<string> = new Set(['alg', 'kid', 'typ'])
const knownPermissions: ReadonlySet<string> = new Set(permissions)

/**
 * Verifies an access token: one of our keys, our algorithm, our audience, our issuer for the tenant it names, its time.
 * @source RFC 8725 3.1 to 3.12. The header may hold alg, kid and typ and nothing else, so no key material, key URL or critical extension
 * from a token is ever looked at
 */
export async function verifyToken(rules: TokenRules, token: string): Promise<TokenClaims | BadToken> {
  const key = chooseKey(rules.tokenKeys, token)
  if ('refusal' in key) return key
  try {
    const { payload } = await jwtVerify(token, key.publicKey, {
      algorithms: [tokenAlgorithm],
      typ: 'JWT',
      audience: tokenAudience,
      clockTolerance: leewaySeconds,
      currentDate: new Date(rules.nowMs),
      requiredClaims: ['exp', 'nbf', 'iat', 'iss', 'aud', 'sub'],
    })
    return readClaims(rules, payload)
  } catch (cause) {
    if (!(cause instanceof JOSEError)) throw cause
    return { refusal: describe(cause) }
  }
}

function chooseKey(keys: readonly TokenKey[], token: string): { publicKey: KeyObject } | BadToken {
  if (token.length > maxTokenLength) return { refusal: 'Access token is too long.' }
  let header: Record<string, unknown>
  try {
    header = { ...decodeProtectedHeader(token) }
  } catch (cause) {
    // jose throws TypeError for a header that cannot be decoded.
    if (cause instanceof TypeError) return { refusal: 'Access token is malformed: it is not a signed JWT.' }
    throw cause
  }
  if (header.alg !== tokenAlgorithm || Object.keys(header).some((name) => !headerNames.has(name))) {
    return { refusal: 'Access token validation failed: its header is not acceptable.' }
  }
  const key = keys.find((candidate) => candidate.kid === header.kid)
  return key ?? { refusal: 'Access token validation failed: the signing key is unknown.' }
}

function readClaims(rules: TokenRules, payload: Readonly<Record<string, unknown>>): TokenClaims | BadToken {
  const { iss, aud, tid, oid, sub, exp, iat, idtyp, sid, auth_time: authTime } = payload
  if (typeof tid !== 'string' || !isGuid(tid) || typeof oid !== 'string' || oid !== sub) return malformed
  if (!rules.origins().some((origin) => iss === issuerOf(origin, tid))) return { refusal: 'Invalid issuer.' }
  // A list of audiences would let one token serve two services.
  if (typeof aud !== 'string') return { refusal: 'Invalid audience.' }
  if (typeof exp !== 'number' || typeof iat !== 'number') return malformed
  if (iat * 1_000 > rules.nowMs + leewaySeconds * 1_000) return notYetValid
  const common = { tenantId: tid, id: oid, outside: null, endsAtMs: (exp + leewaySeconds) * 1_000 }
  if (idtyp === 'app' && Array.isArray(payload.roles)) {
    return {
      ...common,
      kind: 'application',
      granted: toPermissions(payload.roles),
      sessionHash: null,
      signedInAtMs: null,
    }
  }
  if (idtyp === 'user' && typeof payload.scp === 'string' && typeof sid === 'string' && typeof authTime === 'number') {
    const granted = toPermissions(payload.scp.split(' '))
    return { ...common, kind: 'user', granted, sessionHash: sid, signedInAtMs: authTime * 1_000 }
  }
  return malformed
}

const malformed: BadToken = { refusal: 'Access token validation failed: its claims are not those of an access token.' }
const notYetValid: BadToken = { refusal: 'Lifetime validation failed, the token is not valid yet.' }

function toPermissions(names: readonly unknown[]): ReadonlySet<Permission> {
  const isPermission = (name: unknown): name is Permission => typeof name === 'string' && knownPermissions.has(name)
  return new Set(names.filter(isPermission))
}

function describe(error: JOSEError): string {
  if (error instanceof JWTExpired) return 'Lifetime validation failed, the token is expired.'
  if (error instanceof JWTClaimValidationFailed) {
    if (error.reason === 'missing') return `Access token lacks the claim '${error.claim}'.`
    if (error.claim === 'aud') return 'Invalid audience.'
    if (error.claim === 'nbf') return notYetValid.refusal
    return `Access token validation failed: the claim '${error.claim}' is not acceptable.`
  }
  return 'Access token validation failed: its signature does not hold.'
}
