import { JOSEError, JWKSNoMatchingKey } from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import { jwtVerify } from 'jose/jwt/verify'
import type { ConfiguredConnector, OpenSecrets } from '../../connector.ts'
import { type Issuer, type IssuerDeps, IssuerProblem } from './client.ts'
import type { OidcSettings } from './settings.ts'
import { type OutsideIdentity, readIdentity } from './sign-in.ts'

/** Who sends an access token of an outside issuer. */
export interface TokenBearer extends OutsideIdentity {
  /** Milliseconds since 1970 at which the token ends, leeway included. */
  readonly endsAtMs: number
}

type KeySet = ReturnType<typeof createLocalJWKSet>
type Find = (connector: ConfiguredConnector, open: OpenSecrets, anew?: 'anew') => Promise<Issuer>

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const leewaySeconds = 60
const timeoutMs = 8_000
const maxKeySetBytes = 512 * 1024
const keepMs = 10 * 60_000
/** A token that names a key nobody knows makes us ask for the keys again at most so often. */
const askAgainMs = 60_000
const maxKept = 1_000

interface KeptKeys {
  readonly keys: Promise<KeySet>
  readonly readAtMs: number
}

/**
 * Makes the function that checks access tokens of outside issuers: signature by a key of the issuer, issuer, audience, times. Key material,
 * key addresses and certificates in a token are never looked at.
 * @returns a function that answers null for a token that does not hold; it throws IssuerProblem when the issuer cannot be asked
 * @source RFC 8725; RFC 9068 for the type
 */
export function createTokenReader(
  deps: IssuerDeps,
  find: Find,
): (connector: ConfiguredConnector, open: OpenSecrets, token: string) => Promise<TokenBearer | null> {
  const kept = new Map<string, KeptKeys>()
  const readKeys = (key: string, uri: string): KeptKeys => {
    const [oldest] = kept.keys()
    if (kept.size >= maxKept && oldest !== undefined) kept.delete(oldest)
    const entry = { keys: fetchKeys(deps, uri), readAtMs: deps.clock.nowMs() }
    kept.set(key, entry)
    entry.keys.catch(() => kept.delete(key))
    return entry
  }
  return async (connector, open, token) => {
    const { settings, config } = await find(connector, open)
    const { apiAudience } = settings
    const uri = config.serverMetadata().jwks_uri
    if (apiAudience === null || uri === undefined) return null
    const key = `${connector.tenantId} ${connector.id} ${connector.version} ${uri}`
    const known = kept.get(key)
    const nowMs = deps.clock.nowMs()
    const entry = known === undefined || nowMs - known.readAtMs > keepMs ? readKeys(key, uri) : known
    const check = async (keys: KeySet): Promise<TokenBearer> => {
      const verified = await jwtVerify(token, keys, {
        algorithms,
        issuer: settings.issuer,
        audience: apiAudience,
        clockTolerance: leewaySeconds,
        currentDate: new Date(nowMs),
        requiredClaims: ['exp', 'sub'],
      })
      return readBearer(verified, settings)
    }
    try {
      return await check(await entry.keys)
    } catch (cause) {
      if (!(cause instanceof JWKSNoMatchingKey) || nowMs - entry.readAtMs < askAgainMs) return refused(cause)
    }
    try {
      return await check(await readKeys(key, uri).keys)
    } catch (cause) {
      return refused(cause)
    }
  }
}

type Verified = Pick<Awaited<ReturnType<typeof jwtVerify>>, 'payload' | 'protectedHeader'>

function readBearer({ payload, protectedHeader }: Verified, settings: OidcSettings): TokenBearer {
  const type = protectedHeader.typ?.toLowerCase()
  if (type !== undefined && type !== 'jwt' && type !== 'at+jwt' && type !== 'application/at+jwt') {
    throw new IssuerProblem('InvalidToken', 'The token is of another type.')
  }
  // A list of audiences would let one token serve two services.
  if (typeof payload.aud !== 'string') throw new IssuerProblem('InvalidToken', 'The token is for several services.')
  return { ...readIdentity(payload, settings), endsAtMs: ((payload.exp ?? 0) + leewaySeconds) * 1_000 }
}

/** A token that does not hold is nobody's; anything else is a fault of ours. */
function refused(cause: unknown): null {
  if (cause instanceof JOSEError) return null
  if (cause instanceof IssuerProblem && (cause.code === 'InvalidToken' || cause.code === 'InvalidSubject')) return null
  throw cause
}

async function fetchKeys(deps: IssuerDeps, uri: string): Promise<KeySet> {
  const answer = await deps.outbound.exchange({
    method: 'GET',
    url: uri,
    headers: { Accept: 'application/json' },
    timeoutMs,
    maxAnswerBytes: maxKeySetBytes,
  })
  if ('failed' in answer) throw new IssuerProblem('Unreachable', answer.reason)
  const keys = answer.status === 200 ? parseKeys(answer.body) : null
  if (keys === null) throw new IssuerProblem('InvalidKeys', 'The issuer publishes no keys that can be read.')
  try {
    return createLocalJWKSet({ keys })
  } catch (cause) {
    if (!(cause instanceof JOSEError)) throw cause
    throw new IssuerProblem('InvalidKeys', 'The issuer publishes no keys that can be read.', cause)
  }
}

type Keys = Parameters<typeof createLocalJWKSet>[0]['keys']

/** Members of a key are text or lists; the key set refuses what is no key. */
function parseKeys(text: string): Keys | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Whatever it is, it is not a key set.
    return null
  }
  if (typeof value !== 'object' || value === null || !('keys' in value) || !Array.isArray(value.keys)) return null
  return value.keys.flatMap((key: unknown) => {
    if (typeof key !== 'object' || key === null || !('kty' in key) || typeof key.kty !== 'string') return []
    return [{ ...key, kty: key.kty }]
  })
}
