import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { ConfigError, parseConfig } from '../../src/agent/config.ts'
import { type Executable, judgeContent, judgePath, type Trust } from '../../src/agent/guard/decide.ts'
import { chooseMounts, listMissing, parseMounts } from '../../src/agent/guard/mounts.ts'
import { openPackageFiles } from '../../src/agent/guard/package-files.ts'
import { noteSeen, readSeen } from '../../src/agent/host/programs-seen.ts'
import { openStateDirectory } from '../../src/agent/state.ts'
import { onEnd } from '../support/cleanup.ts'

const digest = (letter: string): string => letter.repeat(32)

function makeDatabase(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-dpkg-'))
  onEnd(t, () => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'info'))
  writeFileSync(join(folder, 'info/tool:amd64.md5sums'), `${digest('a')}  usr/bin/tool\n${digest('b')}  opt/other\n`)
  writeFileSync(join(folder, 'info/rival.md5sums'), `${digest('c')}  usr/bin/tool\n`)
  writeFileSync(join(folder, 'diversions'), '/usr/bin/tool\n/usr/bin/tool.distrib\nrival\n')
  const unit = `Package: cron\nConffiles:\n /etc/init.d/cron ${digest('d')}\n /etc/old ${digest('e')} obsolete\n`
  writeFileSync(join(folder, 'status'), unit)
  return folder
}

test('the package database gives digests by place, with diversions and configuration files', (t) => {
  const files = openPackageFiles(makeDatabase(t))

  assert.deepEqual([...files.digestsOf('/usr/bin/tool')], [digest('c')])
  assert.deepEqual([...files.digestsOf('/usr/bin/tool.distrib')], [digest('a')])
  assert.deepEqual([...files.digestsOf('/etc/init.d/cron')], [digest('d')])
  assert.deepEqual([...files.digestsOf('/etc/old')], [digest('e')])
  assert.equal(files.digestsOf('/usr/bin/none').size, 0)
})

test('a package that comes or goes changes what is trusted', (t) => {
  const folder = makeDatabase(t)
  const files = openPackageFiles(folder)
  assert.equal(files.refresh(), false)

  writeFileSync(join(folder, 'info/new.md5sums'), `${digest('f')}  usr/bin/new\n`)
  rmSync(join(folder, 'info/rival.md5sums'))
  writeFileSync(join(folder, 'diversions'), '')

  assert.equal(files.refresh(), true)
  assert.deepEqual([...files.digestsOf('/usr/bin/new')], [digest('f')])
  assert.deepEqual([...files.digestsOf('/usr/bin/tool')], [digest('a')])
})

test('a program is judged by place first, and by content where only that tells', () => {
  const sha256 = 'a'.repeat(64)
  const trust: Trust = {
    packages: { digestsOf: (path) => new Set(path === '/usr/bin/tool' ? [digest('a')] : []) },
    vital: new Set(['1:2']),
    allowed: ['/opt/app/', '/srv/one'],
  }
  const judge = (path: string, changes: Partial<Executable> = {}) =>
    judgePath({ path, named: true, file: '1:9', rootOnly: true, ...changes }, trust).kind

  assert.equal(judge('/anything', { file: '1:2', named: false }), 'allow')
  assert.equal(judge('/usr/bin/tool'), 'read')
  assert.equal(judge('/opt/app/bin/x'), 'allow')
  assert.equal(judge('/opt/app/bin/x', { named: false }), 'deny')
  assert.equal(judge('/opt/apple'), 'deny')
  assert.equal(judge('/srv/one'), 'allow')
  assert.equal(judge('/srv/one/two'), 'deny')
  assert.equal(judge('/var/lib/dpkg/info/tool.postinst'), 'allow')
  assert.equal(judge('/var/lib/dpkg/info/tool.postinst', { rootOnly: false }), 'deny')
  const byContent = judgePath(
    { path: '/tmp/x', named: true, file: '1:9', rootOnly: true },
    { ...trust, allowed: [`sha256:${sha256}`] },
  )
  assert.ok(byContent.kind === 'read')
  assert.equal(judgeContent(byContent, { md5: null, sha256 }), true)
  assert.equal(judgeContent(byContent, { md5: digest('a'), sha256: 'b'.repeat(64) }), false)
})

test('by default every local file system is guarded, and a wanted mount must be one', () => {
  const mounts = parseMounts(
    [
      '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
      '23 22 0:5 / /proc rw,nosuid,nodev,noexec - proc proc rw',
      '24 22 0:30 / /with\\040space rw,nosuid - tmpfs tmpfs rw',
      '25 22 0:31 / /closed rw,noexec - tmpfs tmpfs rw',
      '26 22 0:32 / /net rw - nfs4 server:/x rw',
      '27 22 0:33 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw',
      '28 22 8:2 / /hidden rw - ext4 /dev/sda2 rw',
      '29 28 0:34 / /hidden rw - tmpfs tmpfs rw',
    ].join('\n'),
  )

  const chosen = chooseMounts(mounts, []).map(({ mountPoint, device }) => `${device} ${mountPoint}`)

  assert.deepEqual(chosen, ['8:1 /', '0:30 /with space', '0:34 /hidden'])
  assert.deepEqual(
    chooseMounts(mounts, ['/closed']).map(({ device }) => device),
    ['0:31'],
  )
  assert.deepEqual(listMissing(mounts, ['/', '/tmp']), ['/tmp'])
})

test("the owner's lists are read, and a line nobody understands is refused", () => {
  const sha256 = `sha256:${'0'.repeat(64)}`

  const { guard, execute } = parseConfig(`guard = / /home\nexecute = /opt/app/ ${sha256}\n`)

  assert.deepEqual(guard, ['/', '/home'])
  assert.deepEqual(execute, ['/opt/app/', sha256])
  assert.throws(() => parseConfig('guard = home\n'), ConfigError)
  assert.throws(() => parseConfig('execute = app sha256:12\n'), ConfigError)
})

test('programs that ran are remembered for seven days, the newest first, and a damaged memory is forgotten', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-seen-'))
  onEnd(t, () => rmSync(folder, { recursive: true }))
  const state = openStateDirectory(folder)
  const [start, day] = [Date.UTC(2026, 0, 10), 86_400_000]
  const run = (path: string) => ({
    pid: 1,
    start: '',
    uid: 0,
    executable: Buffer.from(path),
    device: 1n,
    inode: 1n,
    version: '',
  })

  noteSeen(state, [run('/a'), run('/b'), run('/a')], start)
  noteSeen(state, [run('/c'), run('/b')], start + day)

  const seen = (at: number): readonly string[] => readSeen(state, at).map(({ path }) => path)
  assert.deepEqual(seen(start + day), ['/c', '/b', '/a'])
  assert.deepEqual(seen(start + 8 * day), ['/c', '/b'])
  assert.deepEqual(seen(start + 9 * day), [])
  state.write('programs-seen.json', 'not json')
  assert.deepEqual(seen(start), [])
})
