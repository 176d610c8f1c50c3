import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeKeyPair, readPrivateKey, writePublicKey } from '../../src/protocol/jws.ts'
import { writeRotateKey } from '../../src/protocol/key-rotation.ts'
import type { Store } from '../../src/store/db.ts'
import { startCordon } from '../support/cordon.ts'
import { enrolDevice } from '../support/device.ts'
import { waitForEnd } from '../support/endpoint.ts'
import { stop } from '../support/netns.ts'
import { createSite, type Site, waitUntil } from '../support/site.ts'

const program = fileURLToPath(new URL('../support/agent-process.ts', import.meta.url))

const makeKey = () => readPrivateKey(makeKeyPair().privateKeyPem)

async function readKey(store: Store, deviceId: string): Promise<string | undefined> {
  const query = store.read.selectFrom('agents').select('public_key').where('id', '=', deviceId)
  return (await query.executeTakeFirst())?.public_key
}

async function readRotations(store: Store): Promise<readonly (readonly [string, string | null])[]> {
  const query = store.read.selectFrom('audit').select(['decision', 'reason']).where('action', '=', 'rotateDeviceKey')
  return (await query.orderBy('seq').execute()).map(({ decision, reason }) => [decision, reason])
}

test('a new key counts from the moment it is taken, and the old one no longer', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const from = writePublicKey(device.key)
  const next = makeKey()
  const request = writeRotateKey(next, { deviceId: device.id, from })

  const taken = await device.post('/key', request)

  assert.equal(taken.status, 204, taken.text)
  assert.equal(await readKey(cordon.store, device.id), request.publicKey)
  assert.equal((await device.get('/commands?wait=0')).status, 401)
  assert.equal((await device.get('/commands?wait=0', { key: next })).status, 204)
  // An agent that never got the answer asks again.
  assert.equal((await device.post('/key', request, { key: next })).status, 204)
  assert.deepEqual(await readRotations(cordon.store), [['allowed', null]])
})

test('an order to make another key reaches a host that listens until it has one, and no agent of before', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const admin = await cordon.as('admin')
  const held = device.get('/commands?wait=250&key=held')
  const order = { reason: 'its disk was copied' }

  assert.equal((await admin.post(`/api/v1/devices/${device.id}/rotatekey`, order)).status, 204)
  const told = (await held).body.rotateKey
  const again = (await device.get('/commands?wait=0&key=held')).body.rotateKey
  const known = await device.get('/commands?wait=0&key=wanted')
  const older = await device.get('/commands?wait=0')
  const next = makeKey()
  const step = { deviceId: device.id, from: writePublicKey(device.key) }
  await device.post('/key', writeRotateKey(next, step))
  const after = await device.get('/commands?wait=0&key=held', { key: next })

  assert.deepEqual([told, again], [true, true])
  assert.deepEqual([known.status, older.status, after.status], [204, 204, 204])
  assert.equal((await device.get('/commands?wait=0&key=new', { key: next })).status, 400)
})

test('who has stolen the old key can do nothing with it after the rotation', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const [next, thief] = [makeKey(), makeKey()]
  const step = { deviceId: device.id, from: writePublicKey(device.key) }
  await device.post('/key', writeRotateKey(next, step))

  const byOld = await device.post('/key', writeRotateKey(thief, step))
  const byThief = await device.post('/key', writeRotateKey(thief, step), { key: thief })

  assert.deepEqual([byOld.status, byThief.status], [401, 401])
  assert.equal(await readKey(cordon.store, device.id), writePublicKey(next))
})

test('a rotation that was recorded and is sent again changes nothing', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const [second, third] = [makeKey(), makeKey()]
  const first = writeRotateKey(second, { deviceId: device.id, from: writePublicKey(device.key) })
  await device.post('/key', first)
  const usedSeq = device.lastSeq()
  await device.post('/key', writeRotateKey(third, { deviceId: device.id, from: first.publicKey }), { key: second })

  const sameRequest = await device.post('/key', first, { seq: usedSeq })
  const sameBody = await device.post('/key', first, { key: third })

  assert.equal(sameRequest.status, 401)
  assert.equal(sameBody.status, 409)
  assert.equal(await readKey(cordon.store, device.id), writePublicKey(third))
  assert.deepEqual(
    (await readRotations(cordon.store)).map(([decision]) => decision),
    ['allowed', 'allowed', 'refused'],
  )
})

test('a new key that has not signed the step itself is refused, also when another host’s proof is sent', async (t) => {
  const cordon = await startCordon(t)
  const [device, other] = [
    await enrolDevice(cordon, cordon.tenantId, 'web-01'),
    await enrolDevice(cordon, cordon.tenantId, 'web-02'),
  ]
  const from = writePublicKey(device.key)
  const next = makeKey()
  const ofOther = writeRotateKey(next, { deviceId: other.id, from })
  const good = writeRotateKey(next, { deviceId: device.id, from })

  const answers = [
    await device.post('/key', ofOther),
    await device.post('/key', { ...good, publicKey: writePublicKey(makeKey()) }),
    await device.post('/key', { ...good, publicKey: 'short' }),
    await device.post('/key', { publicKey: good.publicKey }),
  ]

  assert.deepEqual(
    answers.map(({ status }) => status),
    [409, 409, 400, 400],
  )
  assert.equal(await readKey(cordon.store, device.id), from)
})

/** Runs one turn of the agent and waits for its end. */
async function runOnce({ lab }: Site, stateDirectory: string): Promise<void> {
  const words = ['agent', 'run', '--once', '--state', stateDirectory]
  const ran = await lab.exec(lab.endpoint, process.execPath, program, ...words)
  assert.equal(ran.code, 0, ran.stderr)
}

function readOwnKey(stateDirectory: string): string {
  return writePublicKey(readPrivateKey(readFileSync(join(stateDirectory, 'device.key'), 'utf8')))
}

for (const failpoint of ['key-made', 'key-taken', 'key-written']) {
  test(`an agent that is killed at ${failpoint} speaks with its server again, after one rotation`, async (t) => {
    const site = await createSite(t)
    if (site === undefined) return
    const { lab, cordon, deviceId, stateDirectory, agent } = site
    await stop(agent)
    const before = readOwnKey(stateDirectory)
    writeFileSync(join(stateDirectory, 'rotate-key'), '')
    const doomed = lab.start(lab.endpoint, process.execPath, program, 'die-at', failpoint, stateDirectory)
    doomed.stderr?.resume()
    assert.equal(await waitForEnd(doomed), 'SIGKILL')

    await runOnce(site, stateDirectory)

    const after = readOwnKey(stateDirectory)
    assert.notEqual(after, before)
    assert.equal(await readKey(cordon.store, deviceId), after)
    assert.deepEqual(await readRotations(cordon.store), [['allowed', null]])
    const left = ['device.next.key', 'rotate-key'].filter((file) => existsSync(join(stateDirectory, file)))
    assert.deepEqual(left, [])
    await runOnce(site, stateDirectory)
    assert.equal(readOwnKey(stateDirectory), after)
  })
}

test('a key that has reached the age the policy allows is rotated once', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { cordon, deviceId, stateDirectory, agent } = site
  await stop(agent)
  const before = readOwnKey(stateDirectory)
  await runOnce(site, stateDirectory)
  assert.equal(readOwnKey(stateDirectory), before)
  const file = join(stateDirectory, 'identity.json')
  const enrolledAt = new Date(Date.now() - 30 * 86_400_000).toISOString().replace('Z', '0000Z')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), enrolledAt }))

  await runOnce(site, stateDirectory)
  const after = readOwnKey(stateDirectory)
  await runOnce(site, stateDirectory)

  assert.notEqual(after, before)
  assert.equal(readOwnKey(stateDirectory), after)
  assert.equal(await readKey(cordon.store, deviceId), after)
})

test('another key is made for whoever asks: at the server, beside the running agent, without one', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, cordon, tenant, deviceId, stateDirectory, agent } = site
  const rotate = async () => {
    const words = ['agent', 'rotate-key', '--state', stateDirectory]
    const done = await lab.exec(lab.endpoint, process.execPath, program, ...words)
    return { code: done.code, ...JSON.parse(done.stdout) }
  }

  const enrolled = readOwnKey(stateDirectory)
  const admin = await tenant.as('admin')
  const ordered = await admin.post('/api/v1/devices/web-01/rotatekey', { reason: 'its disk was copied' })
  assert.equal(ordered.status, 204, ordered.text)
  await waitUntil(async () => (await readKey(cordon.store, deviceId)) !== enrolled)
  await waitUntil(async () => !existsSync(join(stateDirectory, 'rotate-key')))
  const answered = await cordon.store.read.selectFrom('agents').select('key_ordered_at').executeTakeFirst()
  assert.equal(answered?.key_ordered_at, null)
  const beside = await rotate()
  const inForce = readOwnKey(stateDirectory)
  await stop(agent)
  const alone = await rotate()

  assert.deepEqual([beside.code, beside.rotated, alone.code, alone.rotated], [0, true, 0, true])
  assert.notEqual(beside.key, alone.key)
  assert.notEqual(readOwnKey(stateDirectory), inForce)
  await waitUntil(async () => (await readKey(cordon.store, deviceId)) === readOwnKey(stateDirectory))
  const rows = await cordon.store.read
    .selectFrom('audit')
    .select(['action', 'reason', 'details'])
    .where('action', 'in', ['orderDeviceKey', 'rotateDeviceKey'])
    .orderBy('seq')
    .execute()
  assert.deepEqual(
    rows.map(({ action, reason }) => [action, reason]),
    [['orderDeviceKey', 'its disk was copied'], ...Array(3).fill(['rotateDeviceKey', null])],
  )
  assert.deepEqual(
    rows.slice(2).map(({ details }) => JSON.parse(details ?? '{}').to),
    [beside.key, alone.key],
  )
})
