import { acceptPasskey, askForPasskey, nameDuplicate, storePasskey } from '../../../access/credentials/passkeys/add.ts'
import type { Question } from '../../../access/credentials/passkeys/challenges.ts'
import {
  findOwnIssuer,
  removeOwnPasskey,
  renamePasskey,
  requireFreshSession,
  requireOwnAccount,
  showPasskey,
} from '../../../access/credentials/passkeys/own.ts'
import { findRelyingParty, type RelyingParty } from '../../../access/credentials/passkeys/relying-party.ts'
import { authenticateSession, requireSession, type Session } from '../../../access/sessions.ts'
import { object } from '../../../model/safety/fields.ts'
import { listPasskeys } from '../../../store/passkeys.ts'
import type { Call, OpenHandler } from '../../route.ts'
import { readFields } from '../../v1/read-fields.ts'
import type { LoginDeps } from '../login.ts'
import { answerPrivate } from '../session.ts'
import { credential, passkeyName, requireParty } from './party.ts'

const naming = object<{ readonly name: string }>({ name: passkeyName })
const adding = object<{ readonly name: string; readonly credential: unknown }>({ name: passkeyName, credential })

/** GET /auth/passkeys: one's own, with the host one made now would be bound to, and the outside issuer that has them instead. */
export function listOwnPasskeys(deps: LoginDeps): OpenHandler {
  return async (call) => {
    const { tenantId, user } = await requireSession(deps, call)
    const [rows, issuer] = await Promise.all([
      listPasskeys(deps.store.read, tenantId, user.id),
      findOwnIssuer(deps, tenantId, user.id),
    ])
    return answerPrivate({
      value: rows.map(showPasskey),
      host: findRelyingParty(deps, call)?.rpId ?? null,
      issuer: issuer && { name: issuer.name, address: issuer.address },
    })
  }
}

/** POST /auth/passkeys/options: what the browser needs to make one. */
export function beginOwnPasskey(deps: LoginDeps): OpenHandler {
  return async (call) => {
    const { session, party, question } = await requireAdding(deps, call)
    const options = await askForPasskey(deps, party, ownerOf(session), question)
    return answerPrivate({ publicKey: options })
  }
}

/** POST /auth/passkeys: takes the one the browser made. */
export function addOwnPasskey(deps: LoginDeps): OpenHandler {
  return async (call) => {
    const { session, party, question } = await requireAdding(deps, call)
    const actor = await authenticateSession(deps, call)
    const row = await acceptPasskey(deps, party, ownerOf(session), question, readFields(adding, call.body))
    try {
      await deps.store.transaction((tx) => storePasskey(tx, actor, row))
    } catch (cause) {
      throw nameDuplicate(cause)
    }
    return answerPrivate(showPasskey(row), 201)
  }
}

/** PATCH /auth/passkeys/{id}: another name for it. */
export function renameOwnPasskey(deps: LoginDeps): OpenHandler {
  return async (call) => {
    const actor = await authenticateSession(deps, call)
    const { name } = readFields(naming, call.body)
    return answerPrivate(showPasskey(await renamePasskey(deps, actor, { id: idOf(call), name })))
  }
}

/** DELETE /auth/passkeys/{id}: ends it, and the person's other sessions. */
export function deleteOwnPasskey(deps: LoginDeps): OpenHandler {
  return async (call) => {
    const session = await requireSession(deps, call)
    requireFreshSession(deps, session)
    const actor = await authenticateSession(deps, call)
    await removeOwnPasskey(deps, actor, { id: idOf(call), keptSession: session.hash })
    return { status: 204, headers: { 'Cache-Control': 'no-store' } }
  }
}

interface Adding {
  readonly session: Session
  readonly party: RelyingParty
  readonly question: Question
}

async function requireAdding(deps: LoginDeps, call: Call): Promise<Adding> {
  const session = await requireSession(deps, call)
  await requireOwnAccount(deps, session.tenantId, session.user.id)
  const party = requireParty(deps, call)
  requireFreshSession(deps, session)
  const question = { tenantId: session.tenantId, purpose: 'add', boundTo: session.hash, origin: party.origin } as const
  return { session, party, question }
}

function ownerOf({ tenantId, user }: Session): { tenant_id: string; id: string; name: string } {
  return { tenant_id: tenantId, id: user.id, name: user.name }
}

function idOf(call: Call): string {
  return (call.params.id ?? '').toLowerCase()
}
