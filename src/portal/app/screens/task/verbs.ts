import type { Task } from '../../api/wire.ts'

/** What the task acts on, as it was named; empty for a task for people. */
export function targetOf(task: Pick<Task, 'responseAction'>): string {
  const value = task.responseAction?.identifierValue
  return typeof value === 'string' ? value : ''
}

/** How many targets are named one by one; an exact name must be typed for one, the count for several. */
export function nameToType(task: Pick<Task, 'responseAction'>, displayName: string | null): string {
  return displayName ?? targetOf(task)
}

/** What the action does to its target, in words a person reads before pressing. */
export function effectOf(actionType: string): string {
  return effects[actionType] ?? 'The effect is described in the task.'
}

const effects: Readonly<Record<string, string>> = {
  isolateDevice:
    'All network connections are cut, but for the one to Cordon and those on the allow-list. Tunnels and services of the host stop working for others.',
  unIsolateDevice: 'The host is back on the network.',
  stopAndQuarantineFile: 'Processes of the file are stopped, and the file is moved where nobody can run it.',
  runAntiVirusScan: 'The host scans itself. Nothing is changed.',
  collectInvestigationPackage: 'The host collects what an investigation needs. Nothing is changed.',
  restrictAppExecution:
    'The host starts no program that its packages did not bring or its owner does not list. What runs goes on.',
  unRestrictAppExecution: 'The host runs every program again.',
  submitIocRule: 'The indicator is blocked on the hosts.',
  forceUserPasswordReset: 'The person must set a new password at the next sign-in.',
  disableUser: 'The account cannot be used until it is enabled again.',
  enableUser: 'The account can be used again.',
  markUserAsCompromised: 'The account counts as compromised; policies of the directory follow.',
  requireSignIn: 'All sessions of the person end; the person signs in again.',
  softDeleteEmail: 'The message is taken out of the mailbox and can be brought back.',
  hardDeleteEmail: 'The message is removed for good.',
}
