import type { ReceiveDeps } from '../intake/receive.ts'
import type { Permission } from '../model/permissions.ts'
import type { SubscribeDeps } from '../notify/subscribe.ts'
import type { FetchPackageDeps } from '../respond/engine/fetch-package.ts'
import type { ExecuteDeps } from '../respond/execute.ts'
import type { RecordExportDeps } from '../respond/record-export.ts'
import type { UndoDeps } from '../respond/undo.ts'
import type { ViewDeps } from '../respond/views.ts'
import { countCollection, type GraphDeps, getFromCollection, listCollection } from './graph/collection.ts'
import { alerts, incidents, tasks } from './graph/collections.ts'
import { deltaCollection } from './graph/delta.ts'
import { negotiateFormat } from './graph/json-format.ts'
import { getMetadata, getServiceDocument, runHuntingQuery } from './graph/metadata.ts'
import { createAlertComment } from './graph/security/alerts_v2/comment.ts'
import { createAlert } from './graph/security/alerts_v2/create.ts'
import { moveAlertsAction } from './graph/security/alerts_v2/moveAlerts.ts'
import { updateAlert } from './graph/security/alerts_v2/update.ts'
import {
  countIncidentAlerts,
  createIncidentAlertComment,
  getIncidentAlert,
  listIncidentAlerts,
} from './graph/security/incidents/alerts.ts'
import { createIncidentComment } from './graph/security/incidents/comment.ts'
import { mergeIncidentsAction } from './graph/security/incidents/mergeIncidents.ts'
import { updateIncident } from './graph/security/incidents/update.ts'
import { createIncidentTask } from './graph/security/incidentTasks/create.ts'
import { executeResponseAction } from './graph/security/incidentTasks/executeResponseAction.ts'
import { getTaskIncident } from './graph/security/incidentTasks/incident.ts'
import { updateIncidentTask } from './graph/security/incidentTasks/update.ts'
import { subscriptionRoutes } from './graph/subscriptions/routes.ts'
import { getHealth, getReadiness, type ReadinessDeps } from './monitoring/health.ts'
import { getMetrics, type MetricsDeps } from './monitoring/metrics.ts'
import type { ApiVersion } from './odata/resource.ts'
import { open, permitted, type Route } from './route.ts'
import { listAgents } from './v1/agents/list.ts'
import { decideApproval, getApproval, listPendingApprovals } from './v1/approvals/approvals.ts'
import type { MayApproveDeps } from './v1/approvals/may-approve.ts'
import { getAsset, listAssets, listContained } from './v1/assets/assets.ts'
import { countAssets } from './v1/assets/counts.ts'
import { listDeviceNames } from './v1/assets/device-names.ts'
import { listIncidentAssets } from './v1/assets/of-incident.ts'
import { type CheckpointSource, getCheckpoint } from './v1/audit/checkpoint.ts'
import { exportAudit, listAudit } from './v1/audit/list.ts'
import { type AuditVerifier, verifyAudit } from './v1/audit/verification.ts'
import {
  type ConnectorDeps,
  createConnector,
  deleteConnector,
  getConnector,
  listAllConnectors,
  replaceConnector,
  testConnector,
} from './v1/connectors/connectors.ts'
import { pauseAllDispatch, pauseManaged, resumeDispatch, resumeManaged } from './v1/dispatch/dispatch.ts'
import { type EventsDeps, streamAllEvents, streamEvents } from './v1/events/events.ts'
import { getExecution } from './v1/executions/get.ts'
import { exportExecutions, listExecutions } from './v1/executions/list.ts'
import { countAlertValues, countIncidentValues, countTaskValues } from './v1/facets/facets.ts'
import { acknowledge, getAttention, seeIncident } from './v1/incidents/attention.ts'
import { listIncidentJoins } from './v1/incidents/joins.ts'
import { intakeRoute } from './v1/intake/receive.ts'
import { addTenantMember, listTenantMembers, type MembersDeps, removeTenantMember } from './v1/members/members.ts'
import {
  getEscalation,
  getNotificationSettings,
  listNotificationDeliveries,
  listNotificationPeople,
  replaceEscalation,
  replaceNotificationSettings,
} from './v1/notifications/notifications.ts'
import { getPolicies, replacePolicies } from './v1/policies/policies.ts'
import { reportActions, reportActivity, reportAgeing, reportAlerts, reportTimes } from './v1/reports/reports.ts'
import { getSamples, loadSamples, removeSamples } from './v1/samples/samples.ts'
import { cancelTaskAction } from './v1/tasks/cancel.ts'
import { decideTaskOutcome } from './v1/tasks/decide.ts'
import { listTaskExecutions } from './v1/tasks/executions.ts'
import { downloadTaskPackage } from './v1/tasks/package.ts'
import { previewNewTask, previewTaskAction } from './v1/tasks/preview.ts'
import { undoTaskAction } from './v1/tasks/undo.ts'
import { createSavedView, deleteSavedView, listSavedViews, replaceSavedView } from './v1/views/views.ts'

/** What the operations together need. */
export type RouteDeps = GraphDeps &
  ExecuteDeps &
  UndoDeps &
  ReceiveDeps &
  SubscribeDeps &
  ReadinessDeps &
  ConnectorDeps &
  MetricsDeps &
  EventsDeps &
  MembersDeps &
  MayApproveDeps &
  RecordExportDeps &
  FetchPackageDeps & { readonly checkpoints: CheckpointSource; readonly auditVerifier: AuditVerifier }

/** Least permission first; the refusal names them in this order. @source design contract 3.1 */
const incidentRead: readonly Permission[] = ['SecurityIncident.Read.All', 'SecurityIncident.ReadWrite.All']
const incidentWrite: readonly Permission[] = ['SecurityIncident.ReadWrite.All']
const alertRead: readonly Permission[] = [
  'SecurityAlert.Read.All',
  'SecurityAlert.ReadWrite.All',
  'SecurityIncident.Read.All',
  'SecurityIncident.ReadWrite.All',
]
const alertWrite: readonly Permission[] = ['SecurityAlert.ReadWrite.All']
const alertCreate: readonly Permission[] = ['SecurityAlert.Create.All', 'SecurityAlert.ReadWrite.All']
const regroup: readonly Permission[] = ['SecurityData.Manage.All']
const taskRead: readonly Permission[] = [...incidentRead, 'SecurityIncidentTask.ReadWrite.All']
const taskWrite: readonly Permission[] = ['SecurityIncident.ReadWrite.All', 'SecurityIncidentTask.ReadWrite.All']
const taskExecute: readonly Permission[] = [
  'SecurityIncident.ReadWrite.All',
  'SecurityIncidentTask.TakeAction.ReadWrite.All',
]
const expert: readonly Permission[] = ['Cordon.Expert']
const approve: readonly Permission[] = ['Cordon.Approve']
/** Whoever agrees to an action sees what it would do, as whoever asks for it. */
const taskPreview: readonly Permission[] = [...taskExecute, 'Cordon.Approve']
const approvalRead: readonly Permission[] = [...taskRead, 'Cordon.Approve']
const policyRead: readonly Permission[] = [...taskRead, 'Cordon.Admin']
const admin: readonly Permission[] = ['Cordon.Admin']
const auditRead: readonly Permission[] = ['Cordon.Audit.Read', 'Cordon.Admin']

/** The Graph surface and Cordon's own operations beside it, one line per operation. */
export function operationRoutes(deps: RouteDeps): Route[] {
  return [
    ...[...graphRoutes(deps, 'v1.0'), ...graphRoutes(deps, 'beta'), ...taskRoutes(deps)].map(negotiateFormat),
    ...subscriptionRoutes(deps, 'v1.0'),
    ...subscriptionRoutes(deps, 'beta'),
    intakeRoute(deps),
    permitted('GET', '/api/v1/tasks/:id/executions', taskRead, 'none', listTaskExecutions(deps)),
    permitted('GET', '/api/v1/executions', taskRead, 'none', listExecutions(deps)),
    permitted('GET', '/api/v1/executions/export', taskRead, 'none', exportExecutions(deps)),
    permitted('GET', '/api/v1/executions/:id', taskRead, 'none', getExecution(deps)),
    permitted('GET', '/api/v1/tasks/:id/package', taskExecute, 'none', downloadTaskPackage(deps)),
    permitted('POST', '/api/v1/tasks/preview', expert, 'json', previewNewTask(deps)),
    permitted('POST', '/api/v1/tasks/:id/preview', taskPreview, 'optional-json', previewTaskAction(deps)),
    permitted('POST', '/api/v1/tasks/:id/cancel', taskExecute, 'optional-json', cancelTaskAction(deps)),
    permitted('POST', '/api/v1/tasks/:id/undo', taskExecute, 'optional-json', undoTaskAction(deps)),
    permitted('POST', '/api/v1/tasks/:id/decide', expert, 'json', decideTaskOutcome(deps)),
    ...safetyRoutes(deps),
    permitted('GET', '/api/v1/incidents/:id/joins', incidentRead, 'none', listIncidentJoins(deps)),
    permitted('GET', '/api/v1/incidents/:id/assets', incidentRead, 'none', listIncidentAssets(deps)),
    permitted('GET', '/api/v1/assets/contained', incidentRead, 'none', listContained(deps)),
    permitted('GET', '/api/v1/assets/counts', incidentRead, 'none', countAssets(deps)),
    permitted('GET', '/api/v1/assets/:kind', incidentRead, 'none', listAssets(deps)),
    permitted('GET', '/api/v1/assets/:kind/:id', incidentRead, 'none', getAsset(deps)),
    permitted('GET', '/api/v1/devices/names', taskRead, 'none', listDeviceNames(deps)),
    permitted('GET', '/api/v1/events', taskRead, 'none', streamEvents(deps)),
    open('GET', '/auth/events', 'self', 'none', streamAllEvents(deps)),
    permitted('GET', '/api/v1/agents', policyRead, 'none', listAgents(deps)),
    ...connectorRoutes(deps),
    ...peopleRoutes(deps),
    permitted('GET', '/api/v1/facets/incidents/:facet', incidentRead, 'none', countIncidentValues(deps)),
    permitted('GET', '/api/v1/facets/alerts/:facet', alertRead, 'none', countAlertValues(deps)),
    permitted('GET', '/api/v1/facets/tasks/:facet', taskRead, 'none', countTaskValues(deps)),
    permitted('GET', '/api/v1/reports/ageing', incidentRead, 'none', reportAgeing(deps)),
    permitted('GET', '/api/v1/reports/times', incidentRead, 'none', reportTimes(deps)),
    permitted('GET', '/api/v1/reports/actions', taskRead, 'none', reportActions(deps)),
    permitted('GET', '/api/v1/reports/activity', incidentRead, 'none', reportActivity(deps)),
    permitted('GET', '/api/v1/reports/alerts', incidentRead, 'none', reportAlerts(deps)),
    ...viewRoutes(deps),
    permitted('GET', '/api/v1/members', admin, 'none', listTenantMembers(deps)),
    permitted('PUT', '/api/v1/members/:id', admin, 'json', addTenantMember(deps)),
    permitted('DELETE', '/api/v1/members/:id', admin, 'none', removeTenantMember(deps)),
    permitted('GET', '/api/v1/samples', policyRead, 'none', getSamples(deps)),
    permitted('POST', '/api/v1/samples', admin, 'optional-json', loadSamples(deps)),
    permitted('DELETE', '/api/v1/samples', admin, 'none', removeSamples(deps)),
    permitted('GET', '/api/v1/audit', auditRead, 'none', listAudit(deps)),
    permitted('GET', '/api/v1/audit/export', auditRead, 'none', exportAudit(deps)),
    permitted('GET', '/api/v1/audit/checkpoint', auditRead, 'none', getCheckpoint(deps)),
    permitted('GET', '/api/v1/audit/verification', auditRead, 'none', verifyAudit(deps)),
    open('GET', '/healthz', 'public', 'none', getHealth()),
    open('GET', '/readyz', 'public', 'none', getReadiness(deps)),
    permitted('GET', '/metrics', ['Cordon.Metrics.Read', 'Cordon.Admin'], 'none', getMetrics(deps)),
  ]
}

/** The policy before every effect, the kill switch, and the second pair of eyes. */
function safetyRoutes(deps: RouteDeps): Route[] {
  const approval = '/api/v1/approvals/:id'
  return [
    permitted('GET', '/api/v1/policies', policyRead, 'none', getPolicies(deps)),
    permitted('PUT', '/api/v1/policies', admin, 'json', replacePolicies(deps)),
    permitted('POST', '/api/v1/dispatch/pause', admin, 'json', pauseAllDispatch(deps)),
    permitted('POST', '/api/v1/dispatch/resume', admin, 'optional-json', resumeDispatch(deps)),
    permitted('POST', '/api/v1/managed-response/pause', taskExecute, 'optional-json', pauseManaged(deps)),
    permitted('POST', '/api/v1/managed-response/resume', admin, 'optional-json', resumeManaged(deps)),
    permitted('GET', '/api/v1/approvals', approvalRead, 'none', listPendingApprovals(deps)),
    permitted('GET', approval, approvalRead, 'none', getApproval(deps)),
    permitted('POST', `${approval}/approve`, approve, 'optional-json', decideApproval(deps, 'approve')),
    permitted('POST', `${approval}/reject`, approve, 'optional-json', decideApproval(deps, 'reject')),
  ]
}

/** Who is told of what, who has seen it, and who takes it on. */
function peopleRoutes(deps: RouteDeps): Route[] {
  const incident = '/api/v1/incidents/:id'
  const all = '/api/v1/notifications'
  return [
    permitted('GET', `${incident}/attention`, incidentRead, 'none', getAttention(deps)),
    permitted('POST', `${incident}/seen`, incidentRead, 'optional-json', seeIncident(deps)),
    permitted('POST', `${incident}/acknowledge`, incidentWrite, 'optional-json', acknowledge(deps)),
    permitted('GET', `${all}/settings`, incidentRead, 'none', getNotificationSettings(deps)),
    permitted('PUT', `${all}/settings`, incidentRead, 'json', replaceNotificationSettings(deps)),
    permitted('GET', `${all}/escalation`, admin, 'none', getEscalation(deps)),
    permitted('PUT', `${all}/escalation`, admin, 'json', replaceEscalation(deps)),
    permitted('GET', `${all}/people`, admin, 'none', listNotificationPeople(deps)),
    permitted('GET', `${all}/deliveries`, admin, 'none', listNotificationDeliveries(deps)),
  ]
}

/** Filters of lists that people keep under a name. */
function viewRoutes(deps: ViewDeps): Route[] {
  return [
    permitted('GET', '/api/v1/views', incidentRead, 'none', listSavedViews(deps)),
    permitted('POST', '/api/v1/views', incidentRead, 'json', createSavedView(deps)),
    permitted('PUT', '/api/v1/views/:id', incidentRead, 'json', replaceSavedView(deps)),
    permitted('DELETE', '/api/v1/views/:id', incidentRead, 'none', deleteSavedView(deps)),
  ]
}

/** The ways to outside systems that an admin sets up. */
function connectorRoutes(deps: ConnectorDeps): Route[] {
  const all = '/api/v1/connectors'
  return [
    permitted('GET', all, admin, 'none', listAllConnectors(deps)),
    permitted('POST', all, admin, 'json', createConnector(deps)),
    permitted('GET', `${all}/:id`, admin, 'none', getConnector(deps)),
    permitted('PUT', `${all}/:id`, admin, 'json', replaceConnector(deps)),
    permitted('DELETE', `${all}/:id`, admin, 'none', deleteConnector(deps)),
    permitted('POST', `${all}/:id/test`, admin, 'optional-json', testConnector(deps)),
  ]
}

function graphRoutes(deps: RouteDeps, version: ApiVersion): Route[] {
  const root = `/${version}`
  const one = `${root}/security/incidents/:id`
  const alert = `${root}/security/alerts_v2/:id`
  return [
    open('GET', root, 'public', 'none', getServiceDocument(version)),
    open('GET', `${root}/`, 'public', 'none', getServiceDocument(version)),
    open('GET', `${root}/$metadata`, 'public', 'none', getMetadata(version)),
    permitted('GET', `${root}/security/incidents`, incidentRead, 'none', listCollection(deps, version, incidents)),
    permitted(
      'GET',
      `${root}/security/incidents/$count`,
      incidentRead,
      'none',
      countCollection(deps, version, incidents),
    ),
    permitted(
      'GET',
      `${root}/security/incidents/delta`,
      incidentRead,
      'none',
      deltaCollection(deps, version, incidents),
    ),
    permitted('GET', one, incidentRead, 'none', getFromCollection(deps, version, incidents)),
    permitted('PATCH', one, incidentWrite, 'json', updateIncident(deps, version)),
    permitted('POST', `${one}/comments`, incidentWrite, 'json', createIncidentComment(deps, version)),
    permitted(
      'POST',
      `${root}/security/incidents/mergeincidents`,
      regroup,
      'json',
      mergeIncidentsAction(deps, version),
    ),
    permitted('GET', `${one}/alerts`, incidentRead, 'none', listIncidentAlerts(deps, version)),
    permitted('GET', `${one}/alerts/$count`, incidentRead, 'none', countIncidentAlerts(deps, version)),
    permitted('GET', `${one}/alerts/:alertId`, incidentRead, 'none', getIncidentAlert(deps, version)),
    permitted('POST', `${one}/alerts/:alertId/comments`, alertWrite, 'json', createIncidentAlertComment(deps, version)),
    permitted('GET', `${root}/security/alerts_v2`, alertRead, 'none', listCollection(deps, version, alerts)),
    permitted('GET', `${root}/security/alerts_v2/$count`, alertRead, 'none', countCollection(deps, version, alerts)),
    permitted('GET', `${root}/security/alerts_v2/delta`, alertRead, 'none', deltaCollection(deps, version, alerts)),
    permitted('POST', `${root}/security/alerts_v2`, alertCreate, 'json', createAlert(deps, version)),
    permitted('GET', alert, alertRead, 'none', getFromCollection(deps, version, alerts)),
    permitted('PATCH', alert, alertWrite, 'json', updateAlert(deps, version)),
    permitted('POST', `${alert}/comments`, alertWrite, 'json', createAlertComment(deps, version)),
    permitted('POST', `${root}/security/alerts_v2/movealerts`, regroup, 'json', moveAlertsAction(deps, version)),
    permitted('POST', `${root}/security/runhuntingquery`, incidentRead, 'none', runHuntingQuery()),
  ]
}

function taskRoutes(deps: RouteDeps): Route[] {
  const all = '/beta/security/incidenttasks'
  const one = `${all}/:id`
  return [
    permitted('GET', all, taskRead, 'none', listCollection(deps, 'beta', tasks)),
    permitted('GET', `${all}/$count`, taskRead, 'none', countCollection(deps, 'beta', tasks)),
    permitted('GET', `${all}/delta`, taskRead, 'none', deltaCollection(deps, 'beta', tasks)),
    permitted('POST', all, expert, 'json', createIncidentTask(deps)),
    permitted('GET', one, taskRead, 'none', getFromCollection(deps, 'beta', tasks)),
    permitted('PATCH', one, taskWrite, 'json', updateIncidentTask(deps)),
    permitted('GET', `${one}/incident`, incidentRead, 'none', getTaskIncident(deps)),
    permitted('POST', `${one}/executeresponseaction`, taskExecute, 'optional-json', executeResponseAction(deps)),
  ]
}
