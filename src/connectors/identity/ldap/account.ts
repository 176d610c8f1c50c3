import { createHash } from 'node:crypto'
import type { ActionType } from '../../../model/actions.ts'
import type { Proof } from '../../../model/execution.ts'
import type { Entry, Session } from './client.ts'
import type { LdapSettings } from './settings.ts'

/** Set by an administrator: locked until somebody takes it away. @source draft-behera-ldap-password-policy-11, 5.3.3 */
export const lockedForGood = '000001010000Z'

/** What an entry says of an account, and the policy that holds for it. */
export interface Account {
  readonly dn: string
  readonly id: string
  readonly displayName: string
  /** Further names it goes by, the login names first. */
  readonly names: readonly string[]
  readonly groups: readonly string[]
  readonly lockedTime: string | null
  readonly mustChange: string | null
  /** The ppolicy entry of its own; null: that of the settings. */
  readonly policyDn: string
}

/** A password policy, as far as it decides whether an action has an effect. */
export interface Policy {
  readonly lockout: boolean
  readonly mustChange: boolean
  readonly allowUserChange: boolean
}

/** What is asked of an entry. */
export function accountAttributes({ loginAttributes }: LdapSettings): string[] {
  const own = ['entryUUID', 'cn', 'displayName', 'memberOf', 'pwdAccountLockedTime', 'pwdReset', 'pwdPolicySubentry']
  return [...new Set([...own, ...loginAttributes])]
}

/** Reads an entry that was asked for {@link accountAttributes}; null when it has no entryUUID that may be seen. */
export function toAccount(settings: LdapSettings, entry: Entry): Account | null {
  const all = (name: string): readonly string[] => entry.values[name.toLowerCase()] ?? []
  const one = (name: string): string | null => all(name)[0] ?? null
  const id = one('entryUUID')
  if (id === null) return null
  const logins = settings.loginAttributes.flatMap(all)
  return {
    dn: entry.dn,
    id: id.toLowerCase(),
    displayName: logins[0] ?? one('displayName') ?? one('cn') ?? entry.dn,
    names: [...logins, entry.dn],
    groups: all('memberOf').flatMap((group) => /^cn=([^,+]+)/i.exec(group)?.[1] ?? []),
    lockedTime: one('pwdAccountLockedTime'),
    mustChange: one('pwdReset'),
    policyDn: one('pwdPolicySubentry') ?? settings.passwordPolicy,
  }
}

/** The policy that holds for an account; null when the connector's account cannot read it. */
export async function readPolicy(session: Session, policyDn: string): Promise<Policy | null> {
  const entry = await session.read(policyDn, ['objectClass', 'pwdLockout', 'pwdMustChange', 'pwdAllowUserChange'])
  if (entry === null || (entry.values.objectclass ?? []).length === 0) return null
  const isTrue = (name: string): boolean => entry.values[name]?.[0]?.toUpperCase() === 'TRUE'
  const isFalse = (name: string): boolean => entry.values[name]?.[0]?.toUpperCase() === 'FALSE'
  // What the schema says of an absent one: no lockout, no forced change, users may change.
  return {
    lockout: isTrue('pwdlockout'),
    mustChange: isTrue('pwdmustchange'),
    allowUserChange: !isFalse('pwdallowuserchange'),
  }
}

/** What is to be done with an account. */
export type Decision =
  /** It is as wanted, or not ours to change; `note` says what somebody should know. */
  | { readonly do: 'nothing'; readonly note: string | null }
  | { readonly do: 'exchange'; readonly attribute: string; readonly from: string | null; readonly to: string | null }
  | { readonly do: 'refuse'; readonly code: string; readonly detail: string }

/** What an undo puts back, as it stands in the parameters of its order. */
export interface Restore {
  readonly value: string | null
}

/** Actions this connector carries out. */
export const ldapActions: readonly ActionType[] = ['disableUser', 'enableUser', 'forceUserPasswordReset']

/**
 * Decides what an action means for an account as it stands. Pure.
 * @param restore the value an undo puts back; null: no undo
 */
export function decide(actionType: ActionType, { account, policy }: Seen, restore: Restore | null): Decision {
  switch (actionType) {
    case 'disableUser':
      return decideDisable(account, policy)
    case 'enableUser':
      return decideEnable(account, restore)
    case 'forceUserPasswordReset':
      return restore === null ? decideReset(account, policy) : decideResetUndo(account, restore)
    default:
      return { do: 'refuse', code: 'Unsupported', detail: `A directory cannot do ${actionType}.` }
  }
}

function decideDisable({ lockedTime, policyDn }: Account, policy: Policy | null): Decision {
  if (policy === null) return refuseUnread(policyDn)
  if (!policy.lockout) {
    const detail = `The policy ${policyDn} does not have pwdLockout TRUE, so a lock would not keep anybody out. Set it, then try again.`
    return { do: 'refuse', code: 'LockHasNoEffect', detail }
  }
  if (lockedTime === lockedForGood) return { do: 'nothing', note: null }
  return { do: 'exchange', attribute: 'pwdAccountLockedTime', from: lockedTime, to: lockedForGood }
}

function decideEnable({ lockedTime }: Account, restore: Restore | null): Decision {
  const attribute = 'pwdAccountLockedTime'
  if (lockedTime === null) return { do: 'nothing', note: null }
  if (lockedTime !== lockedForGood) {
    return {
      do: 'nothing',
      note: 'The account is locked after failed sign-ins; that ends by itself and was left as it is.',
    }
  }
  if (restore === null) return { do: 'exchange', attribute, from: lockedTime, to: null }
  if (restore.value === lockedForGood) return { do: 'nothing', note: 'It was disabled before, and stays disabled.' }
  return { do: 'exchange', attribute, from: lockedTime, to: restore.value }
}

function decideReset({ mustChange, policyDn }: Account, policy: Policy | null): Decision {
  if (policy === null) return refuseUnread(policyDn)
  if (!policy.mustChange || !policy.allowUserChange) {
    const lacks = policy.mustChange
      ? 'pwdAllowUserChange is FALSE, so the user would be stuck'
      : 'pwdMustChange is not TRUE, so nothing would be asked of the user'
    return {
      do: 'refuse',
      code: 'ResetHasNoEffect',
      detail: `In the policy ${policyDn} ${lacks}. Change it, then try again.`,
    }
  }
  if (mustChange === 'TRUE') return { do: 'nothing', note: null }
  return { do: 'exchange', attribute: 'pwdReset', from: mustChange, to: 'TRUE' }
}

function decideResetUndo({ mustChange }: Account, restore: Restore): Decision {
  if (mustChange !== 'TRUE') return { do: 'nothing', note: 'The user has chosen a new password since.' }
  if (restore.value === 'TRUE') return { do: 'nothing', note: 'A new password was asked for before, and still is.' }
  return { do: 'exchange', attribute: 'pwdReset', from: mustChange, to: restore.value }
}

function refuseUnread(policyDn: string): Decision {
  const detail = `The password policy ${policyDn} cannot be read, so nobody can say whether the action has an effect. Correct the setting passwordPolicy, or give the connector's account read access.`
  return { do: 'refuse', code: 'PolicyUnreadable', detail }
}

/** An account as executions and previews show it. */
export function describeAccount(account: Account): Readonly<Record<string, unknown>> {
  return {
    disabled: account.lockedTime === lockedForGood,
    dn: account.dn,
    mustChangePassword: account.mustChange === 'TRUE',
    pwdAccountLockedTime: account.lockedTime,
    pwdReset: account.mustChange,
  }
}

/** The evidence that an account stands as wanted: read back by a search of its own, with the policy that makes it count. */
export function prove(
  actionType: ActionType,
  { account, policy }: Seen,
  wanted: string | null,
  observedAt: string,
): Proof {
  const attribute = attributeOf(actionType)
  const { policyDn } = account
  const rule = actionType === 'disableUser' ? 'pwdLockout' : wanted === 'TRUE' ? 'pwdMustChange' : null
  const holds = rule === 'pwdLockout' ? policy?.lockout : policy?.mustChange
  const checks = [
    { name: attribute, want: wanted ?? 'absent', got: readValue(actionType, account) ?? 'absent' },
    ...(rule === null
      ? []
      : [{ name: `${rule} of ${policyDn}`, want: 'TRUE', got: holds === true ? 'TRUE' : 'FALSE' }]),
  ]
  // The members stand in the order canonical JSON has them in.
  const digest = `sha256:${createHash('sha256')
    .update(JSON.stringify(describeAccount(account)))
    .digest('hex')}`
  return { level: 'observed', method: 'ldap-search', observedAt, digest, checks }
}

/** An account together with the policy that holds for it; null when that cannot be read. */
export interface Seen {
  readonly account: Account
  readonly policy: Policy | null
}

/** The attribute an action is about. */
function attributeOf(actionType: ActionType): string {
  return actionType === 'forceUserPasswordReset' ? 'pwdReset' : 'pwdAccountLockedTime'
}

/** What stands in the attribute an action is about; null: nothing. */
export function readValue(actionType: ActionType, account: Account): string | null {
  return actionType === 'forceUserPasswordReset' ? account.mustChange : account.lockedTime
}
