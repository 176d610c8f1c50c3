import { type ActionType, actionKinds, actionTypes } from '../../../../model/actions.ts'

/** How soon the customer should decide. The Graph task has no word for it, so it is the first line of the description. */
export const urgencies = [
  ['now', 'Now: it spreads or is being used'],
  ['today', 'Today'],
  ['later', 'When there is time'],
] as const

/** What stands in the form. */
export interface Draft {
  readonly actionType: ActionType
  readonly target: string
  readonly title: string
  readonly why: string
  readonly urgency: (typeof urgencies)[number][0]
}

/** What a task is proposed about: a thing that alerts name. */
export interface About {
  /** Kind of evidence, `device`. */
  readonly kind: string
  readonly name: string
}

/** Kinds of evidence that an action of that target kind can act on. */
export const kindsOf: Readonly<Record<string, readonly string[]>> = {
  device: ['device'],
  user: ['user'],
  file: ['file', 'process'],
  message: ['analyzedMessage'],
  indicator: ['ip', 'url', 'file'],
}

export const minWhyLetters = 20

/** The actions that can act on such a thing, `text` for people last. */
export function listActions(about: About | undefined): readonly ActionType[] {
  if (about === undefined) return actionTypes
  const fitting = actionTypes.filter((type) => kindsOf[actionKinds[type].targetKind]?.includes(about.kind) === true)
  return [...fitting, 'text']
}

/** How urgent something of that severity is until the expert says otherwise. */
export function urgencyOf(severity: string): Draft['urgency'] {
  return severity === 'high' ? 'now' : severity === 'medium' ? 'today' : 'later'
}

/** True for an action that acts on something named. */
export function namesTarget({ actionType }: Pick<Draft, 'actionType'>): boolean {
  return actionKinds[actionType].responseActionType !== null
}

/** Why it cannot be sent yet; null when it can. What the dry run says never keeps it back. */
export function whyOff(draft: Draft): string | null {
  if (namesTarget(draft) && draft.target.trim() === '') return 'Name the target.'
  if (draft.title.trim() === '') return 'Give it a title.'
  return draft.why.trim().length < minWhyLetters ? `Say why, in at least ${minWhyLetters} letters.` : null
}

/** What the customer reads. */
export function writeDescription({ why, urgency }: Pick<Draft, 'why' | 'urgency'>): string {
  return `Urgency: ${urgency}.\n\n${why.trim()}`
}

/** The draft as the API takes it. */
export function bodyOf(draft: Draft, incidentId: string, source: string): Readonly<Record<string, unknown>> {
  const { actionType, target, title } = draft
  return {
    displayName: title.trim() === '' ? actionType : title.trim(),
    description: writeDescription(draft),
    actionType,
    source,
    incident: { id: incidentId },
    ...responseOf(actionType, target.trim()),
  }
}

function responseOf(actionType: ActionType, identifierValue: string): Readonly<Record<string, unknown>> {
  const { responseActionType } = actionKinds[actionType]
  if (responseActionType === null) return {}
  const type = { '@odata.type': `#microsoft.graph.security.${responseActionType}`, identifierValue }
  return { responseAction: actionType === 'isolateDevice' ? { ...type, isolationType: 'full' } : type }
}
