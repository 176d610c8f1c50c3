import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import test, { type TestContext } from 'node:test'
import { writeAccount } from '../../src/protocol/bodies/account.ts'
import { onEnd } from '../support/cleanup.ts'
import { makeCommand, sendCommand } from '../support/control-server.ts'
import { createEndpoint, waitForEnd as waitForExit } from '../support/endpoint.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { createSite, execute, readExecutions, setPolicy, undo } from '../support/site.ts'

let counter = 0

/** An account of this machine that only the test has; it goes with the test. */
function makeAccount(t: TestContext): string {
  counter += 1
  const name = `cdtest${process.pid}x${counter}`
  // Registered first: useradd may have got half way.
  onEnd(t, () => execFileSync('userdel', [name], { stdio: 'ignore' }))
  // A password hash that fits no password.
  execFileSync('useradd', ['--no-create-home', '--no-user-group', '--password', '$6$cordon$nothing', name])
  return name
}

function readShadow(name: string): string {
  return (
    readFileSync('/etc/shadow', 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`${name}:`)) ?? ''
  )
}

const fieldsOf = (name: string) => {
  const [, password = '', lastChange, , , , , expires] = readShadow(name).split(':')
  return { locked: password.startsWith('!'), lastChange, expires }
}

/** A site whose policy lets accounts of its host be acted on; undefined where there can be none. */
async function createTenantWithAccounts(t: TestContext): Promise<Tenant | undefined> {
  const site = await createSite(t)
  if (site === undefined) return undefined
  await setPolicy(site.tenant, 'localAccounts', { enabled: true })
  return site.tenant
}

test('without the switch of the tenant no action on accounts is supported', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { tenant } = site
  const responder = await tenant.as('responder')

  for (const actionType of ['disableUser', 'enableUser', 'forceUserPasswordReset', 'requireSignIn'] as const) {
    const responseAction = fittingAction(actionType, 'web-01\\alice') as never
    const id = await tenant.task(await tenant.incident(), { actionType, responseAction })
    const reply = await responder.post(`/beta/security/incidentTasks/${id}/executeResponseAction`)
    assert.equal(reply.status, 400)
    assert.equal(reply.body.error.message, `Currently ${actionType} is not supported`)
  }
})

test('an account is disabled and given back as it was, and while another task wants it disabled it stays so', async (t) => {
  const tenant = await createTenantWithAccounts(t)
  if (tenant === undefined) return
  const name = makeAccount(t)
  const before = readShadow(name)

  const first = await execute(tenant, 'disableUser', `WEB-01\\${name}`)
  const second = await execute(tenant, 'disableUser', `web-01\\${name}`)

  assert.deepEqual([first.task.actionStatus, second.task.actionStatus], ['completed', 'completed'])
  const { locked, expires } = fieldsOf(name)
  assert.deepEqual([locked, expires], [true, '1'])
  const [run] = await readExecutions(tenant, first.id)
  assert.equal(run.target.kind, 'user')
  assert.equal(run.result.proof.level, 'observed')

  const kept = await undo(tenant, first.id)

  assert.deepEqual(kept.result.after.heldByTasks, [second.id])
  assert.equal(fieldsOf(name).locked, true)

  await undo(tenant, second.id)

  assert.equal(readShadow(name), before)
})

test('an enableUser that is taken back gives the account back to the tasks that still want it disabled, in any order', async (t) => {
  const tenant = await createTenantWithAccounts(t)
  if (tenant === undefined) return
  const name = makeAccount(t)
  const before = readShadow(name)
  const disabled = await execute(tenant, 'disableUser', `web-01\\${name}`)
  const enabled = await execute(tenant, 'enableUser', `web-01\\${name}`, disabled.incidentId)
  assert.deepEqual([disabled.task.actionStatus, enabled.task.actionStatus], ['completed', 'completed'])
  assert.equal(readShadow(name), before)

  // Last in, first out: each undo restores what its task found.
  await undo(tenant, enabled.id)
  assert.deepEqual([fieldsOf(name).locked, fieldsOf(name).expires], [true, '1'])
  const last = await undo(tenant, disabled.id)

  assert.equal(last.result.changed, true)
  assert.equal(readShadow(name), before)

  const again = await execute(tenant, 'disableUser', `web-01\\${name}`)
  const between = await execute(tenant, 'enableUser', `web-01\\${name}`, again.incidentId)
  const nothing = await undo(tenant, again.id)
  const unwanted = await undo(tenant, between.id)

  // Nobody wants it disabled any more when the enableUser is taken back.
  assert.deepEqual([nothing.result.changed, unwanted.result.changed], [false, false])
  assert.equal(readShadow(name), before)

  const third = await execute(tenant, 'disableUser', `web-01\\${name}`)
  const release = await execute(tenant, 'enableUser', `web-01\\${name}`, third.incidentId)
  const fourth = await execute(tenant, 'disableUser', `web-01\\${name}`)
  await undo(tenant, release.id)
  const kept = await undo(tenant, fourth.id)

  // The third task has it back, so the end of the fourth does not open the account.
  assert.deepEqual(kept.result.after.heldByTasks, [third.id])
  assert.deepEqual(
    (await readExecutions(tenant, third.id)).map(({ holds }) => holds),
    [true],
  )
  assert.equal(fieldsOf(name).locked, true)

  await undo(tenant, third.id)

  assert.equal(readShadow(name), before)
})

test('an account that was disabled before stays disabled after undo, and nobody else’s lock is taken off', async (t) => {
  const tenant = await createTenantWithAccounts(t)
  if (tenant === undefined) return
  const name = makeAccount(t)
  execFileSync('usermod', ['--lock', '--expiredate', '1', name])
  const before = readShadow(name)

  const disabled = await execute(tenant, 'disableUser', `web-01\\${name}`)
  const [run] = await readExecutions(tenant, disabled.id)
  await undo(tenant, disabled.id)
  const enabled = await execute(tenant, 'enableUser', `web-01\\${name}`)

  assert.deepEqual([disabled.task.actionStatus, run.result.changed], ['completed', false])
  const [refused] = await readExecutions(tenant, enabled.id)
  assert.deepEqual([enabled.task.actionStatus, refused.reasonCode], ['failed', 'NotDisabledByUs'])
  assert.equal(readShadow(name), before)
})

test('a new password is asked for and no longer after undo; signing out ends every process', async (t) => {
  const tenant = await createTenantWithAccounts(t)
  if (tenant === undefined) return
  const name = makeAccount(t)
  const before = readShadow(name)
  const uid = Number(execFileSync('id', ['-u', name], { encoding: 'utf8' }))
  const session = spawn('/bin/sleep', ['300'], { uid, gid: 65_534, stdio: 'ignore' })
  onEnd(t, () => session.kill('SIGKILL'))
  const ended = once(session, 'exit')

  const reset = await execute(tenant, 'forceUserPasswordReset', `web-01\\${name}`)

  assert.equal(reset.task.actionStatus, 'completed')
  assert.equal(fieldsOf(name).lastChange, '0')

  await undo(tenant, reset.id)
  const signOut = await execute(tenant, 'requireSignIn', `web-01\\${name}`)
  await ended

  assert.equal(readShadow(name), before)
  assert.equal(signOut.task.actionStatus, 'completed')
  assert.equal(session.signalCode, 'SIGKILL')
})

test('root, accounts of nobody and accounts of a directory are left alone', async (t) => {
  const tenant = await createTenantWithAccounts(t)
  if (tenant === undefined) return
  const responder = await tenant.as('responder')
  const request = async (identifier: string) => {
    const responseAction = fittingAction('disableUser', identifier) as never
    const id = await tenant.task(await tenant.incident(), { actionType: 'disableUser', responseAction })
    return (await responder.post(`/beta/security/incidentTasks/${id}/executeResponseAction`)).body.error.innerError.code
  }

  assert.equal(await request('web-01\\root'), 'ProtectedTarget')
  assert.equal(await request('web-09\\alice'), 'TargetNotFound')
  assert.equal(await request('web-01\\--root'), 'TargetNotFound')
  const { id, task } = await execute(tenant, 'disableUser', 'web-01\\nobody-knows-me')

  const [run] = await readExecutions(tenant, id)
  assert.deepEqual([task.actionStatus, run.reasonCode], ['failed', 'AccountNotFound'])
})

test('an agent that is killed before it disables an account still knows how the account was', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const { control } = endpoint
  const name = makeAccount(t)
  const before = readShadow(name)
  const order = { account: name, taskId: 't1' }
  const disable = writeAccount({ ...order, actionType: 'disableUser', undo: false })
  sendCommand(control, makeCommand({ commandId: 'a1', seq: 1, family: 'account', body: disable }))
  const doomed = endpoint.startDoomed('after-account-recorded')
  assert.equal(await waitForExit(doomed), 'SIGKILL')
  assert.equal(readShadow(name), before)

  await endpoint.start()
  const disabled = await control.resultOf('a1')
  assert.equal(disabled.state, 'succeeded')
  assert.equal(disabled.before?.disabled, false)
  const enable = writeAccount({ ...order, actionType: 'enableUser', undo: true })
  sendCommand(control, makeCommand({ commandId: 'a2', seq: 2, family: 'account', body: enable }))
  const enabled = await control.resultOf('a2')

  assert.equal(enabled.state, 'succeeded')
  assert.equal(readShadow(name), before)
})
