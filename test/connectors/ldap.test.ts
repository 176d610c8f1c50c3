import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertError, waitUntil } from '../support/answers.ts'
import { dnOf } from '../support/slapd.ts'
import { startWorld } from './ldap-world.ts'

const lock = (uid: string, value: string): string =>
  `dn: ${dnOf(uid)}\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: ${value}\n`

test('a user who is disabled by a task cannot bind, and can again after its undo', async (t) => {
  const { directory, responder, ...world } = await startWorld(t)
  assert.ok((await directory.bind('ada', 'ada-password')).ok)

  const taskId = await world.carryOut('disableUser', 'ada@example.org')

  const execution = await world.reached(taskId, 'succeeded')
  assert.match((await directory.bind('ada', 'ada-password')).said, /Account locked/)
  assert.ok((await directory.bind('bob', 'bob-password')).ok)
  assert.equal((await responder.get(`/beta/security/incidentTasks/${taskId}`)).body.actionStatus, 'completed')
  assert.equal(execution.connector, 'ldap')
  assert.equal(execution.result.changed, true)
  assert.equal(execution.result.before.disabled, false)
  assert.equal(execution.result.proof.level, 'observed')
  assert.deepEqual(execution.result.proof.checks, [
    { name: 'pwdAccountLockedTime', want: '000001010000Z', got: '000001010000Z' },
    { name: 'pwdLockout of cn=default,ou=policies,dc=example,dc=org', want: 'TRUE', got: 'TRUE' },
  ])

  assert.equal((await world.undo(taskId)).status, 202)
  await world.reached(taskId, 'succeeded')

  assert.ok((await directory.bind('ada', 'ada-password')).ok)
  assert.equal((await directory.read('ada')).pwdAccountLockedTime, undefined)
})

test('an account that was disabled before stays disabled after the undo', async (t) => {
  const { directory, ...world } = await startWorld(t)
  await directory.change(lock('ada', '000001010000Z'))

  const taskId = await world.carryOut('disableUser', 'ada')
  assert.equal((await world.reached(taskId, 'succeeded')).result.changed, false)
  await world.undo(taskId)
  const undone = await world.reached(taskId, 'succeeded')

  assert.equal(undone.kind, 'undo')
  assert.match(undone.result.after.note, /disabled before/)
  assert.equal((await directory.bind('ada', 'ada-password')).ok, false)
})

test('a lock after failed sign-ins comes back with the undo, and enableUser leaves it alone', async (t) => {
  const { directory, ...world } = await startWorld(t)
  await directory.change(lock('ada', '20990101000000Z'))

  const taskId = await world.carryOut('disableUser', 'ada')
  assert.equal((await directory.read('ada')).pwdAccountLockedTime, '000001010000Z')
  await world.undo(taskId)
  await world.reached(taskId, 'succeeded')
  assert.equal((await directory.read('ada')).pwdAccountLockedTime, '20990101000000Z')

  await world.carryOut('enableUser', 'ada')
  assert.equal((await directory.read('ada')).pwdAccountLockedTime, '20990101000000Z')
})

test('two tasks hold one account: it is enabled when the last of them is undone, whichever that is', async (t) => {
  const { directory, ...world } = await startWorld(t)
  for (const firstUndone of [0, 1]) {
    const tasks = [await world.carryOut('disableUser', 'ada'), await world.carryOut('disableUser', 'ada')]
    const [one = '', other = ''] = firstUndone === 0 ? tasks : tasks.toReversed()

    await world.undo(one)
    const kept = await world.reached(one, 'succeeded')
    assert.deepEqual(kept.result.after.heldByTasks, [other])
    assert.equal((await directory.bind('ada', 'ada-password')).ok, false)

    await world.undo(other)
    await world.reached(other, 'succeeded')
    assert.ok((await directory.bind('ada', 'ada-password')).ok)
  }
})

test('a user who has to choose a new password is told so, and no longer after the undo', async (t) => {
  const { directory, ...world } = await startWorld(t)

  const taskId = await world.carryOut('forceUserPasswordReset', 'ada')
  assert.match((await directory.bind('ada', 'ada-password')).said, /Password must be changed/)
  assert.equal((await world.undo(taskId)).status, 202)
  await world.reached(taskId, 'succeeded')

  assert.doesNotMatch((await directory.bind('ada', 'ada-password')).said, /must be changed/)
  assert.equal((await directory.read('ada')).pwdReset, undefined)
})

test('enableUser enables, and its undo disables again', async (t) => {
  const { directory, ...world } = await startWorld(t)
  await directory.change(lock('ada', '000001010000Z'))

  const taskId = await world.carryOut('enableUser', 'ada')
  assert.ok((await directory.bind('ada', 'ada-password')).ok)
  await world.undo(taskId)
  await world.reached(taskId, 'succeeded')

  assert.equal((await directory.bind('ada', 'ada-password')).ok, false)
})

test('where the policy makes a lock count for nothing, nothing is claimed to be locked', async (t) => {
  const world = await startWorld(t, { policy: ['pwdLockout: FALSE'] })
  const taskId = await world.task('disableUser', 'ada')

  const preview = await world.responder.post(`/api/v1/tasks/${taskId}/preview`)
  await world.execute(taskId)
  const execution = await world.reached(taskId, 'refused')

  assert.equal(preview.body.target.state.wouldRefuse.code, 'LockHasNoEffect')
  assert.equal(execution.reasonCode, 'LockHasNoEffect')
  assert.match(execution.reason, /pwdLockout TRUE/)
  assert.equal((await world.directory.read('ada')).pwdAccountLockedTime, undefined)
})

test('what is asked about a user is one entry, whatever the name holds', async (t) => {
  const world = await startWorld(t, { users: ['ada', 'bob', 'b*b', 'x)(uid=ada'] })
  await world.directory.change(`dn: ${dnOf('bob')}\nchangetype: modify\nreplace: mail\nmail: ada\n`)

  const answers: Record<string, unknown> = {}
  for (const name of ['*', 'a*', 'ada)(uid=*', '\\2a', 'nobody', 'ada', 'ada\u0000', 'dc=example,dc=org']) {
    const { body, status } = await world.execute(await world.task('disableUser', name))
    answers[name] = status === 204 ? 204 : body.error.innerError.code
  }
  const starred = await world.carryOut('disableUser', 'b*b')
  const bracketed = await world.carryOut('disableUser', 'x)(uid=ada')

  const { ada, ...others } = answers
  assert.equal(ada, 'AmbiguousTarget')
  assert.deepEqual(new Set(Object.values(others)), new Set(['TargetNotFound']))
  assert.equal((await world.directory.bind('bob', 'bob-password')).ok, true)
  assert.equal((await world.directory.bind('ada', 'ada-password')).ok, true)
  assert.equal((await world.reached(starred, 'succeeded')).target.displayName, 'b*b')
  assert.equal((await world.reached(bracketed, 'succeeded')).target.displayName, 'x)(uid=ada')
})

test('the account Cordon binds as is protected, and so is whom the policy names', async (t) => {
  const world = await startWorld(t, {
    settings: () => ({ baseDn: 'dc=example,dc=org', loginAttributes: ['uid', 'cn'] }),
    users: ['ada', 'root'],
  })
  const policy = (await world.admin.get('/api/v1/policies')).body
  const rule = {
    name: 'board',
    ids: [],
    names: ['ada@*', 'uid=ada,*'],
    tags: [],
    actionTypes: null,
    reason: 'Ask first.',
  }
  const headers = { 'If-Match': '*', 'Content-Type': 'application/json' }
  const changed = JSON.stringify({ ...policy, protectedAssets: [rule] })
  assert.equal((await world.admin.send('PUT', '/api/v1/policies', changed, headers)).status, 200)

  for (const name of ['cordon', 'ada', 'root']) {
    assertError(await world.execute(await world.task('disableUser', name)), 403, { inner: 'ProtectedTarget' })
  }
})

test('a preview says how the account stands and has no effect', async (t) => {
  const world = await startWorld(t)

  const preview = await world.responder.post(`/api/v1/tasks/${await world.task('disableUser', 'ada')}/preview`)

  const { target, reversible, answer, connections } = preview.body
  assert.deepEqual(answer, { accepted: true, state: 'queued' })
  assert.equal(target.already, false)
  assert.equal(target.state.disabled, false)
  assert.deepEqual(reversible, { possible: true, how: 'enableUser' })
  assert.match(connections.reason, /stays open/)
  assert.ok((await world.directory.bind('ada', 'ada-password')).ok)
})

test('a directory that is down while an action is asked for and carried out is waited for', async (t) => {
  const world = await startWorld(t)
  const taskId = await world.task('disableUser', 'ada')
  await world.directory.kill()
  assertError(await world.execute(taskId), 503)
  await world.directory.start()
  // The kill switch keeps it queued, so that the directory goes away between the request and the order.
  await world.admin.post('/api/v1/dispatch/pause', { reason: 'the test wants time' })
  assert.equal((await world.execute(taskId)).status, 204)
  await world.directory.kill()
  await world.admin.post('/api/v1/dispatch/resume')
  await waitUntil(
    () => world.responder.get(`/api/v1/tasks/${taskId}/executions`),
    ({ body }) => body.value[0].state === 'queued' && body.value[0].reasonCode === 'Unreachable',
  )

  await world.directory.start()
  const execution = await world.reached(taskId, 'succeeded')

  assert.equal(execution.result.changed, true)
  assert.equal((await world.directory.bind('ada', 'ada-password')).ok, false)
})

test('without a connector that can do it disableUser is not supported', async (t) => {
  const world = await startWorld(t)
  const path = `/api/v1/connectors/${world.connectorId}`
  assert.equal((await world.admin.send('DELETE', path)).status, 204)

  assertError(await world.execute(await world.task('disableUser', 'ada')), 400, {
    message: 'Currently disableUser is not supported',
    inner: 'UnsupportedActionType',
  })
})
