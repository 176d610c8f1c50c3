import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import type { Store } from '../../src/store/db.ts'
import { onEnd } from '../support/cleanup.ts'
import { startCordon } from '../support/cordon.ts'
import { enrolDevice } from '../support/device.ts'
import { stop } from '../support/netns.ts'
import { createSite, waitUntil } from '../support/site.ts'

const readClones = (store: Store) =>
  store.read
    .selectFrom('audit')
    .select(['object_id', 'decision', 'code', 'reason'])
    .where('action', '=', 'detectClone')
    .execute()

test('a run that comes back after a later one ends the right of both to speak, and is told why', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const [first, second] = [randomUUID(), randomUUID()]
  const poll = (run: string) => device.get(`/commands?wait=0&run=${run}`)

  const before = [await poll(first), await poll(first), await poll(second)]
  const back = await poll(first)
  const after = [await poll(second), await device.post('/ack', { commandId: 'c', journalSeq: 1 })]

  assert.deepEqual(
    before.map(({ status }) => status),
    [204, 204, 204],
  )
  for (const refused of [back, ...after]) {
    assert.equal(refused.status, 401)
    assert.equal(refused.body.error.innerError.code, 'DeviceCloned')
    assert.match(refused.body.error.message, /enrol each anew/)
  }
  const [clone, ...others] = await readClones(cordon.store)
  assert.deepEqual([clone?.object_id, clone?.decision, clone?.code], [device.id, 'refused', 'DeviceCloned'])
  assert.match(clone?.reason ?? '', /web-01/)
  assert.equal(others.length, 0)
})

test('restarts are no copies, however many there are, and an agent of before that names no run goes on', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')

  for (let start = 0; start < 40; start++) {
    const run = randomUUID()
    for (let turn = 0; turn < 2; turn++) assert.equal((await device.get(`/commands?wait=0&run=${run}`)).status, 204)
  }

  assert.equal((await device.get('/commands?wait=0')).status, 204)
  assert.equal((await device.get('/commands?wait=0&run=x')).status, 400)
  assert.deepEqual(await readClones(cordon.store), [])
})

test('a request of the host that is recorded and sent again makes nobody a copy', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const [first, second] = [randomUUID(), randomUUID()]
  await device.get(`/commands?wait=0&run=${first}`)
  const recorded = device.lastSeq()
  await device.get(`/commands?wait=0&run=${second}`)

  const replayed = await device.get(`/commands?wait=0&run=${first}`, { seq: recorded })

  assert.equal(replayed.body.error.innerError.code, 'StaleSequence')
  assert.equal((await device.get(`/commands?wait=0&run=${second}`)).status, 204)
  assert.deepEqual(await readClones(cordon.store), [])
})

test('two real agents with one state are both refused, shown as cloned, and a host that enrols anew is heard', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { cordon, tenant, deviceId, stateDirectory, agent, startAgent, enrol } = site
  const heard = (runs: number) =>
    waitUntil(async () => {
      const query = cordon.store.read.selectFrom('agents').select('run_ids').where('id', '=', deviceId)
      return JSON.parse((await query.executeTakeFirst())?.run_ids ?? '[]').length === runs
    })
  await heard(1)
  // Copied while nobody writes there.
  await stop(agent)
  const copy = mkdtempSync(join(tmpdir(), 'cordon-clone-'))
  onEnd(t, () => rmSync(copy, { recursive: true, force: true }))
  cpSync(stateDirectory, copy, { recursive: true })
  // The lock names a process of the host it was copied from.
  rmSync(join(copy, 'agent.lock'), { force: true })

  await startAgent(stateDirectory)
  await heard(2)
  await startAgent(copy)
  await heard(3)
  // What wakes the host wakes both.
  const responder = await tenant.as('responder')
  const task = await tenant.task(await tenant.incident(), {
    actionType: 'isolateDevice',
    responseAction: {
      '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction',
      identifierValue: deviceId,
      isolationType: 'full',
    } as never,
  })
  await responder.post(`/api/v1/tasks/${task}/preview`)
  await waitUntil(async () => (await readClones(cordon.store)).length === 1)

  const fresh = await enrol('web-01')
  await startAgent(fresh.stateDirectory)

  const listed = async (): Promise<Map<string, string>> => {
    const { body } = await responder.get('/api/v1/agents')
    return new Map(body.value.map(({ id, health }: { id: string; health: string }) => [id, health]))
  }
  await waitUntil(async () => (await listed()).get(fresh.deviceId) === 'online')
  assert.equal((await listed()).get(deviceId), 'cloned')
})
