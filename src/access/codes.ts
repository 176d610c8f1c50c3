import { createHash } from 'node:crypto'
import { instantOf } from '../io/clock.ts'
import { isRoleName } from '../model/permissions.ts'
import { deleteSession, readUser } from '../store/access.ts'
import { type Actor, recordChange } from '../store/record.ts'
import type { AuthorizationCodeRow } from '../store/schema-sign-in.ts'
import { insertCode, insertGrant, readCode, useCode } from '../store/sign-in.ts'
import type { SignInApplication } from './applications.ts'
import type { TokenSubject } from './issue.ts'
import { hashSecret, makeSecret } from './secret-text.ts'
import type { Session } from './sessions.ts'
import type { AccessDeps } from './tenants.ts'

/** What an application asks for when it sends a person here, after it was checked. */
export interface CodeRequest {
  readonly redirectUri: string
  /** `code_challenge`, method S256. */
  readonly challenge: string
  readonly nonce: string | null
  readonly scope: string
}

/** What an application shows to get tokens for a code. */
export interface CodeProof {
  readonly code: string
  readonly redirectUri: string
  /** `code_verifier`. */
  readonly verifier: string
}

/** What a code was good for. */
export interface Grant {
  readonly subject: Extract<TokenSubject, { kind: 'user' }>
  readonly scope: string
  readonly nonce: string | null
  readonly signedInAtSeconds: number
}

/** A code is changed at once, by a program. @source RFC 6749 4.1.2: at most ten minutes */
const codeLifeMs = 60_000
/** A code that comes again is noticed for this long: longer than what it was changed for lives. */
const rememberedMs = 3_600_000
/** Longer than an access token and its leeway. */
const grantLifeMs = 700_000

/** Makes a code that lets an application act for the person of the session. @returns the code, which is stored nowhere */
export async function makeCode(
  deps: AccessDeps,
  actor: Actor,
  session: Session,
  application: SignInApplication,
  request: CodeRequest,
): Promise<string> {
  const code = makeSecret()
  const at = deps.clock.now()
  const row: AuthorizationCodeRow = {
    tenant_id: session.tenantId,
    code_hash: hashSecret(code),
    application_id: application.id,
    user_id: session.user.id,
    redirect_uri: request.redirectUri,
    challenge: request.challenge,
    nonce: request.nonce,
    scope: request.scope,
    signed_in_at: session.startedAt,
    expires_at: instantOf(deps.clock.nowMs() + codeLifeMs),
    used_at: null,
    grant_hash: hashSecret(makeSecret()),
  }
  await deps.store.transaction(async (tx) => {
    await insertCode(tx, row, instantOf(deps.clock.nowMs() - rememberedMs))
    const audit = { action: 'authorize', objectType: 'application', objectId: application.id } as const
    const details = { name: application.name, scope: request.scope }
    await recordChange(tx, { at, actor, audit: { ...audit, decision: 'allowed', details } })
  })
  return code
}

/**
 * Uses a code up, whatever then comes of it. A code that was used before ends what it was changed for.
 * @returns undefined when it is unknown, used, over, another application's or another address's, or the verifier is not the one
 * @source RFC 6749 4.1.2 and 10.5; RFC 7636 4.6
 */
export async function redeemCode(
  deps: AccessDeps,
  application: SignInApplication,
  proof: CodeProof,
): Promise<Grant | undefined> {
  const at = deps.clock.now()
  const codeHash = hashSecret(proof.code)
  return deps.store.transaction(async (tx) => {
    const row = await useCode(tx, codeHash, at)
    if (row === undefined) {
      const seen = await readCode(tx, codeHash)
      if (seen?.used_at) await deleteSession(tx, seen.grant_hash)
      return undefined
    }
    if (!isFor(row, application, proof)) return undefined
    const user = await readUser(tx, row.tenant_id, row.user_id)
    if (user === undefined || user.disabled_at !== null || !isRoleName(user.role)) return undefined
    await insertGrant(tx, {
      tenant_id: row.tenant_id,
      token_hash: row.grant_hash,
      user_id: user.id,
      csrf_hash: hashSecret(makeSecret()),
      created_at: at,
      expires_at: instantOf(deps.clock.nowMs() + grantLifeMs),
      parent_hash: null,
    })
    const { id, role } = application
    const signedInAtSeconds = Math.floor(Date.parse(row.signed_in_at) / 1_000)
    const person = { kind: 'user', tenantId: row.tenant_id, id: user.id, name: user.name, role: user.role } as const
    return {
      subject: { ...person, sessionHash: row.grant_hash, signedInAtSeconds, application: { id, role } },
      scope: row.scope,
      nonce: row.nonce,
      signedInAtSeconds,
    }
  })
}

function isFor(row: AuthorizationCodeRow, application: SignInApplication, proof: CodeProof): boolean {
  const challenge = createHash('sha256').update(proof.verifier).digest('base64url')
  return (
    row.tenant_id === application.tenantId &&
    row.application_id === application.id &&
    row.redirect_uri === proof.redirectUri &&
    row.challenge === challenge
  )
}
