import { type ActionType, actionKinds, actionTypes } from '../actions.ts'

/** Which things a rule is about; one fitting entry is enough. */
export interface AssetMatch {
  /** Cordon's own keys, e.g. a device id. They cannot be changed by the thing itself. */
  readonly ids: readonly string[]
  /** Patterns over names, whatever their case: `*` for any text, `?` for one character. Hosts name themselves. */
  readonly names: readonly string[]
  /** Tags given by {@link SafetyPolicy.tags} or by the system that knows the thing. */
  readonly tags: readonly string[]
}

/** Gives things a tag. */
export interface TagRule {
  readonly tag: string
  readonly ids: readonly string[]
  readonly names: readonly string[]
}

/** Things on which the actions are refused. */
export interface ProtectedAsset extends AssetMatch {
  readonly name: string
  /** Null: every action that takes something away. */
  readonly actionTypes: readonly ActionType[] | null
  /** Shown with each refusal. */
  readonly reason: string
}

/** Things that other rules speak of by name. */
export interface AssetGroup extends AssetMatch {
  readonly name: string
  /** Every action that takes something away from them is of tier 3. */
  readonly critical: boolean
}

/** How much may be done before a second person is asked. */
export interface Budget {
  readonly name: string
  /** Null: every action that takes something away. */
  readonly actionTypes: readonly ActionType[] | null
  /** Whose actions are counted together: the whole tenant's, or those of one caller. */
  readonly per: 'tenant' | 'caller'
  readonly windowMinutes: number
  /** Actions in the window; null for no limit. */
  readonly maxActions: number | null
  /** Share, from 0 to 1, of the known things of that kind that may be affected at one time; null for no limit. */
  readonly maxShare: number | null
  /** The share never asks for a second person up to this many things. */
  readonly minAssets: number
}

/** Asks for further people. */
export interface FourEyesRule {
  readonly name: string
  /** Null: every action. */
  readonly actionTypes: readonly ActionType[] | null
  /** Only on things of this group; null: on all. */
  readonly assetGroup: string | null
  /** Only from this confirmation tier on; null: every tier. */
  readonly minTier: 1 | 2 | 3 | null
  /** People besides the requester and the proposer. */
  readonly approvals: number
}

/** How long a containment lasts by itself. */
export interface Expiry {
  /** The target lets go by itself after this, unless the server has confirmed since that it is still wanted. */
  readonly leaseSeconds: number
  /** The server takes it back after this; null: when somebody says so. */
  readonly releaseAfterHours: number | null
}

/** How rules about indicators are submitted. */
export interface IndicatorRules {
  /** `block` cuts off, `audit` only reports what is met. */
  readonly mode: 'block' | 'audit'
  /** Every host ends a rule by itself after this. */
  readonly expireAfterHours: number
  /** A rule may also hit a host's default gateway and resolvers; the server and the host itself never. */
  readonly allowInfrastructure: boolean
}

/** Days and times of a week; `to` before `from` goes over midnight, and the day is that on which it began. */
export interface Hours {
  readonly days: readonly Day[]
  /** `HH:MM` in {@link timeZone}; the end is not included, `24:00` is the end of the day. */
  readonly from: string
  readonly to: string
  /** IANA name, e.g. `Europe/Berlin`. */
  readonly timeZone: string
}

/** Days of the week, the first is Monday. */
export const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** One of {@link days}. */
export type Day = (typeof days)[number]

/** Lets experts run actions without asking the customer first. */
export interface ConsentRule {
  readonly name: string
  /** Null: every action. */
  readonly actionTypes: readonly ActionType[] | null
  /** Only on things of this group; null: on all. */
  readonly assetGroup: string | null
  /** Ids of the experts; null: every expert. */
  readonly experts: readonly string[] | null
  /** Null: at all hours. */
  readonly hours: Hours | null
}

/** Things that experts never act on by themselves, whatever the consents say. */
export interface Exclusion extends AssetMatch {
  readonly name: string
  /** Since when it has named these things: an instant the server sets. Null only in a policy that is not stored yet. */
  readonly since: string | null
}

/** How a person confirmed an action in the portal: by a press, by typing the exact name first, or by holding the button. */
export const confirmations = ['pressed', 'typed', 'held'] as const

/** One of {@link confirmations}. */
export type Confirmation = (typeof confirmations)[number]

/** What must be true before an action has an effect; one document per tenant, which an admin edits as a whole. */
export interface SafetyPolicy {
  /** The kill switch: while it is on nothing is handed over to any target; what waits goes on when it is off. */
  readonly dispatch: { readonly paused: boolean; readonly reason: string | null }
  readonly tags: readonly TagRule[]
  readonly protectedAssets: readonly ProtectedAsset[]
  readonly assetGroups: readonly AssetGroup[]
  readonly budgets: readonly Budget[]
  readonly fourEyes: { readonly approvalHours: number; readonly rules: readonly FourEyesRule[] }
  readonly expiry: { readonly isolation: Expiry; readonly restriction: Expiry }
  readonly indicators: IndicatorRules
  /** Accounts of enrolled hosts can be disabled, enabled, signed out, and asked for a new password. */
  readonly localAccounts: { readonly enabled: boolean }
  /** A file that an installed package owns may be quarantined, once its host has said so and a second person agrees. */
  readonly quarantine: { readonly packageFiles: boolean }
  /** How thorough runAntiVirusScan is; the task has no word for it. */
  readonly antiVirus: { readonly scan: 'quick' | 'full' }
  /**
   * Programs that start on restricted hosts, beside those of packages and of the host's owner: paths, folders that end in `/`, and `sha256:`
   * with 64 hexadecimal digits.
   */
  readonly programs: { readonly allowed: readonly string[] }
  /** An agent makes a new key when its own is this many days old, from 1 to 3,660. */
  readonly agentKeys: { readonly rotateAfterDays: number }
  /**
   * Actions of tier 3, approvals and changes of this policy need a sign-in of the last so many minutes, from 1 to 720; null: of any age a
   * session has. Programs are never asked.
   */
  readonly signIn: { readonly freshMinutes: number | null }
  /** On a narrow or touch screen the button may be held for 1.5 s in place of typing the exact name. */
  readonly confirmation: { readonly holdOnPhones: boolean }
  /** Paused: every managed task becomes guided; and so does one about an excluded thing. */
  readonly managedResponse: {
    readonly paused: boolean
    readonly excluded: readonly Exclusion[]
    readonly consent: readonly ConsentRule[]
  }
}

/** Longest a target holds a containment without a word of the server. */
export const maxLeaseSeconds: number = 7 * 86_400

const dayLease: Expiry = { leaseSeconds: 86_400, releaseAfterHours: null }

/**
 * What holds in a tenant until its admin says otherwise.
 * @source design actions 10.2, 10.3, 10.4
 */
export const defaultPolicy: SafetyPolicy = {
  dispatch: { paused: false, reason: null },
  tags: [],
  protectedAssets: [],
  assetGroups: [],
  budgets: [
    budget('containment', ['isolateDevice', 'restrictAppExecution'], 10, 0.05),
    budget('accounts', ['disableUser', 'forceUserPasswordReset', 'markUserAsCompromised'], 10, 0.02),
    budget('indicators', ['submitIocRule'], 100, null),
    { ...budget('one caller', null, 20, null), per: 'caller' },
  ],
  fourEyes: {
    approvalHours: 24,
    rules: [{ name: 'tier 3', actionTypes: null, assetGroup: null, minTier: 3, approvals: 1 }],
  },
  expiry: { isolation: dayLease, restriction: dayLease },
  indicators: { mode: 'block', expireAfterHours: 30 * 24, allowInfrastructure: false },
  localAccounts: { enabled: false },
  quarantine: { packageFiles: false },
  antiVirus: { scan: 'quick' },
  programs: { allowed: [] },
  agentKeys: { rotateAfterDays: 30 },
  signIn: { freshMinutes: null },
  confirmation: { holdOnPhones: false },
  managedResponse: {
    paused: false,
    excluded: [],
    consent: [
      {
        name: 'tier 1 and 2',
        actionTypes: actionTypes.filter((type) => actionKinds[type].tier < 3 && type !== 'text'),
        assetGroup: null,
        experts: null,
        hours: null,
      },
    ],
  },
}

function budget(
  name: string,
  actionTypes: readonly ActionType[] | null,
  maxActions: number,
  maxShare: number | null,
): Budget {
  return { name, actionTypes, per: 'tenant', windowMinutes: 10, maxActions, maxShare, minAssets: 10 }
}
