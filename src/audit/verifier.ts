import type { AuditKey } from '../io/secrets.ts'
import type { Store } from '../store/db.ts'
import { originOf, readCheckpoint } from './checkpoint.ts'
import type { CheckpointFolder } from './checkpoint-folder.ts'
import { type LogReport, verifyLog } from './verify.ts'

/** What comparing logs with their checkpoints needs. */
export interface VerifierDeps {
  readonly store: Pick<Store, 'read'>
  readonly folder: CheckpointFolder
  readonly auditKeys: readonly AuditKey[]
}

/** A {@link LogReport}, and how many checkpoints of the log none of our keys has signed. */
export interface CheckedLog extends LogReport {
  readonly badCheckpoints: number
}

/** Compares logs of this server with themselves and with every checkpoint in its folder. */
export function createAuditVerifier(deps: VerifierDeps): { verify(tenantId: string): Promise<CheckedLog> } {
  const keys = deps.auditKeys.map(({ publicKey }) => publicKey)
  return {
    verify: async (tenantId) => {
      const notes = await deps.folder.listNotesOf(originOf(tenantId))
      const read = notes.map(({ text }) => readCheckpoint(text, keys))
      const checkpoints = read.filter((checkpoint) => checkpoint !== null)
      const report = await verifyLog(deps.store.read, tenantId, checkpoints)
      return { ...report, badCheckpoints: read.length - checkpoints.length }
    },
  }
}
