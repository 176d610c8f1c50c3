import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { createGuardedEndpoint, eventually } from '../support/guarded-host.ts'

test('only what a package brought unchanged and what the owner listed starts, and undo leaves the mounts as they were', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const { programs, open, tries } = host
  const before = await host.listMounts()
  await host.run()

  const result = await host.restrict('c1')

  assert.equal(result.state, 'succeeded', JSON.stringify(result))
  assert.deepEqual(result.before, { restricted: false })
  assert.equal(result.after?.restricted, true)
  assert.equal(result.targets[0]?.changed, true)
  const checks = new Map(result.proof?.checks.map(({ name, got }) => [name, got]))
  const gaps = result.proof?.checks.filter(({ name }) => name === 'gap').map(({ got }) => got)
  assert.equal(checks.get('canaryDenied'), 'EPERM')
  assert.equal(checks.get('canaryAllowed'), 'ran')
  assert.equal(checks.get('decidedByGuard'), 'both')
  assert.equal(checks.get(`noexec ${open}`.slice(0, 60)), 'EACCES')
  assert.match(gaps?.join() ?? '', /sh script.*ld\.so program.*memfd/)
  assert.equal(await tries(join(programs, 'packaged')), 'ran')
  assert.equal(await tries(join(programs, 'listed')), 'ran')
  assert.equal(await tries(join(programs, 'foreign')), 'denied')
  // Its content tells. A guard that a busy machine holds up lets it start, tells so, and has decided for the next time.
  await eventually(async () => (await tries(join(programs, 'changed'))) === 'denied')
  assert.equal(await tries(join(programs, 'script.sh')), 'denied')
  assert.equal(await tries(`unshare -m ${join(programs, 'foreign')}`), 'denied')

  const undone = await host.release('c2')

  assert.equal(undone.state, 'succeeded', JSON.stringify(undone))
  assert.equal(undone.targets[0]?.changed, true)
  assert.equal(undone.proof?.checks.find(({ name }) => name === 'canaryDenied')?.got, 'ran')
  assert.equal(await host.listMounts(), before)
  assert.equal(await tries(join(programs, 'foreign')), 'ran')
  assert.equal((await host.exec('ls', '-A', programs)).stdout.includes('canary'), false)
  assert.equal(host.guardPid(), undefined)
  const again = await host.release('c3')
  assert.equal(again.targets[0]?.state, 'already')
})

test('the second layer closes mounts where anybody may write, also for what passes the guard', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const { programs, open } = host
  const dropped = host.place(join(open, 'dropped'))
  const loader = '/lib64/ld-linux-x86-64.so.2'
  await host.run()

  await host.restrict('c1')

  assert.equal(await host.tries(dropped), 'closed')
  assert.notEqual((await host.exec(loader, dropped)).code, 0)
  // The gaps that every proof names.
  assert.equal((await host.exec(loader, join(programs, 'foreign'))).code, 0)
  assert.equal((await host.exec('sh', join(programs, 'script.sh'))).code, 0)
  await host.release('c2')
  assert.equal(await host.tries(dropped), 'ran')
})

test('a guard that is killed is started again, and the server hears of it and of what was denied', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const foreign = join(host.programs, 'foreign')
  await host.run()
  await host.restrict('c1')
  await host.tries(foreign)
  assert.match(await host.told('ExecutionDenied'), /foreign/)
  const first = host.guardPid()

  await host.exec('kill', '-KILL', String(first))

  assert.match(await host.told('GuardDied'), /everything could start/)
  assert.notEqual(host.guardPid(), first)
  assert.equal(await host.tries(foreign), 'denied')
  const last = host.control.heartbeats.at(-1)
  assert.equal(last?.state.restricted, true)
  assert.notEqual(last?.state.restrictedUntil, null)
})

test('a guard that hangs is ended, so that nothing waits for it, and started again', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  await host.run()
  await host.restrict('c1')

  await host.exec('kill', '-STOP', String(host.guardPid()))
  const waited = await host.tries(join(host.programs, 'packaged'))

  assert.equal(waited, 'ran')
  await host.told('GuardSilent')
  assert.equal(await host.tries(join(host.programs, 'foreign')), 'denied')
})

test('a mount somebody opened is closed again', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const dropped = host.place(join(host.open, 'dropped'))
  await host.run()
  await host.restrict('c1')

  await host.exec('mount', '-o', 'remount,bind,exec,nosuid,nodev', host.open)
  await host.told('MountOpened')

  await eventually(async () => (await host.tries(dropped)) === 'closed')
})

test('the same restriction twice is already there and starts the lease anew', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  await host.run()
  const first = await host.restrict('c1', { safety: { policyVersion: 0, selfTestSeconds: 30, leaseSeconds: 600 } })
  const guard = host.guardPid()

  const second = await host.restrict('c2')

  assert.equal(second.state, 'succeeded')
  assert.equal(second.targets[0]?.state, 'already')
  assert.equal(second.targets[0]?.changed, false)
  assert.ok(String(second.after?.until) > String(first.after?.until))
  assert.equal(host.guardPid(), guard)
})

test('what cannot be decided in time starts, is counted and told, and is decided for the next time', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const changed = join(host.programs, 'changed')
  // Much of nothing behind its end: it takes no memory, and reading it takes longer than a start may wait.
  await host.exec('truncate', '-s', '256M', changed)
  await host.run()
  await host.restrict('c1')

  const first = await host.tries(changed)

  assert.equal(first, 'ran')
  assert.match(await host.told('GuardLate'), /1 programs? started/)
  await eventually(async () => (await host.tries(changed)) === 'denied')
})

test('a restriction whose test does not hold is taken back whole', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const { programs, open, stateDirectory } = host
  const before = await host.listMounts()
  // The owner lets start what the test expects to be denied.
  const config = `guard = ${programs} ${open}\nexecute = ${join(programs, '.cordon-canary')}/\n`
  writeFileSync(join(stateDirectory, 'agent.conf'), config)
  await host.run()

  const result = await host.restrict('c1')

  assert.equal(result.state, 'failed')
  assert.equal(result.targets[0]?.code, 'NotEffective')
  assert.equal(result.proof?.checks.find(({ name }) => name === 'canaryDenied')?.got, 'ran')
  assert.deepEqual(result.after, { restricted: false })
  assert.equal(await host.tries(join(programs, 'foreign')), 'ran')
  assert.equal(await host.listMounts(), before)
  assert.equal(host.guardPid(), undefined)
})

test('a dry run names the programs that would be denied, and changes nothing', async (t) => {
  const host = await createGuardedEndpoint(t)
  if (host === undefined) return
  const before = await host.listMounts()
  await host.exec('cp', '/usr/bin/sleep', join(host.programs, 'miner'))
  host.start(join(host.programs, 'miner'), '600')
  await host.run()

  const result = await host.restrict('c1', { dryRun: true })

  assert.equal(result.state, 'succeeded', JSON.stringify(result))
  // Whoever runs this test may be a service; which one is no part of it.
  const { services, ...programs } = Object(result.before?.programs)
  assert.ok(Array.isArray(services))
  assert.deepEqual(programs, {
    seen: 1,
    denied: 1,
    running: 1,
    listed: [`${join(host.programs, 'miner')} (owner 0, runs now)`],
    allowed: [`${join(host.programs, 'listed')} (agent.conf)`],
  })
  assert.equal(await host.listMounts(), before)
  assert.equal(host.guardPid(), undefined)
})
