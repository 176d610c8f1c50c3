import { assertNever } from '../errors.ts'
import type { NoticeEvent, NoticeSeverity } from './notice.ts'

/**
 * What people are told, the same for every channel. Every text in it went through {@link makeInert}: names of incidents and tasks are
 * written by attackers.
 */
export interface NoticeMessage {
  /** The same in every attempt to deliver it. */
  readonly id: string
  readonly event: NoticeEvent | 'test'
  readonly severity: NoticeSeverity
  /** When it happened, 7-digit instant. */
  readonly at: string
  readonly tenant: { readonly id: string; readonly name: string }
  /** null in a test. */
  readonly incident: { readonly id: string; readonly name: string } | null
  readonly task: { readonly id: string; readonly name: string } | null
  readonly action: { readonly type: string; readonly target: string } | null
  /** Why an execution failed, or that nobody acknowledged; empty without. */
  readonly remark: string
  /** Page of the portal to go to. */
  readonly link: string
}

/** Characters that end a line, hide, or turn the direction of what follows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const unseen = /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]+/g

/**
 * Text of an attacker as it may stand in a mail, a chat or a log: one line, of bounded length, in the direction it is read in, and without
 * anything that a mail program would make a link of.
 */
export function makeInert(text: string, maxLength: number): string {
  const line = text.toWellFormed().replace(unseen, ' ').replaceAll(/\s+/g, ' ').trim()
  const defanged = line
    .replaceAll(/\bhttp(s?)(?=:)/gi, 'hxxp$1')
    .replaceAll('://', '[:]//')
    .replaceAll(/\b(mailto|javascript|data|file|tel|ftp):/gi, '$1[:]')
    .replaceAll(/(?<=[\p{L}\p{N}])[.\u3002\uff0e\uff61](?=[\p{L}\p{N}])/gu, '[.]')
    .replaceAll('@', '(at)')
  const points = [...defanged]
  return points.length <= maxLength ? defanged : `${points.slice(0, maxLength - 1).join('')}…`
}

/** One line that says what is the matter: severity, what, which incident. */
export function headlineOf({ severity, event, incident }: NoticeMessage): string {
  const about = incident === null ? '' : ` - incident ${incident.id}: ${incident.name}`
  return `${wordOf(severity)}: ${sayEvent(event)}${about}`
}

/** Everything there is to know, line by line, the link last. */
export function linesOf(message: NoticeMessage): string[] {
  const { tenant, incident, task, action, remark } = message
  return [
    `Severity: ${wordOf(message.severity)}`,
    ...(incident === null ? [] : [`Incident: ${incident.id} ${incident.name}`]),
    `Tenant: ${tenant.name}`,
    `What: ${sayEvent(message.event)}`,
    ...(task === null ? [] : [`Task: ${task.name}`]),
    ...(action === null
      ? []
      : [`Action: ${action.type}`, ...(action.target === '' ? [] : [`Target: ${action.target}`])]),
    ...(remark === '' ? [] : [`Note: ${remark}`]),
    `At: ${message.at.slice(0, 19).replace('T', ' ')} UTC`,
    '',
    message.link,
  ]
}

/** An event in words. */
export function sayEvent(event: NoticeMessage['event']): string {
  switch (event) {
    case 'awaitingAction':
      return 'waiting for your action'
    case 'highSeverityIncident':
      return 'new incident of high severity'
    case 'approvalRequested':
      return 'an action waits for approval'
    case 'executionFailed':
      return 'an action failed'
    case 'outcomeUnknown':
      return 'the outcome of an action is unknown'
    case 'managedActionRan':
      return 'a managed action was carried out'
    case 'test':
      return 'test message; nothing has happened'
    default:
      return assertNever(event)
  }
}

function wordOf(severity: NoticeSeverity): string {
  return severity.charAt(0).toUpperCase() + severity.slice(1)
}
