import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readLog, writeLine } from '../audit/export.ts'
import { toOcsf } from '../audit/ocsf.ts'
import { systemClock } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import { type ExportEnd, recordExport } from '../respond/record-export.ts'
import { listAuditTenants, takesEntries } from '../store/audit-log.ts'
import type { Store } from '../store/db.ts'
import type { Actor } from '../store/record.ts'
import { readOnRecord, type StoreOptions } from './store-command.ts'

/** Options of `cordon audit export`. */
export interface ExportOptions extends StoreOptions {
  readonly format: string
  readonly tenant?: string
  readonly allowUnrecorded?: boolean
}

const formats = ['jsonl', 'ocsf'] as const
type Format = (typeof formats)[number]

/**
 * Writes the logs to the standard output, one after the other. Each of them gets an entry about it when its lines have been handed over, so that
 * none holds its own; an export that is cut off gets one too.
 * @throws CordonError BadRequest for another format, and for a database that takes no entry unless that is allowed
 */
export async function exportAudit(options: ExportOptions): Promise<void> {
  const format = formats.find((one) => one === options.format)
  if (format === undefined) throw new CordonError('BadRequest', '--format takes jsonl or ocsf.')
  await readOnRecord(options, 'audit export', async (store, actor) => {
    const isRecorded = await takesEntries(store)
    if (!isRecorded) warnUnrecorded(options)
    const stop = stopSignal()
    for (const tenantId of await chooseLogs(store, options.tenant)) {
      const end = await writeLog(store, tenantId, format, stop)
      if (isRecorded) await leaveEntry(store, { ...actor, tenantId }, format, end)
      if (end.ending === 'cut') throw new CordonError('ServiceUnavailable', 'The export was cut off before its end.')
    }
  })
}

function warnUnrecorded({ allowUnrecorded = false }: ExportOptions): void {
  const reason = 'This database can only be read, so that the export cannot leave its entry in the log.'
  if (allowUnrecorded) process.stderr.write(`${reason} It goes on without one.\n`)
  else throw new CordonError('BadRequest', `${reason} To export it all the same: --allow-unrecorded`)
}

async function chooseLogs({ read }: Store, tenantId: string | undefined): Promise<readonly string[]> {
  const known = await listAuditTenants(read)
  if (tenantId === undefined) return known
  // An entry for a tenant that does not exist would begin a log of it.
  if (!known.includes(tenantId)) throw new CordonError('NotFound', `There is no log of the tenant ${tenantId}.`)
  return [tenantId]
}

/** Ends with the reader of the standard output, and when the command is told to stop. */
function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())
  process.stdout.on('error', () => stop.abort())
  return stop.signal
}

async function writeLog({ read }: Store, tenantId: string, format: Format, stop: AbortSignal): Promise<ExportEnd> {
  const hash = createHash('sha256')
  let rows = 0
  for await (const { row, previous } of readLog(read, tenantId)) {
    if (stop.aborted) break
    const line = `${format === 'ocsf' ? JSON.stringify(toOcsf(row)) : writeLine(row, previous)}\n`
    hash.update(line)
    rows += 1
    await writeOut(line, stop)
  }
  await handOver(stop)
  return { ending: stop.aborted ? 'cut' : 'whole', rows, sha256: hash.digest('hex') }
}

async function writeOut(text: string, signal: AbortSignal): Promise<void> {
  if (process.stdout.write(text) || signal.aborted) return
  try {
    await once(process.stdout, 'drain', { signal })
  } catch (cause) {
    if (!signal.aborted) throw cause
  }
}

/** Waits until the system has what was written, or nobody takes it any more. */
async function handOver(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
    process.stdout.write('', () => resolve())
  })
}

async function leaveEntry(store: Store, actor: Actor, format: Format, end: ExportEnd): Promise<void> {
  const log = { error: (_facts: object, text: string) => void process.stderr.write(`${text}\n`) }
  await recordExport({ store, clock: systemClock, log }, actor, { action: 'exportAudit', filter: {}, format }, end)
}
