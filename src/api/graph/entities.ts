import { maskHidden } from '../../model/graph-validate.ts'
import type { AlertRecord, IncidentRecord, TaskRecord } from '../../store/pages.ts'
import type { ApiVersion } from '../odata/resource.ts'
import type { JsonObject } from '../odata/shape.ts'

/** For whom an entity is written out. */
export interface View {
  readonly origin: string
  readonly version: ApiVersion
  readonly tenantId: string
  /** The request carried `Prefer: include-unknown-enum-members`. */
  readonly revealHidden: boolean
  /** Entities say their type, address and version: `odata.metadata=full`. */
  readonly annotate: boolean
}

/**
 * An incident as JSON text. The stored document is spliced in as it is: no entity is parsed and written again just to be shown.
 * @param alerts the array of an `$expand=alerts` with its annotations, as members of a JSON object; empty without
 */
export function writeIncident(record: IncidentRecord, view: View, alerts = ''): string {
  const doc = reveal(record.doc, record.hidden, 'incident', view)
  // Neither an origin nor a tenant's or incident's id holds a character that JSON escapes.
  const link = `"${incidentUrl(view, record.id)}"`
  const beta = view.version === 'beta' ? '"recommendedActions":null,"recommendedHuntingQueries":[],' : ''
  const about = annotationsOf(view, 'incident', 'incidents', record)
  return `{${about}"incidentWebUrl":${link},${beta}${alerts}${doc.slice(1)}`
}

/** An alert as JSON text. */
export function writeAlert(record: AlertRecord, view: View): string {
  const doc = reveal(record.doc, record.hidden, 'alert', view)
  const incident = JSON.stringify(incidentUrl(view, record.incident_id))
  const link = JSON.stringify(`${incidentUrl(view, record.incident_id)}/alerts?alert=${encodeURIComponent(record.id)}`)
  const about = annotationsOf(view, 'alert', 'alerts_v2', record)
  return `{${about}"incidentId":"${record.incident_id}","incidentWebUrl":${incident},"alertWebUrl":${link},${doc.slice(1)}`
}

/**
 * A task as JSON text, with its type and its incident: the stub, or the whole one of an `$expand=incident`.
 * @source design contract 7: the incident is always there, and the only public client of tasks reads its id
 */
export function writeTask(record: TaskRecord, view: View, incident?: string): string {
  const about = annotationsOf(view, 'incidentTask', 'incidentTasks', record)
  const type = about === '' ? '"@odata.type":"#microsoft.graph.security.incidentTask",' : about
  return `{${type}"incident":${incident ?? writeStub(record.incident_id, view)},${record.doc.slice(1)}`
}

function writeStub(incidentId: number, view: View): string {
  const link = view.annotate ? `"@odata.id":${JSON.stringify(entityUrl(view, 'incidents', incidentId))},` : ''
  return `{"@odata.type":"#microsoft.graph.security.incident",${link}"id":"${incidentId}"}`
}

/** What `odata.metadata=full` says of an entity, as its first members; empty otherwise. @source design contract 17 and 21 */
function annotationsOf(
  view: View,
  type: string,
  collection: string,
  { id, version }: { readonly id: number | string; readonly version: number },
): string {
  if (!view.annotate) return ''
  const link = JSON.stringify(entityUrl(view, collection, id))
  const etag = JSON.stringify(`W/"${version}"`)
  return `"@odata.type":"#microsoft.graph.security.${type}","@odata.id":${link},"@odata.etag":${etag},`
}

function entityUrl(view: View, collection: string, id: number | string): string {
  return `${view.origin}/${view.version}/security/${collection}/${encodeURIComponent(id)}`
}

/** The portal's page of an incident: stable over restarts as long as the public origin is. */
export function incidentUrl(view: Pick<View, 'origin' | 'tenantId'>, id: number | string): string {
  return `${view.origin}/t/${view.tenantId}/incidents/${id}`
}

/** Puts members in front of an entity's own. */
export function withMembers(members: JsonObject, entity: string): string {
  const head = JSON.stringify(members).slice(0, -1)
  return entity === '{}' || head === '{' ? `${head}${entity.slice(1)}` : `${head},${entity.slice(1)}`
}

function reveal(doc: string, hidden: number, type: 'incident' | 'alert', view: View): string {
  if (hidden === 0 || view.revealHidden) return doc
  const entity: JsonObject = JSON.parse(doc)
  return JSON.stringify(maskHidden(type, entity))
}
