import { DecodeError, id, type JsonObject, object, oneOf, optional, text } from '../decode.ts'

/** The actions on accounts of the host itself. */
export type AccountAction = 'disableUser' | 'enableUser' | 'forceUserPasswordReset' | 'requireSignIn'

/** What a command about a local account asks for. */
export interface AccountBody {
  readonly actionType: AccountAction
  /** Login name on this host. */
  readonly account: string
  /** The task that wants it. */
  readonly taskId: string
  /** Takes back what this task did, and nothing else. */
  readonly undo: boolean
}

/** Form of a login name. @source useradd(8), as Debian patches it, without what a shell could take for something else */
export const accountName: RegExp = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$/

interface WireAccount {
  readonly action: 'set' | 'stop'
  readonly target: {
    readonly 'er:account'?: { readonly account_name: string }
    readonly 'x-cordon:account'?: { readonly account_name: string }
    readonly 'x-cordon:session'?: { readonly account_name: string; readonly scope: 'all' }
  }
  readonly args: {
    readonly er?: { readonly account_status: 'disabled' | 'enabled' }
    readonly 'x-cordon': {
      readonly task_id: string
      readonly password?: 'must_change' | 'restore'
      readonly only_own?: 'yes'
    }
  }
}

const named = object<{ account_name: string }>({ account_name: text(33, accountName) })

const decodeWire = object<WireAccount>({
  action: oneOf(['set', 'stop']),
  target: object<WireAccount['target']>({
    'er:account': optional(named),
    'x-cordon:account': optional(named),
    'x-cordon:session': optional(
      object<{ account_name: string; scope: 'all' }>({ account_name: text(33, accountName), scope: oneOf(['all']) }),
    ),
  }),
  args: object<WireAccount['args']>({
    er: optional(object<NonNullable<WireAccount['args']['er']>>({ account_status: oneOf(['disabled', 'enabled']) })),
    'x-cordon': object<WireAccount['args']['x-cordon']>({
      task_id: id,
      password: optional(oneOf(['must_change', 'restore'])),
      only_own: optional(oneOf(['yes'])),
    }),
  }),
})

/** Writes the body of a command about a local account. */
export function writeAccount({ actionType, account, taskId, undo }: AccountBody): JsonObject {
  const name = { account_name: account }
  switch (actionType) {
    case 'disableUser':
    case 'enableUser': {
      const er = { account_status: actionType === 'disableUser' ? 'disabled' : 'enabled' }
      const own = { task_id: taskId, ...(undo ? { only_own: 'yes' } : {}) }
      return { action: 'set', target: { 'er:account': name }, args: { er, 'x-cordon': own } }
    }
    case 'forceUserPasswordReset': {
      const own = { task_id: taskId, password: undo ? 'restore' : 'must_change' }
      return { action: 'set', target: { 'x-cordon:account': name }, args: { 'x-cordon': own } }
    }
    case 'requireSignIn': {
      const target = { 'x-cordon:session': { ...name, scope: 'all' } }
      return { action: 'stop', target, args: { 'x-cordon': { task_id: taskId } } }
    }
  }
}

/** Reads the body of a command about a local account. @throws DecodeError */
export function readAccount(actionType: AccountAction, body: JsonObject): AccountBody {
  const { target, args } = decodeWire(body, 'body')
  const own = args['x-cordon']
  const names = [target['er:account'], target['x-cordon:account'], target['x-cordon:session']].filter(
    (found) => found !== undefined,
  )
  const [found, ...more] = names
  if (found === undefined || more.length > 0) throw new DecodeError('body.target', 'one account')
  const undo = own.only_own === 'yes' || own.password === 'restore'
  return { actionType, account: found.account_name, taskId: own.task_id, undo }
}
