import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { buildDeb } from '../../tools/package/deb.ts'
import { type BootedHost, bootHost, rulesAtNetwork } from '../support/booted-host.ts'
import { onEnd } from '../support/cleanup.ts'
import { type Cordon, startCordon } from '../support/cordon.ts'
import { giveEnrolmentToken } from '../support/device.ts'
import { fittingAction, giveTenant, type Tenant } from '../support/given.ts'
import { createLab, type Lab, SERVICE_PORT } from '../support/netns.ts'
import { execute, readExecutions, setPolicy, undo, waitForEnd, waitUntil } from '../support/site.ts'

interface Packaged {
  readonly lab: Lab
  readonly host: BootedHost
  readonly cordon: Cordon
  readonly tenant: Tenant
  /** Two versions of the package, by path inside of the host. */
  readonly debs: readonly [older: string, newer: string]
  /** The server's certificate authority, by path inside of the host. */
  readonly caFile: string
}

/** A booted host without an agent, and a server it can reach. @returns undefined when the test was skipped */
async function createPackaged(t: TestContext): Promise<Packaged | undefined> {
  const lab = await createLab(t)
  if (lab === undefined) return undefined
  // Not in the folder for temporary files: a host has its own there.
  const folder = mkdtempSync('/var/tmp/cordon-systemd-')
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const build = { folder, node: process.execPath, compression: 'none' } as const
  const debs = [await buildDeb({ ...build, version: '0.1.0' }), await buildDeb({ ...build, version: '0.1.1' })] as const
  const cordon = await startCordon(t, { host: '::' })
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const caFile = join(folder, 'ca.crt')
  await copyFile(cordon.caPath, caFile)
  const host = await bootHost(t, lab)
  if (typeof host === 'string') {
    t.skip(host)
    return undefined
  }
  return { lab, host, cordon, tenant, debs, caFile }
}

test('the package lives its whole life under systemd', async (t) => {
  const packaged = await createPackaged(t)
  if (packaged === undefined) return
  const { lab, host, cordon, tenant, debs, caFile } = packaged
  const { must } = host
  const readStatus = async () => JSON.parse(await must('cordon', 'agent', 'status', '--json'))
  const readPid = async () => (await must('systemctl', 'show', '--property=MainPID', '--value', 'cordon-agent')).trim()
  const reaches = () => lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT)
  const starts = async (path: string) => (await host.exec('sh', '-c', `${path} && echo ran`)).stdout.trim() === 'ran'
  const listCommands = async () =>
    new Set((await must('cat', '/var/lib/cordon/journal.jsonl')).match(/"commandId":"[^"]+"/g))
  let deviceId = ''
  const isOnline = async (since: string) => {
    const query = cordon.store.read.selectFrom('agents').select('last_seen_at').where('id', '=', deviceId)
    return ((await query.executeTakeFirst())?.last_seen_at ?? '') > since
  }
  let isolation = ''
  let restriction = ''

  await t.test('installed, it waits for its host to be enrolled', async () => {
    await must('dpkg', '--install', debs[0])

    const enabled = await must('systemctl', 'is-enabled', 'cordon-agent', 'cordon-agent-restore')
    assert.deepEqual(enabled.trim().split('\n'), ['enabled', 'enabled'])
    assert.equal((await host.exec('systemctl', 'is-active', 'cordon-agent')).stdout.trim(), 'inactive')
  })

  await t.test('enrolled and started, it is well and works in the sandbox of its unit', async () => {
    const server = `https://${lab.control4}:${new URL(cordon.url).port}`
    const token = await giveEnrolmentToken(cordon, tenant.id)
    // Nothing of the machine below is mounted inside, and this line sees to it that it is never guarded.
    await host.write('/etc/cordon/agent.conf', 'guard = /\nsearch = /srv\n')
    const said = await must(
      ...(['cordon', 'agent', 'enroll', '--server', server, '--token', token] as const),
      ...['--ca', caFile, '--name', 'web-01'],
    )
    deviceId = JSON.parse(said).deviceId

    await must('systemctl', 'start', 'cordon-agent')
    // An enrolment is heard of as well: only a poll names the run of an agent.
    await waitUntil(async () => {
      const query = cordon.store.read.selectFrom('agents').select('run_ids').where('id', '=', deviceId)
      return (await query.executeTakeFirstOrThrow()).run_ids !== '[]'
    }, 120)

    const shown = await must('systemctl', 'status', '--no-pager', 'cordon-agent')
    assert.match(shown, /Active: active \(running\)/)
    const doctor = await must('cordon', 'agent', 'doctor')
    assert.doesNotMatch(doctor, /^BAD/m)
    assert.equal((await readStatus()).deviceId, deviceId)
    const kernel = await must('cat', `/proc/${await readPid()}/status`)
    assert.match(kernel, /^NoNewPrivs:\s1$/m)
    assert.match(kernel, /^Seccomp:\s2$/m)
  })

  await t.test('files, indicators and accounts: what each action does to the host, it can do there', async () => {
    await must('sh', '-c', 'cp /usr/bin/sleep /srv/miner && printf tail >> /srv/miner && useradd mallory')
    const [sha256 = ''] = (await must('sha256sum', '/srv/miner')).split(' ')
    await must('systemd-run', '--quiet', '--unit=miner', '/srv/miner', '600')
    await must('systemd-run', '--quiet', '--unit=shell', '--uid=mallory', 'sleep', '600')
    await setPolicy(tenant, 'localAccounts', { enabled: true })
    const carry = async (actionType: Parameters<typeof fittingAction>[0], changes: object) => {
      const responseAction = { ...fittingAction(actionType), ...changes } as never
      const id = await tenant.task(await tenant.incident(), { actionType, responseAction })
      const responder = await tenant.as('responder')
      await waitUntil(async () => {
        // An agent takes a new policy with its next poll.
        const answer = await responder.post(`/beta/security/incidentTasks/${id}/executeResponseAction`)
        return answer.status === 204
      })
      const task = await waitForEnd(responder, id, 120)
      assert.equal(task.actionStatus, 'completed', JSON.stringify((await readExecutions(tenant, id))[0]))
    }

    await carry('stopAndQuarantineFile', { identifierValue: sha256, deviceId })
    await carry('submitIocRule', { identifierValue: 'evil.example' })
    await carry('disableUser', { identifierValue: 'web-01\\mallory' })
    await carry('requireSignIn', { identifierValue: 'web-01\\mallory' })

    for (const unit of ['miner', 'shell']) {
      await waitUntil(async () => (await host.exec('systemctl', 'is-active', '--quiet', unit)).code !== 0)
    }
    assert.equal((await host.exec('test', '-e', '/srv/miner')).code, 1)
    assert.match(await must('cat', '/etc/hosts'), /0\.0\.0\.0 evil\.example/)
    assert.match(await must('passwd', '--status', 'mallory'), /^mallory L /)
  })

  await t.test('isolated and restricted: the self-tests pass, programs of packages go on', async () => {
    await must('sh', '-c', 'cp /usr/bin/true /srv/foreign && printf tail >> /srv/foreign')
    await waitUntil(reaches, 120)
    assert.equal(await starts('/srv/foreign'), true)

    const isolated = await execute(tenant, 'isolateDevice', deviceId)
    const restricted = await execute(tenant, 'restrictAppExecution', deviceId)

    const results = [...(await readExecutions(tenant, isolated.id)), ...(await readExecutions(tenant, restricted.id))]
    assert.deepEqual(
      results.map(({ state }) => state),
      ['succeeded', 'succeeded'],
      JSON.stringify(results),
    )
    assert.deepEqual(
      [await reaches(), await starts('/srv/foreign'), await starts('/usr/bin/true')],
      [false, false, true],
    )
    t.diagnostic(`request to completed task: isolate ${isolated.ms} ms, restrict ${restricted.ms} ms`)
    isolation = isolated.id
    restriction = restricted.id
  })

  await t.test('a newer package takes over journal, isolation and guard', async () => {
    const [commands, pid] = [await listCommands(), await readPid()]
    const guard = (await must('cat', '/var/lib/cordon/guard.pid')).trim()

    await must('dpkg', '--install', debs[1])

    assert.match(await must('dpkg', '--status', 'cordon-agent'), /^Version: 0\.1\.1$/m)
    assert.notEqual(await readPid(), pid)
    await waitUntil(async () => (await readStatus()).restricted)
    assert.equal((await must('cat', '/var/lib/cordon/guard.pid')).trim(), guard)
    assert.deepEqual(await listCommands(), commands)
    assert.match(await must('cat', '/etc/cordon/agent.conf'), /^search = \/srv$/m)
    assert.deepEqual([await reaches(), await starts('/srv/foreign')], [false, false])
  })

  await t.test('a reboot brings both back, the isolation before the first interface is up', async () => {
    const since = new Date().toISOString()

    await host.reboot()

    assert.match(await must('cat', rulesAtNetwork), /table inet cordon_iso/)
    assert.equal((await host.exec('systemctl', 'is-failed', 'cordon-agent-restore')).stdout.trim(), 'inactive')
    await waitUntil(() => isOnline(since), 120)
    const { isolated, restricted } = await readStatus()
    assert.deepEqual([isolated, restricted], [true, true])
    assert.deepEqual([await reaches(), await starts('/srv/foreign')], [false, false])
    assert.doesNotMatch(await must('cordon', 'agent', 'doctor'), /^BAD/m)
  })

  await t.test('taken back, the host is open', async () => {
    await undo(tenant, restriction)
    await undo(tenant, isolation)

    await waitUntil(reaches, 120)
    assert.equal(await starts('/srv/foreign'), true)
  })

  await t.test('removed, it leaves what it knows and holds; purged, nothing', async () => {
    await execute(tenant, 'restrictAppExecution', deviceId)

    await must('dpkg', '--remove', 'cordon-agent')

    assert.equal((await host.exec('systemctl', 'is-active', 'cordon-agent')).stdout.trim(), 'inactive')
    await must('test', '-f', '/var/lib/cordon/identity.json')
    await must('test', '-f', '/etc/cordon/agent.conf')
    assert.equal(await starts('/srv/foreign'), false)
    await must('dpkg', '--purge', 'cordon-agent')
    await waitUntil(() => starts('/srv/foreign'))
    const left = 'ls -d /var/lib/cordon /etc/cordon /usr/lib/cordon-agent /etc/systemd/system/*/cordon-*'
    assert.equal((await host.exec('sh', '-c', left)).stdout, '')
  })
})
