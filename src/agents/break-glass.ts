import type { Clock } from '../io/clock.ts'
import { instantOf } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import { BREAK_GLASS_HOURS, writeBreakGlassCode } from '../protocol/break-glass.ts'
import { takeBreakGlassSerial } from '../store/agents.ts'
import type { Store } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { findOneDevice, noSuchDevice } from './devices.ts'
import type { CommandSigner } from './sign.ts'

/** What making a break-glass code needs. */
export interface BreakGlassDeps {
  readonly store: Store
  readonly clock: Clock
  readonly signer: CommandSigner
}

/** A code somebody can type on the host; shown once. */
export interface BreakGlassCode {
  readonly code: string
  readonly serial: number
  readonly expiresAt: string
}

/** Shortest reason that is taken: whoever reads the log later must understand it. */
export const minReasonLength = 30

/**
 * Makes a code that releases an isolated host on the spot, without a network, once and within three days.
 * @param identifier device id, host name or full name
 * @throws CordonError BadRequest for a short reason; NotFound when the tenant has no such device in force; AmbiguousTarget for several
 * @source design actions.md 10.6
 */
export async function issueBreakGlassCode(
  deps: BreakGlassDeps,
  actor: Actor,
  identifier: string,
  reason: string,
): Promise<BreakGlassCode> {
  if (reason.trim().length < minReasonLength) {
    const message = `A break-glass code needs a reason of at least ${minReasonLength} characters.`
    throw new CordonError('BadRequest', message, { target: 'reason' })
  }
  const { id: deviceId } = await findOneDevice(deps, actor.tenantId, identifier)
  const nowMs = deps.clock.nowMs()
  const expiresAt = instantOf(nowMs + BREAK_GLASS_HOURS * 3_600_000)
  const serial = await deps.store.transaction(async (tx) => {
    const taken = await takeBreakGlassSerial(tx, actor.tenantId, deviceId)
    if (taken === null) throw noSuchDevice()
    await recordChange(tx, {
      at: instantOf(nowMs),
      actor,
      audit: {
        action: 'issueBreakGlassCode',
        objectType: 'agent',
        objectId: deviceId,
        decision: 'allowed',
        reason,
        details: { serial: taken, expiresAt },
      },
      events: [{ change: 'updated', resource: 'agent', objectId: deviceId }],
    })
    return taken
  })
  return {
    code: writeBreakGlassCode(deps.signer.breakGlassKey(deviceId), deviceId, serial, nowMs),
    serial,
    expiresAt,
  }
}
