import { randomBytes } from 'node:crypto'
import type { Clock, Ids } from '../../io/clock.ts'
import { instantOf } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import { sha256Hex } from '../../protocol/canonical.ts'
import { DecodeError, decode } from '../../protocol/decode.ts'
import { readPublicKey } from '../../protocol/jws.ts'
import { decodeEnrollRequest, type EnrollAnswer, type EnrollRequest } from '../../protocol/messages.ts'
import { ENROLL_KID, readSequence, verifyRequest } from '../../protocol/request-signature.ts'
import { DEFAULT_POLL_SECONDS } from '../../protocol/version.ts'
import {
  approveAgent,
  consumeEnrolmentToken,
  insertAgent,
  insertEnrolmentToken,
  readOpenExecutions,
  revokeAgent,
  revokeAgentsWithKey,
} from '../../store/agents.ts'
import type { Store, Tx } from '../../store/db.ts'
import type { NewJob } from '../../store/jobs.ts'
import { type Actor, recordChange } from '../../store/record.ts'
import { checkJob } from '../commands.ts'
import { signPolicyFor } from '../policy.ts'
import type { CommandSigner } from '../sign.ts'
import { checkProtocol, readBearer, refused, type SignedCall } from './authenticate.ts'

/** What enrolment needs. */
export interface EnrollDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly signer: CommandSigner
}

/** A new enrolment token; shown once. */
export interface NewEnrolmentToken {
  readonly token: string
  readonly expiresAt: string
}

/** Longest life of an enrolment token, in seconds. */
export const maxTokenSeconds = 86_400

/**
 * Makes a one-time token that lets one host enrol in the actor's tenant.
 * @param lifeSeconds 60 to {@link maxTokenSeconds}
 * @param needsApproval the host gets no command before an admin has agreed
 * @throws CordonError BadRequest for another life
 */
export async function createEnrolmentToken(
  deps: { readonly store: Pick<Store, 'transaction'>; readonly clock: Clock },
  actor: Actor,
  lifeSeconds: number,
  needsApproval = false,
): Promise<NewEnrolmentToken> {
  if (!Number.isInteger(lifeSeconds) || lifeSeconds < 60 || lifeSeconds > maxTokenSeconds) {
    throw new CordonError('BadRequest', `An enrolment token lives from 60 to ${maxTokenSeconds} seconds.`)
  }
  const token = randomBytes(32).toString('base64url')
  const tokenHash = sha256Hex(token)
  const now = deps.clock.now()
  const expiresAt = instantOf(deps.clock.nowMs() + lifeSeconds * 1000)
  await deps.store.transaction(async (tx) => {
    await insertEnrolmentToken(tx, {
      tenant_id: actor.tenantId,
      token_hash: tokenHash,
      created_by: actor.id,
      needs_approval: needsApproval ? 1 : 0,
      created_at: now,
      expires_at: expiresAt,
      used_at: null,
      agent_id: null,
    })
    await recordChange(tx, {
      at: now,
      actor,
      audit: {
        action: 'createEnrolmentToken',
        objectType: 'enrolmentToken',
        // Enough to tell tokens apart; the hash itself is what the store compares with.
        objectId: tokenHash.slice(0, 16),
        decision: 'allowed',
        details: { expiresAt, needsApproval },
      },
    })
  })
  return { token, expiresAt }
}

/**
 * Enrols a host: a one-time token, and a signature that proves it holds the key it names. Always a new device; an earlier one with the
 * same key is revoked and hands nothing on.
 * @throws CordonError BadRequest for a malformed message; InvalidAuthenticationToken for a token that is unknown, used or expired, or a
 *   signature that does not fit
 */
export async function enrollDevice(deps: EnrollDeps, call: SignedCall, message: unknown): Promise<EnrollAnswer> {
  checkProtocol(call)
  const tokenHash = sha256Hex(readBearer(call.authorization))
  const request = readRequest(message)
  await checkPossession(request, call)
  const token = randomBytes(32).toString('base64url')
  const agentId = deps.ids.guid()
  const now = deps.clock.now()
  const tenantOfToken = await deps.store.transaction(async (tx) => {
    const used = await consumeEnrolmentToken(tx, tokenHash, now, agentId)
    if (used === null) throw refused('The enrolment token is not valid.')
    const tenantId = used.tenant_id
    const replaced = await revokeAgentsWithKey(tx, tenantId, request.publicKey, now)
    await insertAgent(tx, {
      tenant_id: tenantId,
      id: agentId,
      hostname: request.hostname,
      fqdn: null,
      machine_id: request.machineId,
      os: request.os,
      agent_version: request.agentVersion,
      public_key: request.publicKey,
      key_since: now,
      key_ordered_at: null,
      token_hash: sha256Hex(token),
      capabilities: JSON.stringify(request.capabilities),
      facts: '{}',
      last_seq: 0,
      command_seq: 0,
      run_ids: '[]',
      cloned_at: null,
      break_glass_serial: 0,
      enrolled_at: now,
      last_seen_at: now,
      approved_at: used.needs_approval === 0 ? now : null,
      revoked_at: null,
    })
    await recordChange(tx, {
      at: now,
      actor: { tenantId, id: agentId, kind: 'agent', name: request.hostname },
      audit: {
        action: 'enrollAgent',
        objectType: 'agent',
        objectId: agentId,
        decision: 'allowed',
        details: { hostname: request.hostname, token: tokenHash.slice(0, 16), replaced },
      },
      events: [{ change: 'created', resource: 'agent', objectId: agentId }],
      jobs: await lookAtOpenCommands(tx, replaced),
    })
    return tenantId
  })
  return {
    deviceId: agentId,
    token,
    commandKeys: [deps.signer.publicKey],
    policy: await signPolicyFor(deps, { ...request, tenantId: tenantOfToken, id: agentId, fqdn: null }),
    breakGlass: { serial: 0, key: deps.signer.breakGlassKey(agentId) },
    pollSeconds: DEFAULT_POLL_SECONDS,
    serverTime: deps.clock.now(),
  }
}

/**
 * Lets a host that enrolled with a token that asks for it take commands.
 * @throws CordonError NotFound when no such agent waits
 */
export async function approveDevice(
  deps: { readonly store: Pick<Store, 'transaction'>; readonly clock: Clock },
  actor: Actor,
  agentId: string,
): Promise<void> {
  const now = deps.clock.now()
  await deps.store.transaction(async (tx) => {
    const hostname = await approveAgent(tx, actor.tenantId, agentId, now)
    if (hostname === null) throw new CordonError('NotFound', 'No such agent waits for approval.')
    await recordChange(tx, {
      at: now,
      actor,
      audit: {
        action: 'approveAgent',
        objectType: 'agent',
        objectId: agentId,
        decision: 'allowed',
        details: { hostname },
      },
      events: [{ change: 'updated', resource: 'agent', objectId: agentId }],
    })
  })
}

/**
 * Revokes an agent of the actor's tenant: from now on nothing it says counts, and it gets no command.
 * @throws CordonError NotFound
 */
export async function revokeDevice(
  deps: { readonly store: Pick<Store, 'transaction'>; readonly clock: Clock },
  actor: Actor,
  agentId: string,
): Promise<void> {
  const now = deps.clock.now()
  await deps.store.transaction(async (tx) => {
    if (!(await revokeAgent(tx, actor.tenantId, agentId, now))) {
      throw new CordonError('NotFound', 'There is no such agent.')
    }
    await recordChange(tx, {
      at: now,
      actor,
      audit: { action: 'revokeAgent', objectType: 'agent', objectId: agentId, decision: 'allowed' },
      events: [{ change: 'deleted', resource: 'agent', objectId: agentId }],
      jobs: await lookAtOpenCommands(tx, [agentId]),
    })
  })
}

/** The commands of an identity that is gone never end by themselves: the engine looks at their executions at once. */
export async function lookAtOpenCommands(tx: Tx, agentIds: readonly string[]): Promise<NewJob[]> {
  const commands = await readOpenExecutions(tx, agentIds)
  return commands.map((id) => checkJob(`gone:${id}`, id))
}

function readRequest(message: unknown): EnrollRequest {
  try {
    return decode(decodeEnrollRequest, message)
  } catch (cause) {
    if (cause instanceof DecodeError) throw new CordonError('BadRequest', cause.message, { target: cause.path })
    throw cause
  }
}

async function checkPossession(request: EnrollRequest, call: SignedCall): Promise<void> {
  const seq = readSequence(call.sequence)
  if (seq === undefined || call.signature === undefined) throw refused('The request is not signed.')
  const { method, pathAndQuery, body } = call
  let key: ReturnType<typeof readPublicKey>
  try {
    key = readPublicKey(request.publicKey)
  } catch (cause) {
    if (cause instanceof DecodeError) throw new CordonError('BadRequest', cause.message, { target: cause.path })
    throw cause
  }
  const checked = await verifyRequest(key, ENROLL_KID, { method, pathAndQuery, seq, body }, call.signature)
  if (!checked.ok) throw refused('The signature does not fit the request.')
}
