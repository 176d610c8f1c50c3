import type { Clock } from '../../../io/clock.ts'
import { actionKinds } from '../../../model/actions.ts'
import type { ConfiguredConnector, Failure, OpenSecrets, Order, Progress } from '../../connector.ts'
import { decide, describeAccount, prove, type Restore, readValue, type Seen } from './account.ts'
import type { Session } from './client.ts'
import { type Directories, isOwnAccount, readAccount } from './directory.ts'
import { DirectoryProblem } from './problem.ts'

/** Where a connector writes down what it found before its first effect: a directory keeps no record of orders. */
export interface Journal {
  /** What was written for an execution; undefined: nothing. */
  read(tenantId: string, executionId: string): Promise<unknown>
  write(tenantId: string, executionId: string, found: object): Promise<void>
}

/** What carrying orders out needs. */
export interface OrderDeps {
  readonly clock: Clock
  readonly directories: Directories
  readonly open: OpenSecrets
  readonly list: (tenantId: string) => Promise<readonly ConfiguredConnector[]>
  readonly journal: Journal
  /** Executions of other tasks that want the account to stay as it is, the oldest first. */
  readonly findOtherHolds: (order: Order, family: string) => Promise<readonly Hold[]>
}

/** Another task's claim on an account. */
export interface Hold {
  readonly taskId: string
  readonly executionId: string
}

/** What is written down before an effect. */
interface Found {
  readonly before: Readonly<Record<string, unknown>>
  /** What an undo puts back: the value from before the first of all tasks that hold the account. */
  readonly restore: string | null
  /** False: it was as wanted already. */
  readonly changed: boolean
}

/** How often a value that somebody else changes is read and decided anew. */
const maxTries = 4

/** The key of an account: the connector that finds it and its entryUUID, which no rename changes. */
export function writeKey(connectorId: string, accountId: string): string {
  return `ldap:${connectorId}:${accountId}`
}

/** Does what is ordered: once, however often it is called. */
export async function startOrder(deps: OrderDeps, order: Order): Promise<Progress> {
  return inDirectory(deps, order, async (session, id): Promise<Progress> => {
    const holds = isAccountUndo(order) ? await deps.findOtherHolds(order, actionKinds[order.actionType].family) : []
    for (let tries = 0; tries < maxTries; tries++) {
      const seen = await readAccount(session, id)
      if (isOwnAccount(session, seen.account)) return refuseOwn(seen)
      if (holds.length > 0) return keepForOthers(deps, order, seen, holds)
      const decision = decide(order.actionType, seen, readRestore(order))
      if (decision.do === 'refuse') return { outcome: 'refused', code: decision.code, detail: decision.detail }
      const found = await noteFound(deps, order, seen, decision.do === 'exchange')
      if (decision.do === 'nothing') return describeDone(deps, order, seen, found, decision.note)
      if (deps.clock.now() > order.notAfter) return { outcome: 'expired' }
      const { attribute, from, to } = decision
      // The next turn reads what stands there now, also after our own write: that is the proof of it.
      await session.exchange(seen.account.dn, attribute, from, to)
    }
    const detail = 'Somebody else changes the account at the same time.'
    return { outcome: 'failure', failureClass: 'transient', code: 'Contended', detail }
  })
}

/** Finds out by reading what became of an order; null when its effect is not there. */
export async function attachOrder(deps: OrderDeps, order: Order): Promise<Progress | null> {
  const found = readFound(await deps.journal.read(order.tenantId, order.executionId))
  if (found === null) return null
  const progress = await inDirectory(deps, order, async (session, id) => {
    const seen = await readAccount(session, id)
    const decision = decide(order.actionType, seen, readRestore(order))
    return decision.do === 'nothing' ? describeDone(deps, order, seen, found, decision.note) : null
  })
  // Something was begun, so that whoever cannot read the account now does not know.
  return progress?.outcome === 'failure' ? { ...progress, failureClass: 'ambiguous' } : progress
}

/** Runs work on the account of an order; what goes wrong is a classified failure. */
async function inDirectory<T>(
  deps: OrderDeps,
  order: Order,
  work: (session: Session, accountId: string) => Promise<T>,
): Promise<T | Failure> {
  const [, connectorId = '', accountId = ''] = order.target.key.split(':')
  const connector = (await deps.list(order.tenantId)).find(({ id }) => id === connectorId)
  if (connector === undefined) {
    const detail = `The directory that knows ${order.target.displayName} is no longer configured.`
    return { outcome: 'failure', failureClass: 'permanent', code: 'NoExecutor', detail }
  }
  try {
    return await deps.directories.ask(connector, deps.open, (session) => work(session, accountId))
  } catch (cause) {
    if (!(cause instanceof DirectoryProblem)) throw cause
    const { failureClass, code, detail, fix } = cause.facts
    return { outcome: 'failure', failureClass, code, detail: `Connector '${connector.name}': ${detail} ${fix}` }
  }
}

/** Writes down how the account was found, unless the effect is there already and an earlier try wrote it. */
async function noteFound(deps: OrderDeps, order: Order, { account }: Seen, changes: boolean): Promise<Found> {
  const { tenantId, executionId, actionType } = order
  const earlier = readFound(await deps.journal.read(tenantId, executionId))
  if (earlier !== null && !changes) return earlier
  const value = readValue(actionType, account)
  const restore = changes ? value : await readFirstRestore(deps, order, value)
  const found: Found = { before: { ...describeAccount(account), restore }, restore, changed: changes }
  await deps.journal.write(tenantId, executionId, found)
  return found
}

/** What stood there before the first task that holds the account disabled; its own value when none of ours did that. */
async function readFirstRestore(deps: OrderDeps, order: Order, value: string | null): Promise<string | null> {
  if (order.actionType !== 'disableUser') return value
  for (const hold of await deps.findOtherHolds(order, actionKinds[order.actionType].family)) {
    const found = readFound(await deps.journal.read(order.tenantId, hold.executionId))
    if (found !== null) return found.restore
  }
  return value
}

function describeDone(
  deps: OrderDeps,
  { actionType }: Order,
  seen: Seen,
  { before, changed }: Found,
  note: string | null,
): Progress {
  const state = describeAccount(seen.account)
  return {
    outcome: 'done',
    changed,
    before,
    after: note === null ? state : { ...state, note },
    // As it was decided: what is left as it is counts as wanted.
    proof: prove(actionType, seen, readValue(actionType, seen.account), deps.clock.now()),
  }
}

/** An undo drops its own hold only: while another task wants the account disabled it stays so, and the outcome says for whom. */
function keepForOthers(deps: OrderDeps, { actionType }: Order, seen: Seen, holds: readonly Hold[]): Progress {
  const state = describeAccount(seen.account)
  return {
    outcome: 'done',
    changed: false,
    before: state,
    after: { ...state, heldByTasks: holds.map(({ taskId }) => taskId) },
    proof: prove(actionType, seen, readValue(actionType, seen.account), deps.clock.now()),
  }
}

function refuseOwn({ account }: Seen): Progress {
  const detail = `${account.dn} is the account this connector itself binds as; without it nothing could be taken back.`
  return { outcome: 'refused', code: 'ProtectedTarget', detail }
}

function isAccountUndo(order: Order): boolean {
  return order.actionType === 'enableUser' && readRestore(order) !== null
}

function readRestore({ parameters: { restore } }: Order): Restore | null {
  if (typeof restore !== 'object' || restore === null || !('value' in restore)) return null
  return { value: typeof restore.value === 'string' ? restore.value : null }
}

function readFound(value: unknown): Found | null {
  if (typeof value !== 'object' || value === null) return null
  if (!('before' in value && 'restore' in value && 'changed' in value)) return null
  const { before, restore, changed } = value
  if (typeof before !== 'object' || before === null || typeof changed !== 'boolean') return null
  return { before: { ...before }, restore: typeof restore === 'string' ? restore : null, changed }
}
