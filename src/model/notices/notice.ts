/** What people are told of. */
export const noticeEvents = [
  'awaitingAction',
  'highSeverityIncident',
  'approvalRequested',
  'executionFailed',
  'outcomeUnknown',
  'managedActionRan',
] as const

export type NoticeEvent = (typeof noticeEvents)[number]

/** Severities from the least to the most; what an incident has beside them counts as the least. */
export const noticeSeverities = ['informational', 'low', 'medium', 'high'] as const

export type NoticeSeverity = (typeof noticeSeverities)[number]

/** Something that happened, as it is written down with the change: ids only, so that nothing of it grows old. */
export interface Notice {
  readonly event: NoticeEvent
  readonly incidentId: string
  readonly taskId: string | null
  readonly executionId: string | null
  /** 7-digit instant. */
  readonly at: string
}

/** Which notices somebody wants. */
export interface NoticeWish {
  readonly events: readonly NoticeEvent[]
  readonly minSeverity: NoticeSeverity
}

/** The severity of an incident in the words of notices. */
export function severityOf(severity: string): NoticeSeverity {
  return noticeSeverities.find((known) => known === severity) ?? 'informational'
}

/** Whether a notice of that event and severity is wanted. */
export function isWanted(wish: NoticeWish, event: NoticeEvent, severity: NoticeSeverity): boolean {
  return wish.events.includes(event) && isAtLeast(severity, wish.minSeverity)
}

/** Whether a severity reaches another. */
export function isAtLeast(severity: NoticeSeverity, least: NoticeSeverity): boolean {
  return noticeSeverities.indexOf(severity) >= noticeSeverities.indexOf(least)
}
