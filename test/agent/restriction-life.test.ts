import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { writeBreakGlassCode } from '../../src/protocol/break-glass.ts'
import { BREAK_GLASS_KEY } from '../support/control-server.ts'
import { createGuardedEndpoint, eventually } from '../support/guarded-host.ts'

const steps = ['before-apply', 'after-guard', 'after-apply', 'after-self-test', 'after-finish']
/** Ends while a test waits for it, and not before a busy machine has done what comes first. */
const short = { safety: { policyVersion: 0, selfTestSeconds: 30, leaseSeconds: 20 } }

test('an agent killed at any step of a restriction answers for it once, and leaves the host restricted', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const { control, programs } = host
  const before = await host.listMounts()

  for (const step of steps) {
    await t.test(`killed ${step}`, async () => {
      host.sendRestrict(step)
      assert.equal(await host.runDoomed(step), 'SIGKILL')

      const agent = await host.run()
      const result = await control.resultOf(step)

      assert.equal(result.state, 'succeeded', JSON.stringify(result.targets))
      assert.deepEqual(result.before, { restricted: false })
      assert.equal(result.targets[0]?.changed, true)
      assert.equal(await host.tries(join(programs, 'foreign')), 'denied')
      assert.equal(control.results.filter(({ commandId }) => commandId === step).length, 1)
      await host.release(`${step}-undo`)
      await host.stop(agent)
      assert.equal(await host.listMounts(), before)
    })
  }
})

test('an agent killed while it takes a restriction back ends with nothing left of it', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const before = await host.listMounts()
  const agent = await host.run()
  await host.restrict('c1')
  await host.stop(agent)
  assert.equal(await host.tries(join(host.programs, 'foreign')), 'denied')

  const answer = host.release('c2')
  await host.runDoomed('after-release')
  await host.run()
  const result = await answer

  assert.equal(result.state, 'succeeded', JSON.stringify(result.targets))
  assert.equal(result.targets[0]?.changed, true)
  assert.equal(await host.tries(join(host.programs, 'foreign')), 'ran')
  assert.equal(await host.listMounts(), before)
})

test('a restriction ends with its lease without the agent, and the mounts are as before', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const foreign = join(host.programs, 'foreign')
  const before = await host.listMounts()
  const agent = await host.run()
  await host.restrict('c1', short)
  await host.stop(agent, 'SIGKILL')
  assert.equal(await host.tries(foreign), 'denied')

  await eventually(async () => (await host.tries(foreign)) === 'ran')

  await eventually(() => host.guardPid() === undefined)
  assert.equal(await host.listMounts(), before)
  assert.equal(existsSync(join(host.stateDirectory, 'restriction.json')), false)
})

test('a guard that is stopped while no agent runs is killed by the kernel: what waits starts, and the next agent tells', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const foreign = join(host.programs, 'foreign')
  const agent = await host.run()
  await host.restrict('c1')
  await host.stop(agent, 'SIGKILL')
  assert.equal(await host.tries(foreign), 'denied')

  await host.exec('kill', '-STOP', String(host.guardPid()))
  const waited = await host.tries(join(host.programs, 'packaged'))

  assert.equal(waited, 'ran')
  assert.equal(await host.tries(foreign), 'ran')
  const doctor = await host.agent('doctor', '--state', host.stateDirectory)
  assert.match(doctor.stdout, /^BAD {2}restriction now: guard dead/m)
  await host.run()
  assert.match(await host.told('GuardDied'), /everything could start/)
  assert.equal(await host.tries(foreign), 'denied')
})

test('a lease is renewed only while the server still holds the restriction', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const foreign = join(host.programs, 'foreign')
  host.control.restrictionHolds = 1
  await host.run()
  const { after } = await host.restrict('c1', short)
  const first = Date.parse(String(after?.until))

  await eventually(() => Date.now() > first + 1_000)
  const held = await host.tries(foreign)
  host.control.restrictionHolds = 0
  await eventually(async () => (await host.tries(foreign)) === 'ran')

  assert.equal(held, 'denied')
  await host.control.until('end of the restriction', () => host.control.heartbeats.at(-1)?.state.restricted === false)
})

test('the boot brings a restriction back before the agent runs', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const foreign = join(host.programs, 'foreign')
  await host.run()
  await host.restrict('c1')

  await host.reboot()
  const open = await host.tries(foreign)
  const restored = await host.agent('restore', '--state', host.stateDirectory)

  assert.equal(open, 'ran')
  assert.equal(JSON.parse(restored.stdout).restriction, 'restored', restored.stderr)
  assert.equal(await host.tries(foreign), 'denied')
  assert.equal(await host.tries(host.place(join(host.open, 'dropped'))), 'closed')
})

test('a break-glass code ends a restriction beside the running agent', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const before = await host.listMounts()
  await host.run()
  await host.restrict('c1')
  const code = writeBreakGlassCode(BREAK_GLASS_KEY, 'd-77', 1, Date.now())

  const released = await host.agent('release', '--code', code, '--state', host.stateDirectory)

  assert.deepEqual(JSON.parse(released.stdout), { kind: 'released', serial: 1 }, released.stderr)
  assert.equal(await host.tries(join(host.programs, 'foreign')), 'ran')
  assert.equal(await host.listMounts(), before)
  assert.match(await host.told('BreakGlassRelease'), /restriction c1/)
  assert.equal(await host.tries(join(host.programs, 'foreign')), 'ran')
})

test('the doctor and the capabilities name what stands in the way', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const examine = async () => {
    const { stdout } = await host.agent('doctor', '--json', '--state', host.stateDirectory)
    const found: { name: string; ok: boolean; detail: string }[] = JSON.parse(stdout)
    return new Map(found.map((one) => [one.name, one]))
  }

  const well = await examine()
  await host.exec('umount', host.open)
  const ill = await examine()
  const agent = await host.run()
  const told = host.control.heartbeats
    .at(-1)
    ?.capabilities?.find(({ actionType }) => actionType === 'restrictAppExecution')
  await host.stop(agent)

  assert.equal(well.get('execution guard')?.ok, true, well.get('execution guard')?.detail)
  assert.equal(well.get('restriction now')?.detail, 'not restricted')
  assert.equal(ill.get('execution guard')?.ok, false)
  assert.match(ill.get('execution guard')?.detail ?? '', /nothing is mounted at .*open/)
  assert.equal(told?.supported, false)
  assert.match(told?.reason ?? '', /nothing is mounted/)
})
