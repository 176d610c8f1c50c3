import type { Alert, Incident, Task } from '../../api/wire.ts'

/** Something that happened, at a time. */
export interface Moment {
  readonly at: string
  readonly lane: 'alert' | 'action' | 'person'
  readonly text: string
  readonly by: string
  readonly key: string
}

/** What happened in an incident, newest first. Instants compare as the texts they are: seven digits are more than a Date holds. */
export function listMoments(incident: Incident, alerts: readonly Alert[], tasks: readonly Task[]): Moment[] {
  const moments: Moment[] = [
    { at: incident.createdDateTime, lane: 'alert', text: 'Incident opened', by: '', key: 'opened' },
    ...alerts.map((alert) => ({
      at: alert.firstActivityDateTime ?? alert.createdDateTime ?? '',
      lane: 'alert' as const,
      text: alert.title ?? alert.id,
      by: alert.productName ?? alert.serviceSource,
      key: `alert ${alert.id}`,
    })),
    ...tasks.map((task) => ({
      at: task.createdDateTime,
      lane: 'person' as const,
      text: `Task proposed: ${task.displayName}`,
      by: task.createdByDisplayName,
      key: `proposed ${task.id}`,
    })),
    ...tasks
      .filter((task) => task.lastModifiedDateTime !== task.createdDateTime)
      .map((task) => ({
        at: task.lastModifiedDateTime,
        lane: 'action' as const,
        text: `${task.displayName}: task ${task.status}, action ${task.actionStatus}`,
        by: task.lastModifiedByDisplayName,
        key: `changed ${task.id}`,
      })),
    ...incident.comments.map((comment, index) => ({
      at: comment.createdDateTime,
      lane: 'person' as const,
      text: comment.comment ?? '',
      by: comment.createdByDisplayName ?? '',
      key: `comment ${index}`,
    })),
  ]
  return moments.filter(({ at }) => at !== '').sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
}
