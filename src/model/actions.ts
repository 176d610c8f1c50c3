/** What an action acts on. */
export type TargetKind = 'device' | 'user' | 'file' | 'indicator' | 'message' | 'none'

/** How often an effect may happen when the same order reaches the far side twice. */
export type RepeatClass = 'natural' | 'keyed' | 'readBack' | 'atMostOnce'

/** One row of the action table. */
export interface ActionKind {
  readonly targetKind: TargetKind
  /** Name of the typed response action in namespace microsoft.graph.security; null where none exists. */
  readonly responseActionType: string | null
  /** The documented list of eight that executeResponseAction always supports. */
  readonly documented: boolean
  /** The action that takes this one back as an ordinary execution. */
  readonly inverse: ActionType | null
  /** A release takes this action back before it was delivered: the waiting one is cancelled without effect. */
  readonly supersedes?: ActionType
  /** Executions of one family on one target take turns. */
  readonly family: string
  /** Confirmation tier: 1 one dialog, 2 with reason, 3 with a second person. */
  readonly tier: 1 | 2 | 3
  readonly repeat: RepeatClass
  /** A command not delivered within this time never runs. */
  readonly deadlineSeconds: number
  /** MITRE D3FEND techniques. */
  readonly d3fend: readonly string[]
}

/** The sixteen action types of incidentTask. */
export type ActionType =
  | 'text'
  | 'isolateDevice'
  | 'stopAndQuarantineFile'
  | 'runAntiVirusScan'
  | 'collectInvestigationPackage'
  | 'restrictAppExecution'
  | 'submitIocRule'
  | 'forceUserPasswordReset'
  | 'disableUser'
  | 'markUserAsCompromised'
  | 'requireSignIn'
  | 'hardDeleteEmail'
  | 'softDeleteEmail'
  | 'unIsolateDevice'
  | 'unRestrictAppExecution'
  | 'enableUser'

const hour = 3600

function device(
  type: string,
  rest: Pick<ActionKind, 'inverse' | 'supersedes' | 'family' | 'tier' | 'repeat' | 'deadlineSeconds' | 'd3fend'>,
): ActionKind {
  return { targetKind: 'device', responseActionType: `${type}IncidentTaskResponseAction`, documented: true, ...rest }
}

function user(type: ActionType, inverse: ActionType | null, tier: 1 | 2, d3fend: readonly string[]): ActionKind {
  return {
    targetKind: 'user',
    responseActionType: `${type}IncidentTaskResponseAction`,
    documented: false,
    inverse,
    family: type === 'disableUser' || type === 'enableUser' ? 'account' : type,
    tier,
    repeat: 'natural',
    deadlineSeconds: hour,
    d3fend,
  }
}

function mail(type: string, tier: 2 | 3, repeat: RepeatClass): ActionKind {
  return {
    targetKind: 'message',
    responseActionType: `${type}IncidentTaskResponseAction`,
    documented: false,
    inverse: null,
    family: 'mail',
    tier,
    repeat,
    deadlineSeconds: 24 * hour,
    d3fend: ['D3-ER'],
  }
}

/**
 * The action types and what is true of each, whoever carries it out.
 * @source design actions 2.1, 10.4; contract 8 for the type names (runAntivirusScan and softDelete are spelt as Graph spells them)
 */
export const actionKinds: Readonly<Record<ActionType, ActionKind>> = {
  text: {
    targetKind: 'none',
    responseActionType: null,
    documented: false,
    inverse: null,
    family: 'none',
    tier: 1,
    repeat: 'natural',
    deadlineSeconds: 0,
    d3fend: [],
  },
  isolateDevice: device('isolateDevice', {
    inverse: 'unIsolateDevice',
    family: 'isolation',
    tier: 2,
    repeat: 'natural',
    deadlineSeconds: 72 * hour,
    d3fend: ['D3-NI', 'D3-OTF', 'D3-ITF'],
  }),
  unIsolateDevice: device('unIsolateDevice', {
    inverse: 'isolateDevice',
    supersedes: 'isolateDevice',
    family: 'isolation',
    tier: 2,
    repeat: 'natural',
    deadlineSeconds: 72 * hour,
    d3fend: ['D3-RNA'],
  }),
  stopAndQuarantineFile: {
    ...device('stopAndQuarantineFile', {
      inverse: null,
      family: 'file',
      tier: 2,
      repeat: 'readBack',
      deadlineSeconds: 72 * hour,
      d3fend: ['D3-PT', 'D3-FEV'],
    }),
    targetKind: 'file',
  },
  runAntiVirusScan: device('runAntivirusScan', {
    inverse: null,
    family: 'scan',
    tier: 1,
    repeat: 'readBack',
    deadlineSeconds: 24 * hour,
    d3fend: ['D3-FA'],
  }),
  collectInvestigationPackage: device('collectInvestigationPackage', {
    inverse: null,
    family: 'package',
    tier: 1,
    repeat: 'readBack',
    deadlineSeconds: 24 * hour,
    d3fend: [],
  }),
  restrictAppExecution: device('restrictAppExecution', {
    inverse: 'unRestrictAppExecution',
    family: 'executionGuard',
    tier: 2,
    repeat: 'natural',
    deadlineSeconds: 72 * hour,
    d3fend: ['D3-EAL'],
  }),
  unRestrictAppExecution: device('unRestrictAppExecution', {
    inverse: 'restrictAppExecution',
    supersedes: 'restrictAppExecution',
    family: 'executionGuard',
    tier: 1,
    repeat: 'natural',
    deadlineSeconds: 72 * hour,
    d3fend: [],
  }),
  submitIocRule: {
    targetKind: 'indicator',
    responseActionType: 'incidentTaskResponseAction',
    documented: true,
    inverse: null,
    family: 'indicator',
    tier: 2,
    repeat: 'keyed',
    deadlineSeconds: 72 * hour,
    d3fend: ['D3-ITF', 'D3-OTF', 'D3-DNSDL', 'D3-EDL'],
  },
  forceUserPasswordReset: user('forceUserPasswordReset', null, 2, ['D3-CRO', 'D3-PR']),
  disableUser: user('disableUser', 'enableUser', 2, ['D3-AL']),
  enableUser: user('enableUser', 'disableUser', 1, ['D3-RUAA', 'D3-ULA']),
  markUserAsCompromised: user('markUserAsCompromised', null, 2, ['D3-CE']),
  requireSignIn: user('requireSignIn', null, 1, ['D3-ST', 'D3-ANCI', 'D3-CR']),
  softDeleteEmail: mail('softDelete', 2, 'readBack'),
  hardDeleteEmail: mail('hardDeleteEmail', 3, 'atMostOnce'),
}

/** Tells an action type from any other text. */
export function isActionType(text: string): text is ActionType {
  return Object.hasOwn(actionKinds, text)
}

const releases: readonly ActionType[] = ['unIsolateDevice', 'unRestrictAppExecution', 'enableUser']

/** True for an action that only takes another one back. */
export function isRelease(actionType: ActionType): boolean {
  return releases.includes(actionType)
}

/** True for an action that takes something away from somebody: what protection and caps are about. */
export function isDestructive(actionType: ActionType): boolean {
  return actionKinds[actionType].tier >= 2 && !isRelease(actionType)
}

/** True for an action whose effect lasts until another one ends it, so that several tasks may want it at one time. */
export function isContainment(actionType: ActionType): boolean {
  const { inverse } = actionKinds[actionType]
  return inverse !== null && isRelease(inverse)
}

/** Every action type, text among them. */
export const actionTypes: readonly ActionType[] = Object.keys(actionKinds).filter(isActionType)
