import type { KeyObject } from 'node:crypto'
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Checkpoint, readCheckpoint } from '../audit/checkpoint.ts'
import { type NoteFile, openCheckpointFolder } from '../audit/checkpoint-folder.ts'
import { checkpointsOf, verifyLines } from '../audit/export.ts'
import { readVerifierKey } from '../audit/signed-note.ts'
import { type LogReport, verifyLog } from '../audit/verify.ts'
import { checkpointFolder } from '../io/data-dir.ts'
import { readEnvironment } from '../io/env.ts'
import { readAuditPublicKeys } from '../io/secrets.ts'
import { CordonError } from '../model/errors.ts'
import { listAuditHeads, listAuditTenants } from '../store/audit-log.ts'
import { chooseData, readStore, type StoreOptions } from './store-command.ts'

/** Options of `cordon audit verify`. */
export interface VerifyOptions extends StoreOptions {
  readonly tenant?: string
  readonly checkpoint?: readonly string[]
  readonly auditCheckpoints?: string
  readonly key?: string
  readonly file?: string
}

/** What `cordon audit verify --json` prints. */
export interface AuditReport {
  /** True when every log was compared with a checkpoint and nothing was found. */
  readonly holds: boolean
  readonly logs: readonly LogReport[]
  /** Checkpoints that the key did not sign, by file. */
  readonly badCheckpoints: readonly string[]
  /** Logs that no checkpoint speaks of: their end, or all of them, could have been written anew. */
  readonly uncovered: readonly string[]
}

/**
 * Compares logs with themselves and with checkpoints.
 * @returns the report, and the same in lines for people
 * @throws CordonError BadRequest when there are checkpoints and no key to verify them with
 */
export async function verifyAudit(
  options: VerifyOptions,
): Promise<{ readonly report: AuditReport; readonly lines: readonly string[] }> {
  const notes = await readNotes(options)
  const keys = await readKeys(options)
  if (notes.length > 0 && keys.length === 0) {
    throw new CordonError('BadRequest', 'There are checkpoints, but no key that verifies them: give --key or --data.')
  }
  const read = notes.map(({ path, text }) => ({ path, checkpoint: readCheckpoint(text, keys) }))
  const checkpoints = read.flatMap(({ checkpoint }) => (checkpoint === null ? [] : [checkpoint]))
  const badCheckpoints = read.flatMap(({ path, checkpoint }) => (checkpoint === null ? [path] : []))
  const logs = await verifyLogs(options, checkpoints)
  const uncovered = logs.filter((log) => log.checkpoints === 0 && log.entries > 0).map((log) => log.tenantId)
  const isClean = logs.every((log) => log.findings.length === 0)
  const report = { holds: isClean && badCheckpoints.length + uncovered.length === 0, logs, badCheckpoints, uncovered }
  return { report, lines: describe(report) }
}

async function verifyLogs(options: VerifyOptions, checkpoints: readonly Checkpoint[]): Promise<LogReport[]> {
  const isWanted = (tenantId: string): boolean => options.tenant === undefined || options.tenant === tenantId
  if (options.file !== undefined) {
    const lines = createInterface({
      input: createReadStream(options.file, 'utf8'),
      crlfDelay: Number.POSITIVE_INFINITY,
    })
    return (await verifyLines(lines, checkpoints)).filter(({ tenantId }) => isWanted(tenantId))
  }
  return readStore(options, async (db) => {
    const heads = (await listAuditHeads(db)).map((head) => head.tenant_id)
    const known = [...heads, ...(await listAuditTenants(db)), ...checkpoints.map(({ tenantId }) => tenantId)]
    const reports: LogReport[] = []
    for (const tenantId of [...new Set(known)].sort().filter(isWanted)) {
      reports.push(await verifyLog(db, tenantId, checkpointsOf(checkpoints, tenantId)))
    }
    return reports
  })
}

async function readNotes(options: VerifyOptions): Promise<NoteFile[]> {
  const given = (options.checkpoint ?? []).map((path) => ({ path, text: readFileSync(path, 'utf8') }))
  const data = chooseData(options)
  const folder =
    options.auditCheckpoints ?? readEnvironment().auditCheckpoints ?? (data === null ? null : checkpointFolder(data))
  return folder === null ? given : [...given, ...(await openCheckpointFolder(folder).listNotes())]
}

async function readKeys(options: VerifyOptions): Promise<KeyObject[]> {
  if (options.key === undefined) {
    const data = chooseData(options)
    return data === null ? [] : readAuditPublicKeys(data)
  }
  const text = existsSync(options.key) ? readFileSync(options.key, 'utf8') : options.key
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.map((line) => {
    const verifier = readVerifierKey(line)
    if (verifier === null) throw new CordonError('BadRequest', '--key takes a verifier key, or a file of them.')
    return verifier.publicKey
  })
}

function describe({ holds, logs, badCheckpoints, uncovered }: AuditReport): string[] {
  const lines = logs.flatMap((log) => {
    const { tenantId, entries, coveredTo, findings } = log
    const verdict = findings.length === 0 ? 'no fault found' : `${findings.length} faults found`
    const since = entries > coveredTo ? `, ${entries - coveredTo} came since` : ''
    return [
      `${tenantId}: ${entries} entries, ${verdict}; a checkpoint vouches for the first ${coveredTo}${since}`,
      ...findings.map(({ kind, seq, detail }) => `  ${kind} at ${seq}: ${detail}`),
    ]
  })
  return [
    ...lines,
    ...badCheckpoints.map((path) => `${path}: not signed with the key`),
    ...uncovered.map((tenantId) => `${tenantId}: no checkpoint to compare with`),
    holds ? 'The audit log holds.' : 'The audit log DOES NOT HOLD.',
  ]
}
