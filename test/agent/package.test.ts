import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { before } from 'node:test'
import { bundleAgent, bundleGuard } from '../../tools/package/bundle.ts'
import { buildDeb } from '../../tools/package/deb.ts'
import { onEnd, wholeFile } from '../support/cleanup.ts'
import { createEndpoint, waitForEnd } from '../support/endpoint.ts'
import { stop } from '../support/netns.ts'

const folder = mkdtempSync(join(tmpdir(), 'cordon-package-'))
onEnd(wholeFile, () => rmSync(folder, { recursive: true }))
const bundle = join(folder, 'agent.mjs')
before(() => bundleAgent(bundle))

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' })
}

test('the package carries runtime, agent, units and a configuration that an upgrade keeps', async () => {
  // The runtime is a hundred megabytes; what stands for it here is what the package has to carry unchanged.
  const node = join(folder, 'node')
  await writeFile(node, '#!/bin/sh\necho "$@"\n', { mode: 0o755 })
  const deb = await buildDeb({ folder, version: '0.1.0', node, compression: 'gzip' })
  const root = join(folder, 'root')

  run('dpkg-deb', '-x', deb, root)

  const control = run('dpkg-deb', '-f', deb)
  assert.match(control, /^Depends: .*nftables/m)
  assert.match(run('dpkg-deb', '--ctrl-tarfile', deb).toString(), /\/etc\/cordon\/agent\.conf/)
  const listing = run('dpkg-deb', '-c', deb)
  assert.ok(
    listing.split('\n').every((line) => line === '' || line.includes(' root/root ')),
    listing,
  )
  assert.equal(statSync(join(root, 'usr/bin/cordon')).mode & 0o777, 0o755)
  assert.equal(run(join(root, 'usr/lib/cordon-agent/node'), 'agent', 'status').trim(), 'agent status')
  const guard = join(root, 'usr/lib/cordon-agent/guard.mjs')
  const probed = spawnSync(process.execPath, [guard, 'probe', guard], { encoding: 'utf8' })
  // 3 is a binding that does not load; 4 and 5 are what this machine lets be done.
  assert.ok([0, 4, 5].includes(probed.status ?? -1), probed.stderr)
  const status = run(process.execPath, join(root, 'usr/lib/cordon-agent/agent.mjs'), 'agent', 'status', '--json')
  assert.equal(typeof JSON.parse(status).enrolled, 'boolean')
})

test('systemd understands the units, and the scripts are shell', (t) => {
  const files = join(import.meta.dirname, '../../tools/package/files')
  for (const script of ['postinst', 'prerm', 'postrm']) run('sh', '-n', join(files, script))
  try {
    run('systemd-analyze', '--version')
  } catch {
    return t.skip('needs systemd-analyze (package systemd)')
  }

  for (const unit of ['cordon-agent.service', 'cordon-agent-restore.service']) {
    let said = ''
    try {
      said = execFileSync('systemd-analyze', ['verify', '--man=no', join(files, unit)], {
        encoding: 'utf8',
        stdio: 'pipe',
      })
    } catch (error) {
      said = String(error instanceof Error && 'stderr' in error ? error.stderr : error)
    }
    // The program is not installed where the test runs, and units of this machine may have faults of their own.
    const ours = said.split('\n').filter((line) => line.includes('cordon') && !line.includes('is not executable'))
    assert.deepEqual(ours, [])
  }
})

test('an agent without koffi, or without its guard, says so and how to get it', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root')
  const alone = join(folder, 'alone')
  await mkdir(alone)
  await copyFile(bundle, join(alone, 'agent.mjs'))
  const reason = (): string => {
    const status = JSON.parse(run(process.execPath, join(alone, 'agent.mjs'), 'agent', 'status', '--json'))
    const found: { actionType: string; supported: boolean; reason?: string }[] = status.capabilities
    const restriction = found.find(({ actionType }) => actionType === 'restrictAppExecution')
    assert.equal(restriction?.supported, false)
    return restriction.reason ?? ''
  }

  const withoutGuard = reason()
  await bundleGuard(join(alone, 'guard.mjs'))
  const withoutKoffi = reason()

  assert.match(withoutGuard, /guard program is missing.*cordon-agent/)
  assert.match(withoutKoffi, /koffi is missing; .*npm install koffi@/)
  assert.equal((await readFile(bundle, 'utf8')).includes('koffi.load'), false)
})

test('a newer package goes on with identity, journal and isolation of the older one', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const { lab, control, stateDirectory } = endpoint
  const old = endpoint.startDoomed('after-apply')
  endpoint.sendIsolate('c1')
  await waitForEnd(old)

  const fresh = lab.start(lab.endpoint, process.execPath, bundle, 'agent', 'run', '--state', stateDirectory)
  fresh.stderr?.resume()
  fresh.stdout?.resume()
  const result = await control.resultOf('c1')

  assert.equal(result.state, 'succeeded')
  assert.deepEqual(result.before, { isolated: false })
  assert.deepEqual(await endpoint.reachesInternet(), { v4: false, v6: false })
  const released = await endpoint.release('c2')
  assert.equal(released.state, 'succeeded')
  assert.equal(control.results.filter(({ commandId }) => commandId === 'c1').length, 1)
  await stop(fresh, 'SIGTERM')
})

test('the doctor finds what is wrong and says how to mend it', async (t) => {
  const endpoint = await createEndpoint(t)
  if (endpoint === undefined) return
  const { lab, stateDirectory } = endpoint
  const examine = async (): Promise<Map<string, { ok: boolean; detail: string; fix: string | null }>> => {
    const { stdout } = await endpoint.agent('doctor', '--json', '--state', stateDirectory)
    return new Map(JSON.parse(stdout).map((finding: { name: string }) => [finding.name, finding]))
  }
  await endpoint.start()

  const well = await examine()
  await writeFile(join(stateDirectory, 'agent.conf'), 'nonsense\n')
  await lab.exec(lab.endpoint, 'ip', 'link', 'set', 'ep0', 'down')
  const ill = await examine()

  const named = [
    'root',
    'state directory',
    'agent.conf',
    'isolation',
    'enrolled',
    'running',
    'journal',
    'isolation now',
  ]
  for (const name of named) assert.equal(well.get(name)?.ok, true, `${name}: ${well.get(name)?.detail}`)
  assert.equal(ill.get('agent.conf')?.ok, false)
  assert.equal(ill.get('server')?.ok, false)
  assert.notEqual(ill.get('server')?.fix, null)
})

test('the doctor of a host that was never enrolled says so and changes nothing', async (t) => {
  const parent = await mkdtemp(join(tmpdir(), 'cordon-doctor-'))
  t.after(() => rm(parent, { recursive: true }))
  const state = join(parent, 'state')
  await mkdir(state, { mode: 0o755 })

  let said = ''
  try {
    run(process.execPath, bundle, 'agent', 'doctor', '--json', '--state', state)
  } catch (error) {
    said = String(error instanceof Error && 'stdout' in error ? error.stdout : error)
  }

  const findings: { name: string; ok: boolean; fix: string | null }[] = JSON.parse(said)
  const bad = findings.filter(({ ok }) => !ok).map(({ name }) => name)
  assert.ok(bad.includes('enrolled') && bad.includes('state directory'), said)
  assert.equal(statSync(state).mode & 0o777, 0o755)
})
