import { fittingAction, type Tenant } from '../support/given.ts'
import type { MailServer } from '../support/mail-server.ts'

/** Every event of every severity. */
export const everything = {
  events: [
    'awaitingAction',
    'highSeverityIncident',
    'approvalRequested',
    'executionFailed',
    'outcomeUnknown',
    'managedActionRan',
  ],
  minSeverity: 'informational',
} as const

/** Settings of a mail channel to a server of the test, by STARTTLS. */
export function mailSettings(server: MailServer, ca: string, changes: object = {}): object {
  const url = `smtp://127.0.0.2:${server.port}`
  return { url, ca, from: 'cordon@example.org', to: ['soc@example.org'], ...everything, ...changes }
}

/** Sets a channel up; returns its id. */
export async function addChannel(
  tenant: Tenant,
  kind: 'mail' | 'webhook' | 'syslog',
  settings: object,
  secrets: object = {},
  name: string = kind,
): Promise<string> {
  const made = await (await tenant.as('admin')).post('/api/v1/connectors', { kind, name, settings, secrets })
  if (made.status !== 201) throw new Error(`${made.status} ${made.text}`)
  return made.body.id
}

/** An incident for which an expert proposes a guided task over the API. */
export async function giveGuidedTask(
  tenant: Tenant,
  incident: object = {},
  task: object = {},
): Promise<{ readonly incidentId: string; readonly taskId: string }> {
  const incidentId = await tenant.incident(incident)
  const made = await (await tenant.as('expert')).post('/beta/security/incidentTasks', {
    displayName: 'Isolate web-07',
    description: 'It talks to a known bad address.',
    source: 'defenderExpertsGuidedResponse',
    actionType: 'isolateDevice',
    responseAction: fittingAction('isolateDevice'),
    incident: { id: incidentId },
    ...task,
  })
  if (made.status !== 201) throw new Error(`${made.status} ${made.text}`)
  return { incidentId, taskId: made.body.id }
}

/** The tenant's messages to people, newest first. */
export async function listDeliveries(tenant: Tenant): Promise<Record<string, unknown>[]> {
  return (await (await tenant.as('admin')).get('/api/v1/notifications/deliveries')).body.value
}
