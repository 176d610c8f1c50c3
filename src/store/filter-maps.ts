import { type Expression, type SqlBool, sql } from 'kysely'
import { type EnumName, edm, enums } from '../model/generated.ts'
import type { Dialect } from './db.ts'
import type { EvidenceCondition, FilterColumn, FilterMap } from './query.ts'
import { sqlDialects } from './query-sql.ts'

/** How queries on `incidents` reach its rows. */
export const incidentFilterMap: FilterMap = {
  doc: 'incidents.doc',
  properties: {
    id: { kind: 'digits', column: 'incidents.id', nullable: false },
    tenantId: { kind: 'text', column: 'incidents.tenant_id', nullable: false },
    status: { kind: 'enum', column: 'incidents.status', nullable: false },
    severity: { kind: 'enum', column: 'incidents.severity', nullable: false },
    classification: { kind: 'enum', column: 'incidents.classification', nullable: true },
    determination: { kind: 'enum', column: 'incidents.determination', nullable: true },
    assignedTo: { kind: 'text', column: 'incidents.assigned_to', nullable: true, caseInsensitive: true },
    displayName: { kind: 'text', column: 'incidents.display_name', nullable: true, names: 'incident_names' },
    createdDateTime: { kind: 'datetime', column: 'incidents.created_at', nullable: false },
    lastUpdateDateTime: { kind: 'datetime', column: 'incidents.updated_at', nullable: false },
    priorityScore: { kind: 'int', column: 'incidents.priority_score', nullable: true },
    redirectIncidentId: { kind: 'digits', column: 'incidents.redirect_incident_id', nullable: true },
    description: jsonText('description'),
    summary: jsonText('summary'),
    resolvingComment: jsonText('resolvingComment'),
    recommendedActions: jsonText('recommendedActions'),
    lastModifiedBy: jsonText('lastModifiedBy'),
    customTags: { kind: 'list', path: ['customTags'], items: 'incidents.tags' },
    systemTags: { kind: 'list', path: ['systemTags'] },
    comments: commentList(),
    alerts: { kind: 'members', column: 'incidents.sources', of: 'serviceSource' },
  },
}

/** How queries on `alerts` reach its rows. */
export function alertFilterMap(dialect: Dialect): FilterMap {
  return {
    doc: 'alerts.doc',
    properties: {
      id: { kind: 'text', column: 'alerts.id', nullable: false },
      tenantId: { kind: 'text', column: 'alerts.tenant_id', nullable: false },
      incidentId: { kind: 'digits', column: 'alerts.incident_id', nullable: false },
      status: { kind: 'enum', column: 'alerts.status', nullable: false },
      severity: { kind: 'enum', column: 'alerts.severity', nullable: false },
      classification: { kind: 'enum', column: 'alerts.classification', nullable: true },
      determination: { kind: 'enum', column: 'alerts.determination', nullable: true },
      serviceSource: { kind: 'enum', column: 'alerts.service_source', nullable: false },
      detectionSource: { kind: 'enum', column: 'alerts.detection_source', nullable: true },
      investigationState: jsonEnum('investigationState', 'investigationState'),
      category: { kind: 'text', column: 'alerts.category', nullable: true },
      title: { kind: 'text', column: 'alerts.title', nullable: true, names: 'alert_names' },
      assignedTo: { kind: 'text', column: 'alerts.assigned_to', nullable: true, caseInsensitive: true },
      createdDateTime: { kind: 'datetime', column: 'alerts.created_at', nullable: false },
      lastUpdateDateTime: { kind: 'datetime', column: 'alerts.updated_at', nullable: false },
      firstActivityDateTime: { kind: 'datetime', column: 'alerts.first_activity_at', nullable: true },
      lastActivityDateTime: { kind: 'datetime', column: 'alerts.last_activity_at', nullable: true },
      resolvedDateTime: { kind: 'json', type: 'datetime', path: ['resolvedDateTime'], nullable: true },
      providerAlertId: jsonText('providerAlertId'),
      detectorId: jsonText('detectorId'),
      alertPolicyId: jsonText('alertPolicyId'),
      productName: jsonText('productName'),
      description: jsonText('description'),
      recommendedActions: jsonText('recommendedActions'),
      actorDisplayName: jsonText('actorDisplayName'),
      threatDisplayName: jsonText('threatDisplayName'),
      threatFamilyName: jsonText('threatFamilyName'),
      categories: { kind: 'list', path: ['categories'] },
      mitreTechniques: { kind: 'list', path: ['mitreTechniques'] },
      systemTags: { kind: 'list', path: ['systemTags'] },
      comments: commentList(),
      evidence: { kind: 'evidence', exists: (condition) => findEvidence(dialect, condition) },
    },
  }
}

/** How queries on `incidentTasks` reach its rows. */
export const taskFilterMap: FilterMap = {
  doc: 'tasks.doc',
  properties: {
    id: { kind: 'text', column: 'tasks.id', nullable: false },
    'incident/id': { kind: 'digits', column: 'tasks.incident_id', nullable: false },
    status: { kind: 'enum', column: 'tasks.status', nullable: false },
    actionStatus: { kind: 'enum', column: 'tasks.action_status', nullable: false },
    actionType: { kind: 'enum', column: 'tasks.action_type', nullable: false },
    source: { kind: 'enum', column: 'tasks.source', nullable: false },
    displayName: { kind: 'text', column: 'tasks.display_name', nullable: false, names: 'task_names' },
    createdDateTime: { kind: 'datetime', column: 'tasks.created_at', nullable: false },
    lastModifiedDateTime: { kind: 'datetime', column: 'tasks.updated_at', nullable: false },
    description: { ...jsonText('description'), nullable: false },
    createdByDisplayName: { ...jsonText('createdByDisplayName'), nullable: false },
    lastModifiedByDisplayName: { ...jsonText('lastModifiedByDisplayName'), nullable: false },
  },
}

/** Looks into the alert's own evidence. Text of rows that do not hold the value anywhere is not taken apart. */
function findEvidence(dialect: Dialect, condition: EvidenceCondition): Expression<SqlBool> {
  const { elements, readItem, match } = sqlDialects[dialect]
  const { evidenceType, property, value } = condition
  const doc = sql.ref('alerts.doc')
  const isType = sql`${readItem(['@odata.type'], 'text')} = ${`#${edm[evidenceType].qualifiedName}`}`
  const isValue = sql`${readItem(property.split('/'), 'text')} = ${value}`
  const found = sql<SqlBool>`exists (select 1 from ${elements(doc, ['evidence'])} where ${isType} and ${isValue})`
  // The documents are written by the same JSON.stringify, so the value stands in them escaped the same way.
  return value === ''
    ? found
    : sql<SqlBool>`(${match('contains', doc, JSON.stringify(value).slice(1, -1))} and ${found})`
}

function jsonText(property: string): FilterColumn & { readonly kind: 'json' } {
  return { kind: 'json', type: 'text', path: [property], nullable: true }
}

function jsonEnum(property: string, name: EnumName): FilterColumn {
  return { kind: 'json', type: 'enum', path: [property], nullable: true, members: enums[name].members }
}

function commentList(): FilterColumn {
  return {
    kind: 'list',
    path: ['comments'],
    members: { comment: 'text', createdByDisplayName: 'text', createdDateTime: 'datetime' },
  }
}
