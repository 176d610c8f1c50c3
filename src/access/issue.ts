import { SignJWT } from 'jose/jwt/sign'
import type { Clock, Ids } from '../io/clock.ts'
import type { TokenKey } from '../io/secrets.ts'
import { type RoleName, rolePermissions } from '../model/permissions.ts'

/** Audience of every access token, whatever scope or resource the client asked for: a token of Cordon is for Cordon only. */
export const tokenAudience = 'api://cordon'

/** The one signature algorithm; a token that names another one is refused. */
export const tokenAlgorithm = 'ES256'

const applicationLifeSeconds = 3_600
const personLifeSeconds = 600

/** Whom a token names. */
export type TokenSubject =
  | {
      readonly kind: 'application'
      readonly tenantId: string
      readonly id: string
      readonly name: string
      readonly role: RoleName
    }
  | {
      readonly kind: 'user'
      readonly tenantId: string
      readonly id: string
      readonly name: string
      readonly role: RoleName
      /** Stored hash of the session's secret; the token ends with the session. */
      readonly sessionHash: string
      /** When they proved who they are; seconds since 1970. */
      readonly signedInAtSeconds: number
      /** The application it is for, which can do no more with it than its own role; absent for the portal. */
      readonly application?: { readonly id: string; readonly role: RoleName }
    }

/** What issuing needs of the rest. */
export interface IssueDeps {
  readonly tokenKeys: readonly [TokenKey, ...TokenKey[]]
  readonly clock: Clock
  readonly ids: Ids
}

/** A signed access token. */
export interface IssuedToken {
  readonly token: string
  /** Life in seconds as told to the client: one less than the token's own, as Entra does. */
  readonly expiresInSeconds: number
}

/** `iss` of a tenant's tokens at one origin of this server. */
export function issuerOf(origin: string, tenantId: string): string {
  return `${origin}/${tenantId}/v2.0`
}

/**
 * Signs an access token: one hour for an application (permissions in `roles`), ten minutes for a person (permissions in `scp`).
 * @param origin `https://host:port` the client used
 * @source claim names: Entra access token reference; design contract 2.4
 */
export async function issueToken(deps: IssueDeps, origin: string, subject: TokenSubject): Promise<IssuedToken> {
  const [key] = deps.tokenKeys
  const now = Math.floor(deps.clock.nowMs() / 1_000)
  const lifeSeconds = subject.kind === 'application' ? applicationLifeSeconds : personLifeSeconds
  const application = subject.kind === 'user' ? subject.application : undefined
  const granted = rolePermissions[subject.role].filter(
    (permission) => application === undefined || rolePermissions[application.role].includes(permission),
  )
  const claims =
    subject.kind === 'application'
      ? { idtyp: 'app', appid: subject.id, azp: subject.id, app_displayname: subject.name, roles: [...granted] }
      : {
          idtyp: 'user',
          name: subject.name,
          sid: subject.sessionHash,
          auth_time: subject.signedInAtSeconds,
          scp: granted.join(' '),
          ...(application === undefined ? {} : { appid: application.id, azp: application.id }),
        }
  const token = await new SignJWT({ tid: subject.tenantId, oid: subject.id, ...claims, ver: '2.0' })
    .setProtectedHeader({ alg: tokenAlgorithm, kid: key.kid, typ: 'JWT' })
    .setIssuer(issuerOf(origin, subject.tenantId))
    .setAudience(tokenAudience)
    .setSubject(subject.id)
    .setJti(deps.ids.guid())
    .setIssuedAt(now)
    .setNotBefore(now)
    .setExpirationTime(now + lifeSeconds)
    .sign(key.privateKey)
  return { token, expiresInSeconds: lifeSeconds - 1 }
}

/** What an ID token says of a person who signed in here. */
export interface SignedInPerson {
  readonly tenantId: string
  readonly id: string
  readonly name: string
  /** When they proved who they are; seconds since 1970. */
  readonly signedInAtSeconds: number
}

/**
 * Signs an ID token for an application: who signed in, when, and the nonce of the request. It is no access token: its audience is the
 * application.
 * @source OpenID Connect Core 2
 */
export async function issueIdToken(
  deps: IssueDeps,
  origin: string,
  clientId: string,
  { tenantId, id, name, signedInAtSeconds }: SignedInPerson,
  nonce: string | null,
): Promise<string> {
  const [key] = deps.tokenKeys
  const now = Math.floor(deps.clock.nowMs() / 1_000)
  const claims = { tid: tenantId, oid: id, name, preferred_username: name, auth_time: signedInAtSeconds, ver: '2.0' }
  return new SignJWT({ ...claims, ...(nonce === null ? {} : { nonce }) })
    .setProtectedHeader({ alg: tokenAlgorithm, kid: key.kid, typ: 'JWT' })
    .setIssuer(issuerOf(origin, tenantId))
    .setAudience(clientId)
    .setSubject(id)
    .setIssuedAt(now)
    .setExpirationTime(now + personLifeSeconds)
    .sign(key.privateKey)
}
