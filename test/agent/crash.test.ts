import assert from 'node:assert/strict'
import test from 'node:test'
import { createEndpoint, waitForEnd } from '../support/endpoint.ts'
import { stop } from '../support/netns.ts'

const failpoints = [
  'after-receive',
  'after-acknowledge',
  'after-begin',
  'before-apply',
  'after-apply',
  'after-self-test',
  'after-finish',
  'after-result',
]

test('an agent killed at any step answers for its command once, with the truth', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const { control } = endpoint

  for (const failpoint of failpoints) {
    await t.test(`killed ${failpoint}`, async () => {
      const doomed = endpoint.startDoomed(failpoint)
      endpoint.sendIsolate(failpoint)
      assert.equal(await waitForEnd(doomed), 'SIGKILL')
      const { v4: openAfterKill } = await endpoint.reachesInternet()

      const agent = await endpoint.start()
      const listAnswers = () => control.results.filter(({ commandId }) => commandId === failpoint)
      const wanted = failpoint === 'after-result' ? 2 : 1
      await control.until('its answers', () => listAnswers().length >= wanted)
      const result = await control.resultOf(failpoint)

      assert.equal(result.state, 'succeeded')
      assert.deepEqual(result.before, { isolated: false })
      assert.equal(result.targets[0]?.changed, true)
      assert.equal(result.proof?.level, 'observed')
      assert.deepEqual(await endpoint.reachesInternet(), { v4: false, v6: false })
      assert.equal(openAfterKill, failpoints.indexOf(failpoint) < failpoints.indexOf('after-apply'))
      await endpoint.release(`${failpoint}-undo`)
      await stop(agent, 'SIGTERM')
      const answers = listAnswers()
      for (const answer of answers) assert.deepEqual(answer, result)
      assert.equal(answers.length, wanted)
      assert.equal(await endpoint.lab.listRuleset(endpoint.lab.endpoint), '')
    })
  }
})

test('an agent killed while it releases ends released', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const { control } = endpoint
  const first = await endpoint.start()
  await endpoint.isolate('c1')
  await stop(first, 'SIGTERM')

  const doomed = endpoint.startDoomed('after-release')
  const answer = endpoint.release('c2')
  await waitForEnd(doomed)
  await endpoint.start()
  const result = await answer

  assert.equal(result.state, 'succeeded')
  assert.equal(result.before?.isolated, true)
  assert.equal(result.targets[0]?.changed, true)
  assert.equal(control.results.filter(({ commandId }) => commandId === 'c2').length, 1)
  assert.equal(await endpoint.lab.listRuleset(endpoint.lab.endpoint), '')
})

test('a second agent on the same state directory does not start', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  await endpoint.start()

  const second = await endpoint.agent('run', '--once', '--state', endpoint.stateDirectory)

  assert.notEqual(second.code, 0)
  assert.match(second.stderr, /already runs/)
})
