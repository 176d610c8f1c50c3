import { type ExportEnd, type RecordExportDeps, recordExport } from '../../../respond/record-export.ts'
import { type AuditFilter, type AuditPage, pageAudit } from '../../../store/audit-log.ts'
import type { Store } from '../../../store/db.ts'
import type { AuditRow } from '../../../store/schema.ts'
import type { AuthorizedCall, AuthorizedHandler } from '../../route.ts'
import { answerExport, type ExportRow, exportFormats } from '../export-rows.ts'
import { badParameter, readChoice, readInstant, readNumber, readText } from '../read-parameters.ts'

const defaultTop = 50
const maxTop = 1_000
const exportedPerPage = 1_000

const exportColumns = [
  ...['seq', 'time', 'actorId', 'actorKind', 'actorName', 'action', 'objectType', 'objectId', 'decision'],
  ...['code', 'reason', 'requestId', 'details', 'hash'],
]
const filterNames: ReadonlySet<string> = new Set<keyof AuditFilter>([
  'objectType',
  'objectId',
  'actorId',
  'action',
  'decision',
  'from',
  'to',
])

/**
 * GET /api/v1/audit: the tenant's audit log, newest first. Narrowed by `objectType`, `objectId`, `actorId`, `action`, `decision`, and by time
 * with `from` (included) and `to` (not). A page may hold fewer than `$top` entries, even none, and still have a next one.
 */
export function listAudit(deps: { readonly store: Store }): AuthorizedHandler {
  return async (call) => {
    const { filter, top, before } = readParameters(call.rawQuery, ['$top', '$skiptoken'])
    const page = await pageAudit(deps.store.read, call.caller.tenantId, filter, before, top)
    const next = page.before === null ? {} : { '@odata.nextLink': linkTo(call, page.before) }
    return { status: 200, body: JSON.stringify({ ...next, value: page.entries.map(show) }) }
  }
}

/** GET /api/v1/audit/export: exactly what the list holds with the same filter, as CSV or JSON lines, written as it is read and recorded at its end. */
export function exportAudit(deps: RecordExportDeps & { readonly store: Store }): AuthorizedHandler {
  return async (call) => {
    const { filter, format } = readParameters(call.rawQuery, ['format'])
    const { tenantId } = call.caller
    const pages = async function* (): AsyncGenerator<ExportRow[]> {
      let before: number | null = null
      do {
        const page: AuditPage = await pageAudit(deps.store.read, tenantId, filter, before, exportedPerPage)
        yield page.entries.map(show)
        before = page.before
      } while (before !== null)
    }
    const record = (end: ExportEnd): Promise<void> =>
      recordExport(deps, call.caller, { action: 'exportAudit', filter, format }, end)
    return answerExport({ name: 'audit', format, columns: exportColumns, pages, record })
  }
}

interface Parameters {
  readonly filter: AuditFilter
  readonly top: number
  readonly before: number | null
  readonly format: string
}

/** @param known names beside those of the filter */
function readParameters(rawQuery: string, known: readonly string[]): Parameters {
  const filter: Record<string, string> = {}
  let top = defaultTop
  let before: number | null = null
  let format = 'csv'
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    if (/^(\$|format$)/.test(name) && !known.includes(name)) throw badParameter(name, 'is not known here')
    if (name === '$top') top = readNumber(name, value, maxTop)
    else if (name === '$skiptoken') before = readNumber(name, value, Number.MAX_SAFE_INTEGER)
    else if (name === 'format') format = readChoice(name, value, exportFormats)
    else if (!filterNames.has(name)) throw badParameter(name, 'is not known here')
    else filter[name] = name === 'from' || name === 'to' ? readInstant(name, value) : readText(name, value)
  }
  return { filter, top, before, format }
}

function linkTo(call: AuthorizedCall, before: number): string {
  const parameters = new URLSearchParams(call.rawQuery)
  parameters.set('$skiptoken', String(before))
  return `${call.origin}${call.path}?${parameters}`
}

function show(row: AuditRow): ExportRow {
  return {
    seq: row.seq,
    time: row.at,
    actorId: row.actor_id,
    actorKind: row.actor_kind,
    actorName: row.actor_name,
    action: row.action,
    objectType: row.object_type,
    objectId: row.object_id,
    decision: row.decision,
    code: row.code,
    reason: row.reason,
    requestId: row.request_id,
    clientRequestId: row.client_request_id,
    beforeDigest: row.before_digest,
    afterDigest: row.after_digest,
    details: row.details === null ? null : JSON.parse(row.details),
    hash: row.hash,
  }
}
