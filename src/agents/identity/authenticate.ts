import type { KeyObject } from 'node:crypto'
import type { Clock } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import { sha256Hex } from '../../protocol/canonical.ts'
import { readPublicKey } from '../../protocol/jws.ts'
import { readSequence, verifyRequest } from '../../protocol/request-signature.ts'
import { PROTOCOL_VERSION } from '../../protocol/version.ts'
import { claimSequence, readAgentByToken } from '../../store/agent-identity.ts'
import type { Store } from '../../store/db.ts'
import type { GroupCommit } from '../group-commit.ts'

/** An authenticated agent. Everything about it comes from its credential, nothing from what it says. */
export interface Device {
  readonly tenantId: string
  readonly id: string
  readonly hostname: string
  readonly fqdn: string | null
  /** The device key in force, base64url. */
  readonly publicKey: string
  /** Ids of its agent's last runs, as stored. */
  readonly runIds: string
  /** An operator wants another key of it. */
  readonly keyOrdered: boolean
}

/** The parts of a request that identify its sender, as they were sent. */
export interface SignedCall {
  readonly method: string
  readonly pathAndQuery: string
  readonly body: Buffer
  readonly authorization: string | undefined
  readonly protocol: string | undefined
  readonly sequence: string | undefined
  readonly signature: string | undefined
}

/**
 * Names the agent behind a request: bearer token, then the signature of its device key, then a request number above all before.
 * @throws CordonError BadRequest (another protocol version); InvalidAuthenticationToken (unknown, revoked, forged); DeviceCloned; StaleSequence
 */
export async function authenticateDevice(
  deps: { readonly store: Store; readonly clock: Clock; readonly together: GroupCommit; readonly keys: KeyReader },
  call: SignedCall,
): Promise<Device> {
  checkProtocol(call)
  const token = readBearer(call.authorization)
  const agent = await readAgentByToken(deps.store.read, sha256Hex(token))
  if (agent !== null && agent.cloned_at !== null) throw refusedClone()
  if (agent === null || agent.revoked_at !== null) throw refused('The agent token is not valid.')
  const seq = readSequence(call.sequence)
  if (seq === undefined || call.signature === undefined) throw refused('The request is not signed.')
  const { method, pathAndQuery, body } = call
  const key = deps.keys(agent.public_key)
  const checked = await verifyRequest(key, agent.id, { method, pathAndQuery, seq, body }, call.signature)
  if (!checked.ok) throw refused('The signature does not fit the request.')
  // The store decides, so that it holds over several servers.
  const isNewer = await deps.together.run(agent.id, (tx) => claimSequence(tx, agent.id, seq, deps.clock.now()))
  if (!isNewer) {
    throw new CordonError('StaleSequence', 'The request number is not higher than the last one.', challenge)
  }
  const { tenant_id: tenantId, id, hostname, fqdn, public_key: publicKey, run_ids: runIds } = agent
  return { tenantId, id, hostname, fqdn, publicKey, runIds, keyOrdered: agent.key_ordered_at !== null }
}

/** Reads public keys of devices. @throws DecodeError */
export type KeyReader = (publicKey: string) => KeyObject

/** Keys that are kept read at most. */
const maxKeys = 20_000

/** Reads a key once for many requests: that takes as long as checking one of them. */
export function createKeyReader(): KeyReader {
  const known = new Map<string, KeyObject>()
  return (publicKey) => {
    const found = known.get(publicKey)
    if (found !== undefined) return found
    const key = readPublicKey(publicKey)
    if (known.size >= maxKeys) known.clear()
    known.set(publicKey, key)
    return key
  }
}

/** Refuses a request of another protocol version. @throws CordonError BadRequest */
export function checkProtocol(call: SignedCall): void {
  if (call.protocol === String(PROTOCOL_VERSION)) return
  throw new CordonError('BadRequest', `This server speaks agent protocol ${PROTOCOL_VERSION}; update the agent.`)
}

/** The token of an Authorization header. @throws CordonError InvalidAuthenticationToken */
export function readBearer(authorization: string | undefined): string {
  const match = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')
  if (match?.[1] === undefined) throw refused('The request carries no agent token.')
  return match[1]
}

const challenge = { challenge: 'Bearer realm="cordon-agent"' } as const

/** The refusal of a key that two hosts use. */
export function refusedClone(): CordonError {
  const message =
    'Two hosts use this device key. Neither is heard any more: remove the state of both and enrol each anew.'
  return new CordonError('DeviceCloned', message, challenge)
}

/** A refusal of a credential; says nothing about why beyond its sentence. */
export function refused(message: string): CordonError {
  return new CordonError('InvalidAuthenticationToken', message, challenge)
}
