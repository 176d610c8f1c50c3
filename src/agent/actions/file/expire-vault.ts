import { rmSync } from 'node:fs'
import { DecodeError } from '../../../protocol/decode.ts'
import { formatInstant } from '../../../protocol/instants.ts'
import type { StateDirectory } from '../../state.ts'
import { type CopyRecord, listRecords, type QuarantineRecord, readRecord, vaultFolder, writeRecord } from './record.ts'
import { blobPath } from './vault.ts'

/** How long the vault keeps a file that nobody brought back. @source design actions.md 10.4 */
export const VAULT_DAYS = 90
const DAY_MS = 86_400_000

/** Content of one command that the vault gave up. */
export interface ExpiredItem {
  readonly commandId: string
  readonly files: number
}

/**
 * Deletes what the vault has kept for {@link VAULT_DAYS}; the record stays and says so. The time counts from the first call that meets the
 * content, so that a host whose clock was wrong when it moved the file gives nothing up too early.
 * @param serverNowMs the time as the server has it, milliseconds since 1970
 */
export function expireVault(state: StateDirectory, serverNowMs: number): readonly ExpiredItem[] {
  return listRecords(state).flatMap((commandId) => {
    const record = tryRead(state, commandId)
    const held = record?.copies.filter(holdsContent) ?? []
    if (record === undefined || held.length === 0) return []
    const since = record.keptSince === undefined ? undefined : Date.parse(record.keptSince)
    if (since === undefined) writeRecord(state, { ...record, keptSince: formatInstant(serverNowMs) })
    if (since === undefined || serverNowMs - since < VAULT_DAYS * DAY_MS) return []
    for (const { sha256 } of held) rmSync(blobPath(vaultFolder(state, commandId), sha256), { force: true })
    const copies = record.copies.map((copy) => (holdsContent(copy) ? { ...copy, phase: 'expired' as const } : copy))
    writeRecord(state, { ...record, copies })
    return [{ commandId, files: held.length }]
  })
}

/** True while the vault has what stood at the path, or ran from it. */
export function holdsContent({ phase }: CopyRecord): boolean {
  return phase === 'removed' || phase === 'content'
}

function tryRead(state: StateDirectory, commandId: string): QuarantineRecord | undefined {
  try {
    return readRecord(state, commandId)
  } catch (error) {
    // A damaged record says nothing of how old it is; restoring it says that it is damaged.
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
