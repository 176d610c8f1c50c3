import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { checkBreakGlassCode, writeBreakGlassCode } from '../../src/protocol/break-glass.ts'
import { BREAK_GLASS_KEY } from '../support/control-server.ts'
import { startCordon } from '../support/cordon.ts'
import { awaitCommand, enrolDevice, makeResult } from '../support/device.ts'
import { createEndpoint, type Endpoint } from '../support/endpoint.ts'
import { fittingAction, giveTenant } from '../support/given.ts'

const reached = { v4: true, v6: true }
const hour = 3_600_000
const reason = 'The server burned down; ada stands before the host with a console.'

function release(endpoint: Endpoint, code: string): ReturnType<Endpoint['agent']> {
  return endpoint.agent('release', '--code', code, '--state', endpoint.stateDirectory)
}

test('a code fits one host, for three days, until it or a newer one was used, however it is typed', () => {
  const now = Date.parse('2026-03-01T12:34:00Z')
  const code = writeBreakGlassCode(BREAK_GLASS_KEY, 'd-77', 3, now)
  const check = (typed: string, atMs = now, last = 2, device = 'd-77', key = BREAK_GLASS_KEY): boolean =>
    checkBreakGlassCode(key, device, typed, atMs, last).ok

  assert.match(code, /^3-\d{6}(-[0-9A-HJKMNP-TV-Z]{4}){4}$/)
  assert.equal(check(code), true)
  assert.equal(check(` ${code.toLowerCase()} `), true)
  assert.equal(check(code, now + 71 * hour), true)
  assert.equal(check(code, now - 20 * hour), true)
  assert.equal(check(code, now + 72 * hour), false)
  assert.equal(check(code, now - 30 * hour), false)
  assert.equal(check(code, now, 3), false)
  assert.equal(check(code, now, 2, 'd-78'), false)
  assert.equal(check(code, now, 2, 'd-77', Buffer.alloc(32, 8).toString('base64url')), false)
  assert.equal(check(code.replace(/^3/, '4')), false)
  for (const nonsense of ['', '3', '3-1-', code.slice(0, -1), `${code}0`]) assert.equal(check(nonsense), false)
})

test('a code releases a host that is cut off from its server, once, and the server hears of it later', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const { lab, control } = endpoint
  await endpoint.start()
  await endpoint.isolate('c1')
  await lab.exec(lab.endpoint, 'ip', 'link', 'set', 'ep0', 'down')
  const code = writeBreakGlassCode(BREAK_GLASS_KEY, 'd-77', 1, Date.now())

  const wrong = await release(
    endpoint,
    code.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
  )
  const open = await endpoint.reachesInternet()
  const right = await release(endpoint, code)

  assert.equal(wrong.code, 1)
  assert.equal(JSON.parse(wrong.stdout).kind, 'refused')
  assert.deepEqual(open, { v4: false, v6: false })
  assert.deepEqual(JSON.parse(right.stdout), { kind: 'released', serial: 1 })
  assert.deepEqual(await endpoint.reachesInternet(), reached)

  await lab.exec(lab.endpoint, 'ip', 'link', 'set', 'ep0', 'up')
  await control.until('report of the release', () =>
    control.heartbeats.some(({ tamper }) => tamper.some(({ kind }) => kind === 'BreakGlassRelease')),
  )
  assert.deepEqual(await endpoint.reachesInternet(), reached)
  assert.equal(await lab.listRuleset(lab.endpoint), '')
  const again = await endpoint.isolate('c2')
  assert.equal(again.state, 'succeeded')
  const second = await release(endpoint, code)
  assert.equal(second.code, 1)
  assert.equal(JSON.parse(second.stdout).problem, 'the code was used before, or a newer one was')
  assert.deepEqual(await endpoint.reachesInternet(), { v4: false, v6: false })
})

test('a code is not used up on a host that is not isolated', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const code = writeBreakGlassCode(BREAK_GLASS_KEY, 'd-77', 1, Date.now())

  const first = await release(endpoint, code)
  await endpoint.start()
  await endpoint.isolate('c1')
  const second = await release(endpoint, code)

  assert.equal(JSON.parse(first.stdout).kind, 'notIsolated')
  assert.equal(JSON.parse(second.stdout).kind, 'released')
  const used = JSON.parse(await readFile(join(endpoint.stateDirectory, 'break-glass.json'), 'utf8'))
  assert.equal(used.commandId, 'c1')
})

test('an admin gets a code that the host takes; it is in the audit log with its reason, and its use ends what is held', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const device = await enrolDevice(cordon, tenant.id, 'web-01')
  const admin = await tenant.as('admin')
  const responder = await tenant.as('responder')
  const path = `/api/v1/devices/${device.id}/breakglass`
  const taskId = await tenant.task(await tenant.incident(), {
    actionType: 'isolateDevice',
    responseAction: fittingAction('isolateDevice', device.id) as never,
  })
  await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  const command = await awaitCommand(device)
  await device.acknowledge(command.commandId)
  await device.report(makeResult(command))
  const holds = async (): Promise<number> => {
    const query = cordon.store.read.selectFrom('commands').select('id').where('hold', '=', 1)
    return (await query.execute()).length
  }
  assert.equal(await holds(), 1)

  const denied = await responder.post(path, { reason })
  const first = await admin.post(path, { reason })
  const second = await admin.post(path, { reason })

  assert.equal(denied.status, 403)
  assert.deepEqual([first.body.serial, second.body.serial], [1, 2])
  assert.ok(device.breakGlass)
  const { key, serial } = device.breakGlass
  assert.equal(checkBreakGlassCode(key, device.id, first.body.code, Date.now(), serial).ok, true)
  const host = { os: 'Debian', kernel: '6', hostname: 'web-01', fqdn: null, machineId: '0'.repeat(32) }
  const at = '2026-03-01T12:00:00.0000000Z'
  const told = await device.post('/heartbeat', {
    time: at,
    bootId: 'b',
    agentVersion: '0.1.0',
    journalDepth: 0,
    host: { ...host, addresses: [], interfaces: [], loggedOnUsers: [] },
    state: { isolated: false, until: null, restricted: false, iocVersion: 0 },
    tamper: [{ kind: 'BreakGlassRelease', at, detail: 'code 1' }],
  })
  assert.equal(told.status, 204)
  assert.equal(await holds(), 0)
  const entries = await cordon.store.read.selectFrom('audit').select(['action', 'reason', 'actor_id']).execute()
  const issued = entries.filter(({ action }) => action === 'issueBreakGlassCode')
  assert.deepEqual(
    issued.map((entry) => entry.reason),
    [reason, reason],
  )
  const used = entries.find(({ action }) => action === 'releaseByBreakGlass')
  assert.equal(used?.actor_id, device.id)
  assert.equal(JSON.stringify(entries).includes(first.body.code), false)
})
