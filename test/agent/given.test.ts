import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { readJournal } from '../../src/agent/journal.ts'
import { stateFiles } from '../../src/agent/state.ts'
import { writeSubmitIocRule } from '../../src/protocol/bodies/submitIocRule.ts'
import { waitUntil } from '../support/answers.ts'
import { type ControlServer, makeCommand, sendCommand } from '../support/control-server.ts'
import { createEndpoint, waitForEnd } from '../support/endpoint.ts'
import { stop } from '../support/netns.ts'

/** Orders a rule about an address of its own. */
function sendRule(control: ControlServer, commandId: string, seq: number): void {
  const indicator = { kind: 'ipv4' as const, value: `198.18.0.${seq}/32`, url: null }
  const rule = { ruleId: commandId, indicator, mode: 'block' as const, untilMs: Date.now() + 600_000 }
  const body = writeSubmitIocRule({ ...rule, withdraw: false, allowInfrastructure: false })
  sendCommand(control, makeCommand({ commandId, seq, family: 'ioc', body }))
}

test('an agent begins without asking what it is given, tells with its next poll, and answers once when killed', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const { control } = endpoint
  const asked = (id: string): boolean => control.acks.some(({ commandId }) => commandId === id)
  const answersTo = (id: string) => control.results.filter(({ commandId }) => commandId === id)
  const journal = join(endpoint.stateDirectory, stateFiles.journal)
  control.gives = true

  const failpoints = ['after-receive', 'after-begin', 'after-finish', 'after-result']
  for (const [at, failpoint] of failpoints.entries()) {
    await t.test(`killed ${failpoint}`, async () => {
      sendRule(control, failpoint, at + 1)
      assert.equal(await waitForEnd(endpoint.startDoomed(failpoint)), 'SIGKILL')
      const wanted = failpoint === 'after-result' ? 2 : 1

      const agent = await endpoint.start()
      await control.until('its answers', () => answersTo(failpoint).length === wanted)
      const [result, ...others] = answersTo(failpoint)

      assert.equal(result?.state, 'succeeded')
      assert.deepEqual(result?.before, { inForce: false })
      for (const other of others) assert.deepEqual(other, result)
      await waitUntil(
        async () => readJournal(journal).every(({ delivered }) => delivered),
        (isEmpty) => isEmpty,
        60,
      )
      await stop(agent, 'SIGTERM')
      assert.equal(answersTo(failpoint).length, wanted)
    })
  }

  await endpoint.start()
  sendRule(control, 'carried', 11)
  await control.resultOf('carried')
  control.refuseReports = true
  sendRule(control, 'refused', 12)
  await control.resultOf('refused')
  control.gives = false
  sendRule(control, 'asked', 13)
  await control.resultOf('asked')

  assert.ok(control.carried.includes('carried'))
  assert.ok(!control.carried.includes('refused') && !control.carried.includes('asked'))
  assert.deepEqual(['carried', 'refused', 'asked'].map(asked), [false, false, true])
})
