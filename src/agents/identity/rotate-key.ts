import type { Clock } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import { sha256Hex } from '../../protocol/canonical.ts'
import { DecodeError, decode } from '../../protocol/decode.ts'
import { decodeRotateKey, provesKeyStep, type RotateKeyRequest } from '../../protocol/key-rotation.ts'
import { orderAgentKey, replaceAgentKey } from '../../store/agent-identity.ts'
import { type Actor, type AuditEntry, recordChange } from '../../store/record.ts'
import { type DeviceDeps, findOneDevice, noSuchDevice } from '../devices.ts'
import type { GroupCommit } from '../group-commit.ts'
import type { Device } from './authenticate.ts'

/** What rotating keys needs. */
export interface RotateDeps {
  readonly clock: Clock
  readonly together: GroupCommit
}

/**
 * Lets a new device key follow the one in force, which has signed the request. From the commit on only the new one counts. A device that
 * never got the answer asks again with the new key, and is told the same.
 * @throws CordonError BadRequest for a malformed message; Conflict for a proof of another step, or when another rotation came first
 */
export async function rotateDeviceKey(deps: RotateDeps, device: Device, message: unknown): Promise<void> {
  const { request, proved } = readRequest(device, message)
  if (request.publicKey === device.publicKey) return
  const replaced = await deps.together.run(device.id, async (tx) => {
    const now = deps.clock.now()
    const keys = { from: device.publicKey, to: request.publicKey }
    const done = proved && (await replaceAgentKey(tx, device.id, keys, now))
    await recordChange(tx, {
      at: now,
      actor: { tenantId: device.tenantId, id: device.id, kind: 'agent', name: device.hostname },
      audit: describeRotation(device, keys, done ? null : proved ? overtaken : foreign),
      ...(done ? { events: [{ change: 'updated', resource: 'agent', objectId: device.id }] } : {}),
    })
    return done
  })
  if (!replaced) throw new CordonError('Conflict', proved ? overtaken : foreign)
}

/**
 * Orders another device key of a host, which makes it with its next contact; the order stays until it has come.
 * @param identifier device id, host name or full name
 * @returns the device's id
 * @throws CordonError NotFound when the tenant has no such device in force; AmbiguousTarget for several
 */
export async function orderDeviceKey(
  deps: DeviceDeps & { readonly clock: Clock },
  actor: Actor,
  identifier: string,
  reason: string,
): Promise<string> {
  const { id: deviceId } = await findOneDevice(deps, actor.tenantId, identifier)
  const now = deps.clock.now()
  await deps.store.transaction(async (tx) => {
    if (!(await orderAgentKey(tx, actor.tenantId, deviceId, now))) throw noSuchDevice()
    await recordChange(tx, {
      at: now,
      actor,
      audit: { action: 'orderDeviceKey', objectType: 'agent', objectId: deviceId, decision: 'allowed', reason },
      events: [{ change: 'updated', resource: 'agent', objectId: deviceId }],
    })
  })
  return deviceId
}

const overtaken = 'Another key has followed the one that signed the request.'
const foreign = 'The new key has not signed this step.'

function describeRotation(
  device: Device,
  keys: { readonly from: string; readonly to: string },
  refusal: string | null,
): AuditEntry {
  return {
    action: 'rotateDeviceKey',
    objectType: 'agent',
    objectId: device.id,
    decision: refusal === null ? 'allowed' : 'refused',
    ...(refusal === null ? {} : { reason: refusal }),
    details: { from: nameKey(keys.from), to: nameKey(keys.to) },
  }
}

/** Enough to tell keys apart. */
function nameKey(publicKey: string): string {
  return `sha256:${sha256Hex(publicKey).slice(0, 16)}`
}

function readRequest(
  device: Device,
  message: unknown,
): { readonly request: RotateKeyRequest; readonly proved: boolean } {
  try {
    const request = decode(decodeRotateKey, message)
    return { request, proved: provesKeyStep(request, { deviceId: device.id, from: device.publicKey }) }
  } catch (cause) {
    if (cause instanceof DecodeError) throw new CordonError('BadRequest', cause.message, { target: cause.path })
    throw cause
  }
}
