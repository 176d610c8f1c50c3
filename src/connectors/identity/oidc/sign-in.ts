import * as oidc from 'openid-client'
import type { ConfiguredConnector, OpenSecrets } from '../../connector.ts'
import { type Issuer, IssuerProblem, told } from './client.ts'
import type { GrantableRole, OidcSettings } from './settings.ts'

/** What binds an answer of the issuer to the browser that asked: known to that browser and to nobody else. */
export interface SignInSecrets {
  /** Where the issuer sends the browser back to. */
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  /** `code_verifier` of RFC 7636. */
  readonly verifier: string
}

/** Who somebody is at an issuer, after everything about it was checked. */
export interface OutsideIdentity {
  /** `sub`: unique at the issuer and never given to another. */
  readonly subject: string
  /** For people; may be anything. */
  readonly name: string | null
  /** In lower case, and only when the issuer has verified it. */
  readonly email: string | null
  /** What the groups of the token may do here; null when none of them is set up. */
  readonly role: GrantableRole | null
}

type Find = (connector: ConfiguredConnector, open: OpenSecrets) => Promise<Issuer>

/**
 * Where the browser goes to sign in: authorization code with PKCE.
 * @throws IssuerProblem when the issuer cannot be asked
 */
export async function beginAt(
  find: Find,
  connector: ConfiguredConnector,
  open: OpenSecrets,
  secrets: SignInSecrets,
): Promise<string> {
  const { config, settings } = await find(connector, open)
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: secrets.redirectUri,
    scope: settings.scopes.join(' '),
    state: secrets.state,
    nonce: secrets.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(secrets.verifier),
    code_challenge_method: 'S256',
  })
  return url.href
}

/**
 * Changes the code of an answer for the identity behind it. State, issuer, nonce, audience, times and signature must hold.
 * @param query of the answer, undecoded
 * @throws IssuerProblem when one of them does not, or the issuer refuses the code
 * @source OpenID Connect Core 3.1.2.7, 3.1.3.7; RFC 9207
 */
export async function finishAt(
  find: Find,
  connector: ConfiguredConnector,
  open: OpenSecrets,
  { query, ...secrets }: SignInSecrets & { readonly query: string },
): Promise<OutsideIdentity> {
  const { config, settings } = await find(connector, open)
  const claims = await told(async () => {
    const answer = await oidc.authorizationCodeGrant(config, new URL(`${secrets.redirectUri}?${query}`), {
      pkceCodeVerifier: secrets.verifier,
      expectedState: secrets.state,
      expectedNonce: secrets.nonce,
      idTokenExpected: true,
    })
    return answer.claims()
  })
  if (claims === undefined) throw new IssuerProblem('NoIdToken', 'The issuer sent no ID token.')
  return readIdentity({ ...claims }, settings)
}

/** @throws IssuerProblem for a subject nobody can be found by */
export function readIdentity(
  claims: Readonly<Record<string, unknown>>,
  { groupsClaim, roles }: Pick<OidcSettings, 'groupsClaim' | 'roles'>,
): OutsideIdentity {
  const { sub, name, preferred_username, email, email_verified } = claims
  if (typeof sub !== 'string' || sub === '' || sub.length > 255) {
    throw new IssuerProblem('InvalidSubject', 'The token names no subject.')
  }
  const listed = groupsClaim === null ? [] : claims[groupsClaim]
  const groups: readonly unknown[] = Array.isArray(listed) ? listed : [listed]
  const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)
  return {
    subject: sub,
    name: textOf(name) ?? textOf(preferred_username),
    email: email_verified === true ? (textOf(email)?.toLowerCase() ?? null) : null,
    role: roles.find(({ group }) => groups.includes(group))?.role ?? null,
  }
}
