import type { Clock } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import { decodePackageComplete, type PackageComplete } from '../../protocol/bodies/collectInvestigationPackage.ts'
import { readBody } from '../../protocol/body.ts'
import { readCommand as readCommandPayload } from '../../protocol/command.ts'
import { DecodeError, decode } from '../../protocol/decode.ts'
import { peekPayload } from '../../protocol/jws.ts'
import type { CommandResult } from '../../protocol/result.ts'
import { messageLimits } from '../../protocol/version.ts'
import { readCommand } from '../../store/agents.ts'
import type { Store } from '../../store/db.ts'
import type { Device } from '../identity/authenticate.ts'
import type { PackageFolder, StoredPackage } from './package-folder.ts'

/** What taking packages in needs. */
export interface PackageDeps {
  readonly store: Store
  readonly clock: Clock
  readonly packages: PackageFolder
}

/**
 * Takes a part of a package in. Only the host that was told to collect, and only while the command is open, may send one.
 * @throws CordonError NotFound for a command that is not this device's; Conflict for a closed command, another part under the same number,
 *   or a part out of order; RequestEntityTooLarge beyond what was ordered
 */
export async function acceptPart(
  deps: PackageDeps,
  device: Device,
  commandId: string,
  part: { readonly generation: number; readonly number: number },
  bytes: Buffer,
): Promise<void> {
  const maxBytes = await requireOpen(deps, device, commandId)
  if (part.number === 1) await deps.packages.sweep(deps.clock.nowMs())
  const outcome = await deps.packages.putPart(commandId, part, bytes, maxBytes)
  if (outcome === 'stored') return
  if (outcome === 'overQuota') {
    throw new CordonError('RequestEntityTooLarge', `The package may hold at most ${maxBytes} bytes.`)
  }
  const problem = outcome === 'outOfOrder' ? 'Parts come one after the other.' : 'The part contradicts an earlier one.'
  throw new CordonError('Conflict', problem)
}

/**
 * Ends an upload: the parts become one file under its digest. A second time changes nothing.
 * @throws CordonError BadRequest, NotFound; Conflict when the parts here are not what the host says it sent
 */
export async function acceptComplete(
  deps: PackageDeps,
  device: Device,
  commandId: string,
  message: unknown,
): Promise<void> {
  await requireOpen(deps, device, commandId)
  const complete = readComplete(message)
  if (await deps.packages.complete(commandId, complete)) return
  throw new CordonError('Conflict', 'The parts are not the package that was announced; send it anew.')
}

/** What is missing for a package to count: the server itself must have it, byte for byte. Null when it has. */
export function findPackageGap(result: CommandResult, stored: StoredPackage | null): string | null {
  if (stored === null) return 'no package was uploaded'
  const { after } = result
  return after?.sha256 === stored.sha256 && after.size === stored.size ? null : 'another package was uploaded'
}

/** @returns how many bytes the host was told to send at most */
async function requireOpen(deps: PackageDeps, device: Device, commandId: string): Promise<number> {
  const command = await readCommand(deps.store.read, device.tenantId, commandId)
  if (command?.agent_id !== device.id || command.action_type !== 'collectInvestigationPackage') {
    throw new CordonError('NotFound', 'There is no such command.')
  }
  if (command.state !== 'acked') throw new CordonError('Conflict', 'The command takes no package.')
  const payload = JSON.stringify(peekPayload(command.jws, messageLimits.commandBytes))
  const body = readBody(readCommandPayload(payload).body)
  return body.actionType === 'collectInvestigationPackage' ? body.maxBytes : 0
}

function readComplete(message: unknown): PackageComplete {
  try {
    return decode(decodePackageComplete, message)
  } catch (cause) {
    if (cause instanceof DecodeError) throw new CordonError('BadRequest', cause.message, { target: cause.path })
    throw cause
  }
}
