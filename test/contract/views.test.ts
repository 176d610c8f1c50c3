import assert from 'node:assert/strict'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const path = '/api/v1/views'
const high = { screen: 'incidents', name: 'High', query: 'severity=high' }

tenantTestOnEach('a view is its owner’s alone until it is shared, and only they change it', async (tenant) => {
  const [ada, bo] = [await tenant.as('responder'), await tenant.as('expert')]

  const made = await ada.post(path, high)
  const unseen = await bo.get(path)
  const foreign = await bo.send('PUT', `${path}/${made.body.id}`, JSON.stringify(high), json)
  const shared = await ada.send('PUT', `${path}/${made.body.id}`, JSON.stringify({ ...high, shared: true }), json)
  const seen = await bo.get(path)
  const taken = await bo.send('DELETE', `${path}/${made.body.id}`)
  const removed = await ada.send('DELETE', `${path}/${made.body.id}`)

  assert.deepEqual([made.status, made.body.own, made.body.shared], [201, true, false], made.text)
  assert.deepEqual([unseen.body.value, foreign.status], [[], 404])
  assert.deepEqual([shared.status, shared.body.shared], [200, true])
  assert.deepEqual(
    seen.body.value.map(({ name, own }: { name: string; own: boolean }) => [name, own]),
    [['High', false]],
  )
  assert.deepEqual([taken.status, removed.status], [403, 204])
  assert.deepEqual((await ada.get(path)).body.value, [])
})

tenantTestOnEach('a role begins with one shared view, which an admin names', async (tenant) => {
  const [admin, expert] = [await tenant.as('admin'), await tenant.as('expert')]
  const beginning = { ...high, shared: true, defaultFor: ['reader', 'responder'] }

  const first = await admin.post(path, beginning)
  const second = await admin.post(path, { ...beginning, name: 'Other', defaultFor: ['reader'] })
  const byExpert = await expert.post(path, beginning)
  const unshared = await admin.post(path, { ...beginning, shared: false })
  const hiding = await admin.post(path, { ...beginning, query: 'status=active' })
  const showing = await admin.post(path, { ...beginning, name: 'Both', query: 'status=active&status=awaitingAction' })

  const tasks = { ...beginning, screen: 'tasks', name: 'Tasks', query: '', defaultFor: ['approver'] }
  const forTasks = await admin.post(path, tasks)
  const running = await admin.post(path, { ...tasks, query: 'tab=running' })

  assert.deepEqual([forTasks.status, running.status, running.body.error.target], [201, 400, 'query'])
  assert.deepEqual([first.status, second.status, byExpert.status], [201, 201, 403])
  assert.deepEqual([unshared.status, hiding.status, showing.status], [400, 400, 201])
  const { body } = await expert.get(path)
  assert.deepEqual(
    body.value.map(({ screen, name, defaultFor }: { screen: string; name: string; defaultFor: string[] }) => [
      screen,
      name,
      defaultFor,
    ]),
    [
      ['incidents', 'Both', ['reader', 'responder']],
      ['incidents', 'High', []],
      ['incidents', 'Other', []],
      ['tasks', 'Tasks', ['approver']],
    ],
  )
})

tenantTest('a reader keeps views and shares none; what is no search part, list or name is refused', async (tenant) => {
  const reader = await tenant.as('reader')
  const bad: [body: object, target: string][] = [
    [{ ...high, screen: 'secrets' }, 'screen'],
    [{ ...high, name: '' }, 'name'],
    [{ ...high, query: 'q=a b' }, 'query'],
    [{ ...high, query: `q=${'x'.repeat(2_000)}` }, 'query'],
    [{ ...high, defaultFor: ['owner'] }, 'defaultFor[0]'],
  ]

  assert.equal((await reader.post(path, high)).status, 201)
  assert.equal((await reader.post(path, { ...high, shared: true })).status, 403)
  for (const [body, target] of bad) {
    const answer = await reader.post(path, body)
    assert.deepEqual([answer.status, answer.body.error.target], [400, target], answer.text)
  }
})

const json = { 'Content-Type': 'application/json' }
