import { CordonError } from '../../../model/errors.ts'
import { type AuditFilter, pageAudit } from '../../../store/audit-log.ts'
import type { Store } from '../../../store/db.ts'
import type { AuditRow } from '../../../store/schema.ts'
import type { AuthorizedCall, AuthorizedHandler } from '../../route.ts'

const defaultTop = 50
const maxTop = 1_000
const maxValueLength = 300
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
    const { filter, top, before } = readParameters(call.rawQuery)
    const page = await pageAudit(deps.store.read, call.caller.tenantId, filter, before, top)
    const next = page.before === null ? {} : { '@odata.nextLink': linkTo(call, page.before) }
    return { status: 200, body: JSON.stringify({ ...next, value: page.entries.map(show) }) }
  }
}

interface Parameters {
  readonly filter: AuditFilter
  readonly top: number
  readonly before: number | null
}

function readParameters(rawQuery: string): Parameters {
  const filter: Record<string, string> = {}
  let top = defaultTop
  let before: number | null = null
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    if (name === '$top') top = readNumber(name, value, maxTop)
    else if (name === '$skiptoken') before = readNumber(name, value, Number.MAX_SAFE_INTEGER)
    else if (!filterNames.has(name)) throw badParameter(name, 'is not known here')
    else filter[name] = name === 'from' || name === 'to' ? readInstant(name, value) : readText(name, value)
  }
  return { filter, top, before }
}

function readNumber(name: string, value: string, most: number): number {
  const number = Number(value)
  if (!/^[1-9]\d{0,15}$/.test(value) || number > most) throw badParameter(name, `takes 1 to ${most}`)
  return number
}

function readText(name: string, value: string): string {
  if (value === '' || value.length > maxValueLength || /\p{Cc}/u.test(value) || !value.isWellFormed()) {
    throw badParameter(name, `takes a text of 1 to ${maxValueLength} characters`)
  }
  return value
}

function readInstant(name: string, value: string): string {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z$/.exec(value)
  if (match === null || Number.isNaN(Date.parse(value))) throw badParameter(name, 'takes a UTC instant')
  return `${match[1]}.${(match[2] ?? '').padEnd(7, '0')}Z`
}

function badParameter(name: string, problem: string): CordonError {
  const shown = name.slice(0, 40)
  return new CordonError('BadRequest', `The query parameter '${shown}' ${problem}.`, { target: shown })
}

function linkTo(call: AuthorizedCall, before: number): string {
  const parameters = new URLSearchParams(call.rawQuery)
  parameters.set('$skiptoken', String(before))
  return `${call.origin}${call.path}?${parameters}`
}

function show(row: AuditRow): object {
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
