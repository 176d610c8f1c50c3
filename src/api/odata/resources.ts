import type { ApiVersion, ResourceDescription } from './resource.ts'

/** `alerts_v2`, and the alerts of one incident. @source design contract 3.2 */
export function describeAlerts(version: ApiVersion): ResourceDescription {
  return {
    entityType: 'alert',
    version,
    defaultTop: 100,
    maxTop: 1000,
    overTop: 'clamp',
    aliases: {},
    computed: ['alertWebUrl', 'incidentWebUrl'],
    paths: [],
    wildcards: {},
    expandable: {},
  }
}

/** `incidents`. @source design contract 3.2 */
export function describeIncidents(version: ApiVersion): ResourceDescription {
  return {
    entityType: 'incident',
    version,
    defaultTop: 50,
    maxTop: 50,
    overTop: 'refuse',
    aliases: {},
    computed: ['incidentWebUrl'],
    paths: [],
    wildcards: {},
    expandable: { alerts: { resource: describeAlerts(version), many: true } },
  }
}

/**
 * `incidentTasks`, beta only. The aliases are names the documentation filters by though they are no properties; `defenderExpertsXDR` is in
 * its samples though it is no member of the enum.
 * @source design contract 3.2, 15 and 23 (1, 4)
 */
export function describeTasks(): ResourceDescription {
  return {
    entityType: 'incidentTask',
    version: 'beta',
    defaultTop: 500,
    maxTop: 500,
    overTop: 'clamp',
    aliases: { incidentId: 'incident/id', type: 'actionType', lastUpdateDateTime: 'lastModifiedDateTime' },
    computed: [],
    paths: ['incident/id'],
    wildcards: { source: 'defenderexpertsxdr' },
    expandable: { incident: { resource: describeIncidents('beta'), many: false } },
  }
}
