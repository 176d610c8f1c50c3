import { JOSEError } from 'jose/errors'
import { decodeJwt } from 'jose/jwt/decode'
import { permissions } from '../../model/permissions.ts'
import type { Store } from '../../store/db.ts'
import { findIdentity } from '../../store/sign-in.ts'
import type { BadToken, TokenClaims } from '../verify-token.ts'
import type { OutsideIssuers } from './issuers.ts'

/** What reading tokens of outside issuers needs. */
export interface OutsideBearerDeps {
  readonly store: Pick<Store, 'read'>
  readonly outside: OutsideIssuers
}

/** Longer ones carry group lists nobody needs here. */
const maxTokenLength = 16_384
const refused: BadToken = { refusal: 'Access token validation failed: the issuer does not vouch for it.' }
const unknownPerson: BadToken = { refusal: 'The person of this token is unknown here.' }

/**
 * Reads an access token of an outside issuer: it acts for the person with that subject, with the role they have here, as long as they have
 * it. Groups in it count at sign-in only.
 * @returns null for a token that names no issuer any tenant has set up
 */
export async function readOutsideToken(deps: OutsideBearerDeps, token: string): Promise<TokenClaims | BadToken | null> {
  const issuer = readIssuer(token)
  if (issuer === null) return null
  const candidates = await deps.outside.listByAddress(issuer)
  if (candidates.length === 0) return null
  const found: TokenClaims[] = []
  let isGood = false
  for (const candidate of candidates) {
    const bearer = await deps.outside.readToken(candidate, token)
    if (bearer === null || 'problem' in bearer) continue
    isGood = true
    const known = await findIdentity(deps.store.read, candidate, bearer.subject)
    if (known === undefined) continue
    found.push({
      kind: 'user',
      tenantId: candidate.tenantId,
      id: known.user.id,
      granted: new Set(permissions),
      sessionHash: null,
      signedInAtMs: null,
      outside: { issuer: candidate, subject: bearer.subject },
      endsAtMs: bearer.endsAtMs,
    })
  }
  const [only, another] = found
  // Two tenants that take the same tokens of the same person: there is no telling which is meant.
  if (only !== undefined && another === undefined) return only
  return isGood ? unknownPerson : refused
}

/** What the token claims, before anything is checked; it chooses whom to ask and nothing else. */
function readIssuer(token: string): string | null {
  if (token.length > maxTokenLength) return null
  try {
    return decodeJwt(token).iss ?? null
  } catch (cause) {
    if (cause instanceof JOSEError) return null
    throw cause
  }
}
