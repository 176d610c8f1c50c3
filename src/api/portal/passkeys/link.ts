import { acceptPasskey, askForPasskey, nameDuplicate, storePasskey } from '../../../access/credentials/passkeys/add.ts'
import type { Question } from '../../../access/credentials/passkeys/challenges.ts'
import { requireOwnAccount } from '../../../access/credentials/passkeys/own.ts'
import type { RelyingParty } from '../../../access/credentials/passkeys/relying-party.ts'
import { hashSecret } from '../../../access/secret-text.ts'
import { readLinkOwner, signIn } from '../../../access/sessions.ts'
import { CordonError } from '../../../model/errors.ts'
import { nullable, object, text } from '../../../model/safety/fields.ts'
import type { UserRow } from '../../../store/schema.ts'
import type { Call, OpenHandler } from '../../route.ts'
import { readFields } from '../../v1/read-fields.ts'
import { type LoginDeps, noteFailure } from '../login.ts'
import { answerPrivate } from '../session.ts'
import { credential, passkeyName, requireOwnPage, requireParty } from './party.ts'
import { letIn, refuseWhile, requireSlowAsking } from './sign-in.ts'

const asking = object<{ readonly token: string }>({ token: text(100) })
const fields = object<{
  readonly token: string
  readonly name: string
  readonly credential: unknown
  readonly next: string | null
}>({
  token: text(100),
  name: passkeyName,
  credential,
  next: { read: nullable(text(4_000)), absent: null },
})

/** POST /auth/passkeys/link/options: what the browser needs to make a passkey for the person behind a sign-in link. The link stays unused. */
export function beginPasskeyByLink(deps: LoginDeps): OpenHandler {
  return async (call) => {
    requireOwnPage(call)
    requireSlowAsking(deps, call)
    const { token } = readFields(asking, call.body)
    const { party, owner, question } = await requireLink(deps, call, token)
    return answerPrivate({ publicKey: await askForPasskey(deps, party, owner, question) })
  }
}

/** POST /auth/passkeys/link: uses the link up, keeps the passkey and signs its person in, all or nothing. */
export function completePasskeyByLink(deps: LoginDeps): OpenHandler {
  return async (call) => {
    requireOwnPage(call)
    const { token, next, ...made } = readFields(fields, call.body)
    const { party, owner, question } = await requireLink(deps, call, token)
    const row = await acceptPasskey(deps, party, owner, question, made)
    const { requestId, clientRequestId } = call
    const who = { tenantId: owner.tenant_id, id: owner.id, kind: 'user', name: owner.name } as const
    const store = signIn(deps, call, token, (tx) => storePasskey(tx, { ...who, requestId, clientRequestId }, row))
    const signedIn = await store.catch((cause: unknown) => {
      throw nameDuplicate(cause)
    })
    return signedIn === undefined ? refuseLink(deps, call) : letIn(signedIn, next)
  }
}

interface ByLink {
  readonly party: RelyingParty
  readonly owner: UserRow
  readonly question: Question
}

async function requireLink(deps: LoginDeps, call: Call, token: string): Promise<ByLink> {
  refuseWhile(deps.failures.waitSeconds(call.remoteAddress))
  const owner = await readLinkOwner(deps, token)
  if (owner === undefined) return refuseLink(deps, call)
  const party = requireParty(deps, call)
  await requireOwnAccount(deps, owner.tenant_id, owner.id)
  const bound = { tenantId: owner.tenant_id, boundTo: hashSecret(token), origin: party.origin }
  return { party, owner, question: { purpose: 'addByLink', ...bound } }
}

async function refuseLink(deps: LoginDeps, call: Call): Promise<never> {
  const reason = 'sign-in link unknown, used or ended'
  refuseWhile(await noteFailure(deps, call, { code: 'InvalidSignInLink', reason }))
  throw new CordonError('NotFound', 'This link was used before, or has ended.')
}
