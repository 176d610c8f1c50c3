import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { createEndpoint, type Endpoint } from '../support/endpoint.ts'
import { createLab, SERVICE_PORT, stop } from '../support/netns.ts'

const blocked = { v4: false, v6: false }
const reached = { v4: true, v6: true }

/** The boot unit's command in a namespace where nothing is loaded: what a reboot leaves behind. */
async function reboot(t: test.TestContext, endpoint: Endpoint): Promise<typeof endpoint.lab | undefined> {
  const lab = await createLab(t)
  if (lab === undefined) return undefined
  const words = ['restore', '--state', endpoint.stateDirectory]
  const restored = await lab.exec(lab.endpoint, process.execPath, endpoint.program, 'agent', ...words)
  assert.equal(restored.code, 0, restored.stderr)
  return lab
}

/** Writes as if the isolation had been loaded in another boot. */
async function changeRecord(endpoint: Endpoint, changes: Record<string, unknown>): Promise<void> {
  const file = join(endpoint.stateDirectory, 'isolation.json')
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...changes }))
}

test('the boot unit’s command loads the isolation again for the time it has left', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const agent = await endpoint.start()
  await endpoint.isolate('c1', { leaseSeconds: 600 })
  await stop(agent)
  await changeRecord(endpoint, { until: new Date(Date.now() + 300_000).toISOString().replace('Z', '0000Z') })

  const lab = await reboot(t, endpoint)

  if (lab === undefined) return
  assert.equal(await lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT), false)
  assert.equal(await lab.reaches(lab.endpoint, lab.internet6, SERVICE_PORT), false)
  assert.equal(await lab.reaches(lab.container, lab.internet4, SERVICE_PORT), false)
  const ruleset = await lab.listRuleset(lab.endpoint)
  assert.match(ruleset, /hook egress device "ep0"/)
  const [, minutes = 0, seconds = 0] = /ipv4 timeout (?:(\d+)m)?(?:(\d+)s)?/.exec(ruleset) ?? []
  const left = Number(minutes) * 60 + Number(seconds)
  assert.ok(left > 60 && left <= 300, ruleset)
})

test('after a boot nothing is loaded when the lease is over, and the whole lease when the clock stands before it', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const agent = await endpoint.start()
  await endpoint.isolate('c1', { leaseSeconds: 600 })
  await stop(agent)

  await changeRecord(endpoint, { until: '2099-01-01T00:00:00.0000000Z' })
  const early = await reboot(t, endpoint)
  await changeRecord(endpoint, { until: '2020-01-01T00:00:00.0000000Z' })
  const late = await reboot(t, endpoint)

  if (early === undefined || late === undefined) return
  assert.match(await early.listRuleset(early.endpoint), /ipv4 timeout 10m/)
  assert.equal(await late.listRuleset(late.endpoint), '')
})

test('an isolation that was flushed away comes back within a second, while the agent waits for commands', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const { lab, control } = endpoint
  await endpoint.start()
  await endpoint.isolate('c1')
  const before = await lab.listRuleset(lab.endpoint)
  await new Promise((resolve) => setTimeout(resolve, 1_500))

  await lab.exec(lab.endpoint, 'nft', 'flush', 'ruleset')
  await control.until('tamper report', () =>
    control.heartbeats.some(({ tamper }) => tamper.some(({ kind }) => kind === 'IsolationRemoved')),
  )

  assert.deepEqual(await endpoint.reachesInternet(), blocked)
  const shape = (text: string): string => text.replaceAll(/ (timeout|expires|packets|bytes) \S+/g, '')
  assert.equal(shape(await lab.listRuleset(lab.endpoint)), shape(before))
  const released = await endpoint.release('c2')
  assert.equal(released.state, 'succeeded')
  assert.deepEqual(await endpoint.reachesInternet(), reached)
})

test('an interface that appears during the isolation is covered against raw sockets too', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const { lab, control } = endpoint
  await endpoint.start()
  const isolated = await endpoint.isolate('c1')
  if (isolated.after?.egressHook !== true) return t.skip('the kernel has no egress hook')

  const added = await lab.exec(lab.endpoint, 'ip', 'link', 'add', 'late0', 'type', 'veth', 'peer', 'name', 'late1')
  assert.equal(added.code, 0, added.stderr)

  for (let tries = 0; !(await lab.listRuleset(lab.endpoint)).includes('device "late0"'); tries += 1) {
    assert.ok(tries < 1_200, 'no egress chain for the new interface')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const tampered = control.heartbeats.flatMap(({ tamper }) => tamper)
  assert.deepEqual(tampered, [])
  assert.deepEqual(await endpoint.reachesInternet(), blocked)
})
