import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { writeIsolateDevice } from '../../src/protocol/body.ts'
import { type Command, signCommand } from '../../src/protocol/command.ts'
import { formatInstant } from '../../src/protocol/instants.ts'
import { makeKeyPair, readPrivateKey } from '../../src/protocol/jws.ts'
import { makeCommand } from '../support/control-server.ts'
import { createEndpoint } from '../support/endpoint.ts'
import { stop } from '../support/netns.ts'

const body = writeIsolateDevice({ deviceId: 'd-77', durationMs: undefined, permitted: undefined })
const anHour = 3_600_000

test('a command that must not be done is refused with its code and without effect', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  // Nothing is mounted there, so this host cannot guard programs.
  await writeFile(join(endpoint.stateDirectory, 'agent.conf'), 'guard = /no/such/mount\n')
  await endpoint.start()
  const { control, lab } = endpoint
  const foreignKey = readPrivateKey(makeKeyPair().privateKeyPem)
  const past = { notBefore: formatInstant(Date.now() - 2 * anHour), notAfter: formatInstant(Date.now() - anHour) }
  const future = { notBefore: formatInstant(Date.now() + anHour), notAfter: formatInstant(Date.now() + 2 * anHour) }
  const restriction = {
    action: 'contain',
    target: { device: { device_id: 'd-77' } },
    args: { er: { device_containment: 'app_restriction' } },
  }
  const approvals = { required: 1, count: 0, digest: `sha256:${'0'.repeat(64)}` }
  const cases: [string, string, string, Partial<Command>][] = [
    ['forged', 'BadSignature', 'refused', {}],
    ['wrong-device', 'WrongDevice', 'refused', { deviceId: 'd-78' }],
    ['wrong-version', 'BadVersion', 'refused', { v: 2 }],
    ['too-late', 'Expired', 'expired', past],
    ['too-early', 'Expired', 'expired', future],
    ['foreign-body', 'BadCommand', 'refused', { body: { ...body, target: { device: { device_id: 'd-78' } } } }],
    ['wrong-family', 'BadCommand', 'refused', { family: 'scan' }],
    ['unknown-body', 'BadCommand', 'refused', { body: { action: 'shell', target: {}, args: {} } }],
    ['not-approved', 'NotApproved', 'refused', { approvals }],
    ['not-possible', 'Unsupported', 'refused', { family: 'restriction', body: restriction }],
  ]

  for (const [index, [commandId, code, state, changes]] of cases.entries()) {
    await t.test(`${commandId} is answered ${code}`, async () => {
      const command = makeCommand({ commandId, seq: index + 10, body, ...changes })
      const key = commandId === 'forged' ? foreignKey : control.commandKey
      control.queue(signCommand(key, 'cmd-1', command), commandId)

      const result = await control.resultOf(commandId)

      assert.equal(result.state, state)
      assert.equal(result.targets[0]?.code, code)
      assert.equal(result.targets[0]?.changed, false)
      assert.equal(await lab.listRuleset(lab.endpoint), '')
    })
  }
  await control.until('tamper report', () =>
    control.heartbeats.some(({ tamper }) => tamper.some(({ kind }) => kind === 'BadSignature')),
  )
})

test('a command delivered twice is done once and answered with the stored result', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  await endpoint.start()
  const { control } = endpoint
  const jws = signCommand(control.commandKey, 'cmd-1', makeCommand({ commandId: 'c1', seq: 1, body }))
  control.queue(jws, 'c1')
  await control.resultOf('c1')

  control.queue(jws, 'c1')
  await control.until('second answer', () => control.results.length === 2)

  assert.deepEqual(control.results[1], control.results[0])
  assert.equal(control.acks.length, 1)
})

test('a command numbered below one already received is stale, also after a restart', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const first = await endpoint.start()
  const { control, lab } = endpoint
  await endpoint.isolate('c1', { changes: { seq: 5 } })
  await endpoint.isolate('c2', { changes: { seq: 5 } })
  await stop(first, 'SIGTERM')
  await endpoint.start()
  const before = await lab.listRuleset(lab.endpoint)

  const stale = await endpoint.isolate('c3', { changes: { seq: 4 }, permitted: { ipv4_net: ['10.0.0.0/8'] } })

  assert.equal(stale.targets[0]?.code, 'Stale')
  assert.equal(control.results.find(({ commandId }) => commandId === 'c2')?.targets[0]?.code, 'Stale')
  assert.equal(stripCounters(await lab.listRuleset(lab.endpoint)), stripCounters(before))
})

test('a command that lay on a stopped host past its deadline is not begun', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const agent = await endpoint.start()
  const { control, lab } = endpoint
  control.refuseAcks = false
  agent.kill('SIGSTOP')
  endpoint.sendIsolate('c1', { changes: { notAfter: formatInstant(Date.now() + 1_000) } })
  await new Promise((resolve) => setTimeout(resolve, 1_500))

  agent.kill('SIGCONT')
  const result = await control.resultOf('c1')

  assert.equal(result.state, 'expired')
  assert.equal(await lab.listRuleset(lab.endpoint), '')
})

test('a command the server takes back before the acknowledgement has no effect', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  await endpoint.start()
  const { control, lab } = endpoint
  control.refuseAcks = true

  const result = await endpoint.isolate('c1')

  assert.equal(result.state, 'refused')
  assert.equal(result.targets[0]?.code, 'Cancelled')
  assert.equal(await lab.listRuleset(lab.endpoint), '')
})

test('what the owner does not allow in agent.conf is refused', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  await writeFile(join(endpoint.stateDirectory, 'agent.conf'), '# only releases\nallow = unIsolateDevice\n')
  await endpoint.start()

  const refused = await endpoint.isolate('c1')
  const released = await endpoint.release('c2')

  assert.equal(refused.targets[0]?.code, 'DisabledByOwner')
  assert.equal(released.state, 'succeeded')
})

test('a result is sent again until the server takes it', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const agent = await endpoint.start()
  const { control } = endpoint
  control.refuseResults = true
  endpoint.sendIsolate('c1')
  await control.until('refused result', () => control.refusedResults() > 0)
  await stop(agent)
  const status = await endpoint.agent('status', '--json', '--state', endpoint.stateDirectory)

  control.refuseResults = false
  await endpoint.start()
  const result = await control.resultOf('c1')

  assert.equal(JSON.parse(status.stdout).undelivered, 1)
  assert.equal(JSON.parse(status.stdout).isolated, true)
  assert.equal(result.state, 'succeeded')
  assert.equal(result.targets[0]?.changed, true)
  assert.equal(control.results.length, 1)
})

test('an agent whose pinned CA did not sign the server does not talk to it', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const other = await createEndpoint(t)
  if (other === undefined) return
  const server = `https://${endpoint.lab.control4}:${endpoint.control.port}`
  const state = join(endpoint.stateDirectory, 'second')

  const outcome = await endpoint.agent(
    ...['enroll', '--server', server, '--token', 'x', '--ca', other.control.caFile, '--state', state],
  )

  assert.notEqual(outcome.code, 0)
  assert.equal(endpoint.control.enrolments.length, 1)
})

function stripCounters(ruleset: string): string {
  return ruleset.replace(/packets \d+ bytes \d+|expires [\w]+/g, '')
}
