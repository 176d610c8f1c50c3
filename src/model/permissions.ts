/** Graph application permissions and Cordon's own, as they stand in a token's `roles`. */
export const permissions = [
  'SecurityIncident.Read.All',
  'SecurityIncident.ReadWrite.All',
  'SecurityAlert.Read.All',
  'SecurityAlert.ReadWrite.All',
  'SecurityAlert.Create.All',
  'SecurityData.Manage.All',
  'SecurityIncidentTask.ReadWrite.All',
  'SecurityIncidentTask.TakeAction.ReadWrite.All',
  'Cordon.Expert',
  'Cordon.Approve',
  'Cordon.Audit.Read',
  'Cordon.Metrics.Read',
  'Cordon.Admin',
] as const

/** One permission by its wire name. */
export type Permission = (typeof permissions)[number]

/** What a client or person can be created as. */
export const roleNames = ['reader', 'responder', 'approver', 'expert', 'auditor', 'monitor', 'admin'] as const

/** One role by name. */
export type RoleName = (typeof roleNames)[number]

const reader: readonly Permission[] = ['SecurityIncident.Read.All', 'SecurityAlert.Read.All']
const responder: readonly Permission[] = [
  ...reader,
  'SecurityIncident.ReadWrite.All',
  'SecurityAlert.ReadWrite.All',
  'SecurityIncidentTask.ReadWrite.All',
  'SecurityIncidentTask.TakeAction.ReadWrite.All',
]

/**
 * What each role carries. An admin holds every permission of the Graph surface and the settings, but is no expert by itself: creating
 * tasks and deciding unknown outcomes stays with experts.
 * @source design contract 3.4
 */
export const rolePermissions: Readonly<Record<RoleName, readonly Permission[]>> = {
  reader,
  responder,
  approver: [...reader, 'Cordon.Approve'],
  expert: [...responder, 'SecurityData.Manage.All', 'Cordon.Expert'],
  auditor: [...reader, 'Cordon.Audit.Read'],
  monitor: ['Cordon.Metrics.Read'],
  admin: [...responder, 'SecurityAlert.Create.All', 'SecurityData.Manage.All', 'Cordon.Admin'],
}

/** Tells a role name from any other text. */
export function isRoleName(text: string): text is RoleName {
  return (roleNames as readonly string[]).includes(text)
}
