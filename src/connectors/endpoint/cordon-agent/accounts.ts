import type { AgentAction, CommandDeps } from '../../../agents/commands.ts'
import { allowsLocalAccounts, findDevices, hasDevices } from '../../../agents/devices.ts'
import type { ActionType } from '../../../model/actions.ts'
import { type AccountAction, accountName } from '../../../protocol/bodies/account.ts'
import type { Capability, FinishedAction, Inspection, Order, Resolution, UndoPlan } from '../../connector.ts'

const accountActions: readonly AccountAction[] = [
  'disableUser',
  'enableUser',
  'forceUserPasswordReset',
  'requireSignIn',
]

/** Tells the actions on accounts from all others. */
export function isAccountAction(actionType: ActionType): actionType is AccountAction {
  return accountActions.some((known) => known === actionType)
}

/** Accounts of hosts are acted on only where the tenant has switched that on. */
export async function describeAccountCapabilities(deps: CommandDeps, tenantId: string): Promise<readonly Capability[]> {
  const allowed = await allowsLocalAccounts(deps, tenantId)
  const present = allowed && (await hasDevices(deps, tenantId))
  const reason = allowed ? 'no agent is enrolled; see: cordon agent token' : 'localAccounts is off in the safety policy'
  return accountActions.map((actionType) => ({ actionType, available: present, reason: present ? null : reason }))
}

/** Accounts that `HOST\name` names. Whether the host has the account is for the host to say. */
export async function resolveAccount(
  deps: CommandDeps,
  tenantId: string,
  actionType: AccountAction,
  identifier: string,
): Promise<readonly Resolution[]> {
  const [host = '', name = '', ...rest] = identifier.split('\\')
  if (rest.length > 0 || host === '' || !accountName.test(name)) return []
  if (!(await allowsLocalAccounts(deps, tenantId))) return []
  const devices = await findDevices(deps, tenantId, host)
  return devices.map(({ id, hostname, obstacle }) => {
    const reason = obstacle(actionType)
    return {
      target: { kind: 'user' as const, key: `account:${id}:${name}`, displayName: `${hostname}\\${name}`, identifier },
      supported: reason === null,
      reason: reason === null ? null : `${hostname}: ${reason}`,
    }
  })
}

/** The host whose account a target is; null for any other target. */
export function agentOfAccount(key: string): string | null {
  return /^account:([^:]+):/.exec(key)?.[1] ?? null
}

/** What the host is told. */
export function toAccountAction(
  actionType: AccountAction,
  { target, taskId, parameters }: Pick<Order, 'target' | 'taskId' | 'parameters'>,
): AgentAction {
  const account = target.key.split(':')[2] ?? ''
  return { actionType, account, taskId, undo: parameters.onlyOwn === true }
}

/** How an action on an account is taken back: the host remembers how it was before. */
export function planAccountUndo(actionType: AccountAction, done: FinishedAction): UndoPlan {
  switch (actionType) {
    case 'disableUser':
      return { possible: true, actionType: 'enableUser', parameters: { onlyOwn: true } }
    case 'forceUserPasswordReset':
      return { possible: true, actionType, parameters: { onlyOwn: true } }
    case 'enableUser':
      return done.result?.changed === true
        ? { possible: true, actionType: 'disableUser', parameters: { onlyOwn: true } }
        : { possible: false, reason: 'The account was enabled before.' }
    case 'requireSignIn':
      return { possible: false, reason: 'Sessions that have ended cannot be brought back.' }
  }
}

/** Accounts are looked at on their host, when something is done. */
export async function inspectAccount(deps: Pick<CommandDeps, 'clock'>): Promise<Inspection> {
  return {
    readAt: deps.clock.now(),
    online: null,
    lastSeenAt: null,
    already: null,
    state: null,
    refusal: null,
    connections: { known: false, reason: 'This action cuts no connection by itself.' },
  }
}
