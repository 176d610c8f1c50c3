import {
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type RegistrationResponseJSON,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { decodeAttestationObject } from '@simplewebauthn/server/helpers'
import { CordonError } from '../../../model/errors.ts'
import { isDuplicateKey, type Tx } from '../../../store/db.ts'
import { insertPasskey, listPasskeys, readUserForUpdate } from '../../../store/passkeys.ts'
import { type Actor, recordChange } from '../../../store/record.ts'
import type { UserRow } from '../../../store/schema.ts'
import type { PasskeyRow } from '../../../store/schema-sign-in.ts'
import { requireName } from '../../names.ts'
import type { AccessDeps } from '../../tenants.ts'
import { readClientFacts, readRegistration } from './answers.ts'
import { makeChallenge, type Question, useChallenge } from './challenges.ts'
import type { RelyingParty } from './relying-party.ts'

/** Algorithms a passkey may sign with: ES256, EdDSA, RS256. @source COSE algorithms as WebAuthn Level 3, 5.4 recommends them */
const algorithms = [-7, -8, -257]
/** More than anybody has devices; a person's list stays one that can be read. */
const maxPasskeys = 20

/** Whose passkey it becomes. */
export type PasskeyOwner = Pick<UserRow, 'tenant_id' | 'id' | 'name'>

/**
 * Asks a browser for a new passkey: one that is found without a name being typed, and that itself asks who uses it.
 * @param question what the answer will be for; {@link acceptPasskey} takes it with the same one alone
 * @returns what `PublicKeyCredential.parseCreationOptionsFromJSON()` takes
 */
export async function askForPasskey(
  deps: AccessDeps,
  party: RelyingParty,
  owner: PasskeyOwner,
  question: Question,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const known = await listPasskeys(deps.store.read, owner.tenant_id, owner.id)
  return generateRegistrationOptions({
    rpName: 'Cordon',
    rpID: party.rpId,
    userName: owner.name,
    userDisplayName: owner.name,
    userID: new TextEncoder().encode(owner.id),
    challenge: Buffer.from(await makeChallenge(deps, question), 'base64url'),
    timeout: 300_000,
    attestationType: 'none',
    excludeCredentials: known.map(({ credential_id }) => ({ id: credential_id })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    supportedAlgorithmIDs: algorithms,
  })
}

/**
 * Checks what a browser made of {@link askForPasskey}. Its question is used up, whatever the answer is worth.
 * @param input `credential` is what `toJSON()` of the new credential gives
 * @returns the row, not stored yet
 * @throws CordonError BadRequest saying what is wrong with it
 */
export async function acceptPasskey(
  deps: AccessDeps,
  party: RelyingParty,
  owner: PasskeyOwner,
  question: Question,
  input: { readonly name: string; readonly credential: unknown },
): Promise<PasskeyRow> {
  const name = requireName(input.name)
  const response = readRegistration(input.credential)
  const { challenge, isFramed } = readClientFacts(response.response.clientDataJSON)
  if (!(await useChallenge(deps, challenge, question))) throw refused('its question has ended or was answered before')
  if (isFramed) throw refused('it was made inside the page of another site')
  const { credential, credentialDeviceType, credentialBackedUp } = await verify(response, challenge, party)
  return {
    tenant_id: owner.tenant_id,
    id: deps.ids.guid(),
    user_id: owner.id,
    credential_id: credential.id,
    public_key: Buffer.from(credential.publicKey).toString('base64url'),
    rp_id: party.rpId,
    name,
    transports: JSON.stringify(credential.transports ?? []),
    multi_device: credentialDeviceType === 'multiDevice' ? 1 : 0,
    backed_up: credentialBackedUp ? 1 : 0,
    counter: credential.counter,
    created_at: deps.clock.now(),
    last_used_at: null,
  }
}

/**
 * Stores an accepted passkey.
 * @throws CordonError NotFound for somebody disabled; Conflict when they have as many as may be; a duplicate-key error, see {@link nameDuplicate}
 */
export async function storePasskey(tx: Tx, actor: Actor, row: PasskeyRow): Promise<void> {
  const owner = await readUserForUpdate(tx, row.tenant_id, row.user_id)
  if (owner === undefined || owner.disabled_at !== null) throw new CordonError('NotFound', 'There is no such person.')
  const known = await listPasskeys(tx, row.tenant_id, row.user_id)
  if (known.length >= maxPasskeys) {
    throw new CordonError(
      'Conflict',
      `There are ${maxPasskeys} passkeys, which is as many as may be; remove one first.`,
    )
  }
  await insertPasskey(tx, row)
  const audit = { action: 'addPasskey', objectType: 'user', objectId: row.user_id, decision: 'allowed' } as const
  await recordChange(tx, {
    at: row.created_at,
    actor,
    audit: { ...audit, details: { passkeyId: row.id, name: row.name } },
  })
}

/** What went wrong when a passkey was stored, in words where it was there already. */
export function nameDuplicate(cause: unknown): unknown {
  return isDuplicateKey(cause) ? new CordonError('Conflict', 'This passkey is known already.', { cause }) : cause
}

type Verified = NonNullable<Awaited<ReturnType<typeof verifyRegistrationResponse>>['registrationInfo']>

async function verify(response: RegistrationResponseJSON, challenge: string, party: RelyingParty): Promise<Verified> {
  let problem = 'its signature is wrong'
  try {
    // No statement was asked for. One with certificates would have them looked up at addresses that the sender chose.
    const sent = decodeAttestationObject(new Uint8Array(Buffer.from(response.response.attestationObject, 'base64url')))
    const format = sent.get('fmt')
    const isPlain = format === 'none' || (format === 'packed' && sent.get('attStmt').get('x5c') === undefined)
    if (!isPlain) throw refused('it comes with a statement about its maker, which nobody asked for')
    const result = await verifyRegistrationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: party.origin,
      expectedRPID: party.rpId,
      requireUserVerification: true,
      supportedAlgorithmIDs: algorithms,
    })
    if (result.registrationInfo !== undefined) return result.registrationInfo
  } catch (cause) {
    if (cause instanceof CordonError) throw cause
    if (cause instanceof Error) problem = cause.message
  }
  throw refused(problem)
}

function refused(problem: string): CordonError {
  return new CordonError('BadRequest', `The passkey is not taken: ${problem.slice(0, 200)}.`, { target: 'credential' })
}
