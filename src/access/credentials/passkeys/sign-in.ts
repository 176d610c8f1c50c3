import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  type PublicKeyCredentialRequestOptionsJSON,
  verifyAuthenticationResponse,
} from '@simplewebauthn/server'
import { readUser } from '../../../store/access.ts'
import { findPasskey, notePasskeyUse, type PasskeyUse } from '../../../store/passkeys.ts'
import type { PasskeyRow } from '../../../store/schema-sign-in.ts'
import type { RequestFacts } from '../../authenticate.ts'
import { openSession, type SignedIn } from '../../sessions.ts'
import type { AccessDeps } from '../../tenants.ts'
import { readAssertion, readClientFacts } from './answers.ts'
import { makeChallenge, type Question, useChallenge } from './challenges.ts'
import type { RelyingParty } from './relying-party.ts'

/** What signing in with a passkey needs. */
export interface PasskeySignInDeps extends AccessDeps {
  /** Whose question it is before anybody knows who comes. */
  readonly firstTenantId: string
}

/** Why a passkey let nobody in. Only `over` is for the eyes of whoever tried: the rest would tell who exists. */
export interface PasskeyProblem {
  readonly problem: 'InvalidPasskey' | 'PasskeyCountedBack'
  /** For the audit log. */
  readonly reason: string
  /** True when the question has ended or was answered before: asking once more may help. */
  readonly isOver?: true
  readonly tenantId?: string
  /** The person the passkey is said to be of. */
  readonly claimedId?: string
}

/**
 * Asks a browser for any passkey of this server that it has. The same for everybody.
 * @returns what `PublicKeyCredential.parseRequestOptionsFromJSON()` takes
 */
export async function askWhoComes(
  deps: PasskeySignInDeps,
  party: RelyingParty,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  return generateAuthenticationOptions({
    rpID: party.rpId,
    challenge: Buffer.from(await makeChallenge(deps, questionOf(deps, party)), 'base64url'),
    timeout: 300_000,
    userVerification: 'required',
  })
}

/**
 * Opens a session for whoever's passkey answered {@link askWhoComes}. The question is used up, whatever the answer is worth.
 * @param input `credential` is what `toJSON()` of the browser's answer gives; `userId` the only person who will do, null for anybody
 * @throws CordonError BadRequest for what no browser sends
 */
export async function signInByPasskey(
  deps: PasskeySignInDeps,
  request: RequestFacts,
  party: RelyingParty,
  input: { readonly credential: unknown; readonly userId: string | null },
): Promise<SignedIn | PasskeyProblem> {
  const answer = readAssertion(input.credential)
  const { challenge, isFramed } = readClientFacts(answer.response.clientDataJSON)
  if (!(await useChallenge(deps, challenge, questionOf(deps, party)))) {
    return { problem: 'InvalidPasskey', reason: 'the question has ended or was answered before', isOver: true }
  }
  const passkey = await findPasskey(deps.store.read, answer.id)
  if (passkey === undefined) return { problem: 'InvalidPasskey', reason: 'unknown passkey' }
  const about = { tenantId: passkey.tenant_id, claimedId: passkey.user_id }
  const use = await verify(answer, challenge, party, passkey)
  if (typeof use === 'string') return { problem: 'InvalidPasskey', reason: use, ...about }
  if (isFramed) return { problem: 'InvalidPasskey', reason: 'it signed inside the page of another site', ...about }
  if (input.userId !== null && input.userId !== passkey.user_id) {
    return { problem: 'InvalidPasskey', reason: 'the passkey of another person than was asked for', ...about }
  }
  return enter(deps, request, passkey, { ...use, last_used_at: deps.clock.now() })
}

function questionOf({ firstTenantId }: PasskeySignInDeps, { origin }: RelyingParty): Question {
  return { tenantId: firstTenantId, purpose: 'signIn', boundTo: null, origin }
}

/** @returns what the use tells about the passkey, or what is wrong */
async function verify(
  answer: AuthenticationResponseJSON,
  challenge: string,
  party: RelyingParty,
  passkey: PasskeyRow,
): Promise<Omit<PasskeyUse, 'last_used_at'> | string> {
  const handle = Buffer.from(answer.response.userHandle ?? '', 'base64url').toString('utf8')
  if (handle !== passkey.user_id) return 'the passkey of another person than it says'
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: answer,
      expectedChallenge: challenge,
      expectedOrigin: party.origin,
      expectedRPID: party.rpId,
      requireUserVerification: true,
      // Counting is judged where the count is stored, so that two answers at once cannot both be the next one.
      credential: {
        id: passkey.credential_id,
        publicKey: new Uint8Array(Buffer.from(passkey.public_key, 'base64url')),
        counter: 0,
      },
    })
    if (!verified) return 'the signature is wrong'
    return { counter: authenticationInfo.newCounter, backed_up: authenticationInfo.credentialBackedUp ? 1 : 0 }
  } catch (cause) {
    return cause instanceof Error ? cause.message.slice(0, 200) : 'the answer cannot be read'
  }
}

async function enter(
  deps: AccessDeps,
  request: RequestFacts,
  passkey: PasskeyRow,
  use: PasskeyUse,
): Promise<SignedIn | PasskeyProblem> {
  const { tenant_id: tenantId, user_id: claimedId, id: passkeyId } = passkey
  let isNext = true
  const signedIn = await openSession(deps, request, { by: 'passkey', passkeyId }, async (tx) => {
    const user = await readUser(tx, tenantId, claimedId)
    if (user === undefined || user.disabled_at !== null) return undefined
    isNext = await notePasskeyUse(tx, passkey, use)
    return isNext ? user : undefined
  })
  if (signedIn !== undefined) return signedIn
  const about = { tenantId, claimedId }
  return isNext
    ? { problem: 'InvalidPasskey', reason: 'the person is disabled', ...about }
    : {
        problem: 'PasskeyCountedBack',
        reason: `the authenticator counted ${use.counter} after ${passkey.counter}: it may have a double`,
        ...about,
      }
}
