import type { AccountBody } from '../../../protocol/bodies/account.ts'
import type { JsonObject } from '../../../protocol/decode.ts'
import type { ProofCheck } from '../../../protocol/result.ts'
import { type ActionDeps, type ActionOrder, type ActionOutcome, describeFailure } from '../action.ts'
import { writeProof } from '../isolateDevice.ts'
import { readRecord, writeRecord } from './account-record.ts'
import { isDisabled, isLastAdmin, type LocalAccount, readAccount } from './local-account.ts'
import { endProcesses, listProcesses } from './sessions.ts'

/** What became of an account: what changed, and what was read back. */
interface Effect {
  readonly checks: readonly ProofCheck[]
  readonly after?: JsonObject
}

/** Why nothing may be done. */
interface Obstacle {
  readonly state: 'failed' | 'refused'
  readonly code: string
  readonly detail: string
}

/**
 * Does something to an account of this host. Only what we did is ever taken back: how the account was before stands in a record of our
 * own, with the tasks that want it disabled.
 * @source design actions.md 7.9 to 7.12
 */
export async function changeAccount(deps: ActionDeps, order: ActionOrder, body: AccountBody): Promise<ActionOutcome> {
  const account = readAccount(body.account)
  if (account === undefined) {
    const detail = `this host has no account ${body.account} of its own`
    return describeFailure('failed', 'AccountNotFound', detail, { before: null, after: null })
  }
  const before = order.resumedFrom ?? describeAccount(deps, account)
  const obstacle = findObstacle(deps, account, body)
  if (obstacle !== undefined)
    return describeFailure(obstacle.state, obstacle.code, obstacle.detail, { before, after: before })
  if (order.dryRun) {
    const target = { state: 'succeeded' as const, changed: false }
    const detail = `would carry out ${body.actionType} on ${account.name}`
    return { state: 'succeeded', target, code: 'DryRun', detail, before, after: before, proof: null }
  }
  if (order.resumedFrom === null) order.begin(before)
  const effect = await carryOut(deps, account, body)
  if ('code' in effect) return describeFailure(effect.state, effect.code, effect.detail, { before, after: null })
  const now = readAccount(body.account)
  const state = now === undefined ? {} : describeAccount(deps, now)
  const after: JsonObject = { ...state, ...effect.after }
  const missed = effect.checks.find(({ want, got }) => want !== 'any' && want !== got)
  if (missed !== undefined) {
    const detail = `${missed.name} is ${missed.got} instead of ${missed.want}`
    return describeFailure('failed', 'NotEffective', detail, { before, after })
  }
  const changed = JSON.stringify(before) !== JSON.stringify(state)
  const proof = { ...writeProof(deps, after, effect.checks), method: 'account-read-back' }
  const target = { state: changed ? ('succeeded' as const) : ('already' as const), changed }
  return { state: 'succeeded', target, code: null, detail: null, before, after, proof }
}

function findObstacle(deps: ActionDeps, account: LocalAccount, body: AccountBody): Obstacle | undefined {
  const { actionType, undo } = body
  if (account.uid === 0 || account.uid === process.getuid?.()) {
    return { state: 'refused', code: 'Protected', detail: `${account.name} is root, or the account of the agent` }
  }
  const nowMs = deps.clock.nowMs()
  if (actionType === 'disableUser' && isLastAdmin(account.name, nowMs)) {
    return { state: 'refused', code: 'Protected', detail: `${account.name} is the last account that may become root` }
  }
  const record = readRecord(deps.state, account)
  if (actionType === 'enableUser' && record.disabled === null && isDisabled(account, nowMs)) {
    return { state: 'failed', code: 'NotDisabledByUs', detail: `${account.name} was disabled by somebody else` }
  }
  if (actionType === 'forceUserPasswordReset' && !undo && !account.hasPassword) {
    return {
      state: 'failed',
      code: 'NoPassword',
      detail: `${account.name} has no password; its keys would go on working`,
    }
  }
  return undefined
}

function carryOut(deps: ActionDeps, account: LocalAccount, body: AccountBody): Promise<Effect | Obstacle> {
  switch (body.actionType) {
    case 'disableUser':
      return body.undo ? disableAgain(deps, account, body.taskId) : disable(deps, account, [body.taskId])
    case 'enableUser':
      return enable(deps, account, body)
    case 'forceUserPasswordReset':
      return body.undo ? takeResetBack(deps, account) : forceReset(deps, account)
    case 'requireSignIn':
      return endSessions(deps, account)
  }
}

// The lock alone would leave keys and su working; the date alone would leave the password.
async function disable(
  deps: ActionDeps,
  account: LocalAccount,
  wantedBy: readonly string[],
): Promise<Effect | Obstacle> {
  const record = readRecord(deps.state, account)
  const { locked, expires, tasks } = record.disabled ?? { locked: account.locked, expires: account.expires, tasks: [] }
  const all = [...new Set([...tasks, ...wantedBy])]
  writeRecord(deps.state, { ...record, disabled: { locked, expires, tasks: all } })
  deps.failpoint('after-account-recorded')
  if (!isDisabled(account, deps.clock.nowMs())) {
    const failure = await run(deps, 'usermod', ['--lock', '--expiredate', '1', account.name])
    if (failure !== undefined) return failure
  }
  const now = readAccount(account.name)
  return {
    checks: [
      { name: 'password', want: 'locked', got: now?.locked === true ? 'locked' : 'usable' },
      { name: 'login', want: 'over', got: now !== undefined && isDisabled(now, deps.clock.nowMs()) ? 'over' : 'open' },
      { name: 'processes', want: 'any', got: `${listProcesses(account.uid).length} go on` },
    ],
  }
}

/** Takes an enableUser back: for the tasks that had the account disabled, as far as they still want it. */
async function disableAgain(deps: ActionDeps, account: LocalAccount, taskId: string): Promise<Effect | Obstacle> {
  const { released = [] } = readRecord(deps.state, account)
  const wantedBy = released.filter((one) => one.taskId === taskId).flatMap(({ tasks }) => tasks)
  if (wantedBy.length === 0) {
    const got = 'none wants the account disabled any more'
    return { checks: [{ name: 'tasks', want: 'any', got }], after: { wantedByTasks: [] } }
  }
  const effect = await disable(deps, account, wantedBy)
  if ('code' in effect) return effect
  const record = readRecord(deps.state, account)
  writeRecord(deps.state, { ...record, released: released.filter((one) => one.taskId !== taskId) })
  return effect
}

async function enable(
  deps: ActionDeps,
  account: LocalAccount,
  { taskId, undo }: AccountBody,
): Promise<Effect | Obstacle> {
  if (undo) withdrawTask(deps, account, taskId)
  const record = readRecord(deps.state, account)
  if (record.disabled === null) return { checks: [{ name: 'login', want: 'open', got: 'open' }] }
  const { locked, expires, tasks } = record.disabled
  const others = undo ? tasks.filter((task) => task !== taskId) : []
  if (others.length > 0) {
    writeRecord(deps.state, { ...record, disabled: { ...record.disabled, tasks: others } })
    const got = `${others.length}: the account stays disabled for them`
    return { checks: [{ name: 'otherTasks', want: 'any', got }], after: { heldByTasks: others } }
  }
  if (account.locked && !locked) {
    const failure = await run(deps, 'usermod', ['--unlock', account.name])
    if (failure !== undefined) return failure
  }
  if (account.expires !== expires) {
    const failure = await run(deps, 'chage', ['--expiredate', expires === '' ? '-1' : expires, account.name])
    if (failure !== undefined) return failure
  }
  const now = readAccount(account.name)
  const kept = (record.released ?? []).filter((one) => one.taskId !== taskId)
  writeRecord(deps.state, { ...record, disabled: null, released: undo ? kept : [...kept, { taskId, tasks }] })
  const was = locked ? 'locked' : 'usable'
  return {
    checks: [
      { name: 'password', want: was, got: now?.locked === true ? 'locked' : 'usable' },
      {
        name: 'expires',
        want: expires === '' ? 'never' : expires,
        got: now?.expires === '' ? 'never' : (now?.expires ?? ''),
      },
    ],
    after: { asBefore: true },
  }
}

/** A task that no longer wants the account disabled does not get it back when the enableUser that came in between is undone. */
function withdrawTask(deps: ActionDeps, account: LocalAccount, taskId: string): void {
  const { released = [], ...record } = readRecord(deps.state, account)
  const left = released.map((one) => ({ ...one, tasks: one.tasks.filter((task) => task !== taskId) }))
  if (released.length > 0) writeRecord(deps.state, { ...record, released: left })
}

async function forceReset(deps: ActionDeps, account: LocalAccount): Promise<Effect | Obstacle> {
  const record = readRecord(deps.state, account)
  writeRecord(deps.state, { ...record, lastChange: record.lastChange ?? account.lastChange })
  deps.failpoint('after-account-recorded')
  const failure = await run(deps, 'chage', ['--lastday', '0', account.name])
  if (failure !== undefined) return failure
  const got = readAccount(account.name)?.lastChange === '0' ? 'asked for' : 'not asked for'
  return { checks: [{ name: 'newPassword', want: 'asked for', got }] }
}

async function takeResetBack(deps: ActionDeps, account: LocalAccount): Promise<Effect | Obstacle> {
  const record = readRecord(deps.state, account)
  // Whoever has chosen a new password meanwhile has done what was asked.
  if (record.lastChange !== null && account.lastChange === '0') {
    const failure = await run(deps, 'chage', [
      '--lastday',
      record.lastChange === '' ? '-1' : record.lastChange,
      account.name,
    ])
    if (failure !== undefined) return failure
  }
  const now = readAccount(account.name)?.lastChange
  writeRecord(deps.state, { ...record, lastChange: null })
  const open = now === '0' && record.lastChange !== '0'
  return { checks: [{ name: 'newPassword', want: 'not asked for', got: open ? 'asked for' : 'not asked for' }] }
}

async function endSessions(deps: ActionDeps, { name, uid }: LocalAccount): Promise<Effect> {
  // Without logind there are no sessions it could end; the processes tell.
  await deps.run('loginctl', ['terminate-user', name])
  const left = await endProcesses(uid, deps.sleep)
  return { checks: [{ name: 'processes', want: '0', got: String(left.length) }], after: { signedOut: true } }
}

async function run(
  deps: ActionDeps,
  program: 'usermod' | 'chage',
  args: readonly string[],
): Promise<Obstacle | undefined> {
  const { code, stderr } = await deps.run(program, args)
  if (code === 0) return undefined
  return { state: 'failed', code: 'AccountToolFailed', detail: `${program}: ${stderr.trim().slice(0, 300)}` }
}

function describeAccount(deps: ActionDeps, account: LocalAccount): JsonObject {
  const { name, uid, locked, expires, lastChange } = account
  const processes = listProcesses(uid).length
  const disabled = isDisabled(account, deps.clock.nowMs())
  return { account: name, uid, disabled, locked, expires, mustChangePassword: lastChange === '0', processes }
}
