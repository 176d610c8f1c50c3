import type { ReceiveDeps } from '../intake/receive.ts'
import type { Permission } from '../model/permissions.ts'
import type { SubscribeDeps } from '../notify/subscribe.ts'
import type { ExecuteDeps } from '../respond/execute.ts'
import type { UndoDeps } from '../respond/undo.ts'
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
import { getHealth, getReadiness } from './health.ts'
import type { ApiVersion } from './odata/resource.ts'
import { open, permitted, type Route } from './route.ts'
import { intakeRoute } from './v1/intake/receive.ts'
import { listTaskExecutions } from './v1/tasks/executions.ts'
import { undoTaskAction } from './v1/tasks/undo.ts'

/** What the operations together need. */
export type RouteDeps = GraphDeps &
  ExecuteDeps &
  UndoDeps &
  ReceiveDeps &
  SubscribeDeps & { readonly isDraining: () => boolean }

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

/** The Graph surface and Cordon's own operations beside it, one line per operation. */
export function operationRoutes(deps: RouteDeps): Route[] {
  return [
    ...[...graphRoutes(deps, 'v1.0'), ...graphRoutes(deps, 'beta'), ...taskRoutes(deps)].map(negotiateFormat),
    ...subscriptionRoutes(deps, 'v1.0'),
    ...subscriptionRoutes(deps, 'beta'),
    intakeRoute(deps),
    permitted('GET', '/api/v1/tasks/:id/executions', taskRead, 'none', listTaskExecutions(deps)),
    permitted('POST', '/api/v1/tasks/:id/undo', taskExecute, 'optional-json', undoTaskAction(deps)),
    open('GET', '/healthz', 'public', 'none', getHealth()),
    open('GET', '/readyz', 'public', 'none', getReadiness(deps)),
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
