/** The colours that mean something; everything else is grey. */
export type Tone = 'high' | 'medium' | 'low' | 'quiet' | 'done' | 'failed'

/** Severities by word, shape and colour. */
export const severities: Readonly<
  Record<string, { readonly tone: Tone; readonly mark: string; readonly word: string }>
> = {
  high: { tone: 'high', mark: '▲', word: 'High' },
  medium: { tone: 'medium', mark: '◆', word: 'Medium' },
  low: { tone: 'low', mark: '○', word: 'Low' },
  informational: { tone: 'quiet', mark: 'i', word: 'Info' },
  unknown: { tone: 'quiet', mark: '?', word: 'Unknown' },
}

/** States of incidents, tasks and actions. */
export const statuses: Readonly<Record<string, { readonly tone: Tone; readonly word: string }>> = {
  active: { tone: 'quiet', word: 'Active' },
  new: { tone: 'quiet', word: 'New' },
  open: { tone: 'quiet', word: 'open' },
  awaitingAction: { tone: 'medium', word: 'Awaiting your action' },
  inProgress: { tone: 'low', word: 'in progress' },
  resolved: { tone: 'done', word: 'Resolved' },
  redirected: { tone: 'quiet', word: 'Merged' },
  notStarted: { tone: 'quiet', word: 'not started' },
  completed: { tone: 'done', word: 'completed' },
  partiallyCompleted: { tone: 'medium', word: 'partially completed' },
  failed: { tone: 'failed', word: 'failed' },
  notRelevant: { tone: 'quiet', word: 'not relevant' },
}

const verbs: Readonly<Record<string, string>> = {
  isolateDevice: 'Isolate',
  unIsolateDevice: 'Release',
  stopAndQuarantineFile: 'Quarantine',
  runAntiVirusScan: 'Scan',
  collectInvestigationPackage: 'Collect package from',
  restrictAppExecution: 'Restrict',
  unRestrictAppExecution: 'Unrestrict',
  submitIocRule: 'Block',
  forceUserPasswordReset: 'Reset password of',
  disableUser: 'Disable',
  enableUser: 'Enable',
  markUserAsCompromised: 'Mark as compromised',
  requireSignIn: 'End sessions of',
  softDeleteEmail: 'Delete mail',
  hardDeleteEmail: 'Delete mail for good',
}

/** The action types with a verb, and `text` for what people do. */
export const actionTypes: readonly string[] = ['text', ...Object.keys(verbs)]

/** What people found an incident to be, in words; the names of the wire belong beside it, as its title. */
export function writeJudgement(classification: string | null, determination: string | null): string {
  const found = [classification, determination].filter((value) => value !== null && value !== 'unknown')
  if (found.length === 0) return 'not classified'
  return found.map((value) => value?.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)).join(': ')
}

/** The verb a button says for an action type; the type itself for one this page does not know. */
export function verbOf(actionType: string): string {
  return verbs[actionType] ?? actionType
}
