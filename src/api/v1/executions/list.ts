import { actionTypes } from '../../../model/actions.ts'
import { executionStates } from '../../../model/execution-state.ts'
import { type ExportEnd, type RecordExportDeps, recordExport } from '../../../respond/record-export.ts'
import type { Store } from '../../../store/db.ts'
import {
  countExecutions,
  type ExecutionFilter,
  type ExecutionPlace,
  type ListedExecution,
  pageExecutions,
} from '../../../store/execution-list.ts'
import type { AuthorizedCall, AuthorizedHandler } from '../../route.ts'
import { answerExport, type ExportRow, exportFormats } from '../export-rows.ts'
import { badParameter, readChoice, readInstant, readNumber, readText } from '../read-parameters.ts'

const defaultTop = 50
const maxTop = 1_000
const exportedPerPage = 1_000

const exportColumns = [
  ...['id', 'requestedAt', 'actionType', 'kind', 'state', 'target', 'requestedBy', 'requestedById', 'connector'],
  ...['incidentId', 'taskId', 'task', 'startedAt', 'finishedAt', 'reasonCode', 'reason', 'undoes', 'undoneBy'],
]

/**
 * GET /api/v1/executions: every run and undo of the tenant, newest first, whatever became of it. Narrowed by `state`, `actionType` and
 * `requestedBy` (id or name), each as often as wanted, and by the time of the request with `from` (included) and `to` (not).
 */
export function listExecutions(deps: { readonly store: Store }): AuthorizedHandler {
  return async (call) => {
    const { filter, top, behind, isCounted } = readParameters(call.rawQuery, ['$top', '$skiptoken', '$count'])
    const { tenantId } = call.caller
    const [value, count] = await Promise.all([
      pageExecutions(deps.store.read, tenantId, filter, behind, top),
      isCounted ? countExecutions(deps.store.read, tenantId, filter) : null,
    ])
    const last = value.at(-1)
    const next = value.length < top || last === undefined ? {} : { '@odata.nextLink': linkTo(call, last) }
    const counted = count === null ? {} : { '@odata.count': count }
    return { status: 200, body: JSON.stringify({ ...counted, ...next, value }) }
  }
}

/** GET /api/v1/executions/export: exactly what the list holds with the same filter, as CSV or JSON lines, written as it is read and recorded at its end. */
export function exportExecutions(deps: RecordExportDeps & { readonly store: Store }): AuthorizedHandler {
  return async (call) => {
    const { filter, format } = readParameters(call.rawQuery, ['format'])
    const { tenantId } = call.caller
    const pages = async function* (): AsyncGenerator<ExportRow[]> {
      let behind: ExecutionPlace | null = null
      for (;;) {
        const page: ListedExecution[] = await pageExecutions(deps.store.read, tenantId, filter, behind, exportedPerPage)
        yield page.map((one) => (format === 'csv' ? flatten(one) : { ...one }))
        behind = page.at(-1) ?? null
        if (page.length < exportedPerPage) return
      }
    }
    const record = (end: ExportEnd): Promise<void> =>
      recordExport(deps, call.caller, { action: 'exportExecutions', filter, format }, end)
    return answerExport({ name: 'runs', format, columns: exportColumns, pages, record })
  }
}

function flatten({ target, requestedBy, taskDisplayName, undoneBy, ...rest }: ListedExecution): ExportRow {
  const who = { requestedBy: requestedBy.name, requestedById: requestedBy.id }
  return { ...rest, ...who, target: target.displayName, task: taskDisplayName, undoneBy: undoneBy?.id ?? null }
}

interface Parameters {
  readonly filter: ExecutionFilter
  readonly top: number
  readonly behind: ExecutionPlace | null
  readonly isCounted: boolean
  readonly format: string
}

/** @param known names beside those of the filter */
function readParameters(rawQuery: string, known: readonly string[]): Parameters {
  const several: Record<'state' | 'actionType' | 'requestedBy', string[]> = {
    state: [],
    actionType: [],
    requestedBy: [],
  }
  const between: { from?: string; to?: string } = {}
  let [top, behind, isCounted, format]: [number, ExecutionPlace | null, boolean, string] = [
    defaultTop,
    null,
    false,
    'csv',
  ]
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    if (/^(\$|format$)/.test(name) && !known.includes(name)) throw badParameter(name, 'is not known here')
    if (name === '$top') top = readNumber(name, value, maxTop)
    else if (name === '$skiptoken') behind = readPlace(name, value)
    else if (name === '$count') isCounted = readChoice(name, value, ['true', 'false']) === 'true'
    else if (name === 'format') format = readChoice(name, value, exportFormats)
    else if (name === 'state') several.state.push(readChoice(name, value, executionStates))
    else if (name === 'actionType') several.actionType.push(readChoice(name, value, actionTypes))
    else if (name === 'requestedBy') several.requestedBy.push(readText(name, value))
    else if (name === 'from' || name === 'to') between[name] = readInstant(name, value)
    else throw badParameter(name, 'is not known here')
  }
  return { filter: { ...several, ...between }, top, behind, isCounted, format }
}

function readPlace(name: string, value: string): ExecutionPlace {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z)_([0-9a-f-]{36})$/.exec(value)
  const [, requestedAt, id] = match ?? []
  if (requestedAt === undefined || id === undefined) throw badParameter(name, 'is taken from a next link only')
  return { requestedAt, id }
}

function linkTo(call: AuthorizedCall, { requestedAt, id }: ExecutionPlace): string {
  const parameters = new URLSearchParams(call.rawQuery)
  parameters.set('$skiptoken', `${requestedAt}_${id}`)
  return `${call.origin}${call.path}?${parameters}`
}
