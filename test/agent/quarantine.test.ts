import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { onEnd } from '../support/cleanup.ts'
import { createFileHost, describeFile, isRunning, makeProgram, startSleeper } from '../support/file-host.ts'

/** Everything about a file that a restore must bring back. */
function describe(path: string) {
  const { mode, uid, gid, size, mtimeNs, nlink } = lstatSync(path, { bigint: true })
  return { mode, uid, gid, size, mtimeNs, nlink, sha256: describeFile(path).sha256 }
}

test('a running file is stopped, moved into the vault and brought back as it was', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'a tool\n"x"')
  const { sha256, size } = makeProgram(path)
  chownSync(path, 4321, 8765)
  chmodSync(path, 0o4751)
  execFileSync('touch', ['-d', '@1700000000.123456789', path])
  const child = await startSleeper(t, path)
  const before = describe(path)
  const { atimeNs } = lstatSync(path, { bigint: true })
  await host.start()

  const result = await host.quarantine('q1', { hashes: { sha256 }, path })

  assert.equal(result.state, 'succeeded', JSON.stringify(result.targets))
  assert.equal(existsSync(path), false)
  assert.equal(isRunning(child.pid ?? 0), false)
  assert.equal(result.proof?.level, 'observed')
  assert.deepEqual(
    result.proof?.checks.map(({ name, got }) => [name, got]),
    [
      ['processes', '0'],
      ['copies', '0'],
      ['vault', '1'],
      ['otherNames', '0'],
      ['search', 'complete'],
    ],
  )
  assert.equal(result.after?.killedTotal, 1)
  const vault = join(host.stateDirectory, 'quarantine', 'q1')
  const sealed = readFileSync(join(vault, `${sha256}.sealed`))
  assert.equal(sealed.includes(Buffer.from('ELF')), false)
  assert.equal(statSync(vault).mode & 0o777, 0o700)
  assert.equal(statSync(join(host.stateDirectory, 'vault.key')).mode & 0o777, 0o600)
  assert.ok(sealed.length > size)

  const restored = await host.restore('u1', 'q1', sha256)

  assert.equal(restored.state, 'succeeded', JSON.stringify(restored.targets))
  assert.equal(lstatSync(path, { bigint: true }).atimeNs, atimeNs)
  assert.deepEqual(describe(path), before)
  assert.deepEqual(readdirSync(host.folder), ['a tool\n"x"'])
  assert.equal(existsSync(join(vault, `${sha256}.sealed`)), false)

  const again = await host.restore('u2', 'q1', sha256)

  assert.equal(again.targets[0]?.state, 'already')
})

test('deleted and memory-only executables are found, kept and ended', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'gone')
  const { sha1, sha256 } = makeProgram(path)
  const deleted = await startSleeper(t, path)
  const memory = spawn('/usr/bin/python3', ['-c', memfdProgram, path], { stdio: 'ignore' })
  onEnd(t, () => memory.kill('SIGKILL'))
  await waitUntil(() => readExe(memory.pid ?? 0).startsWith('/memfd:'))
  unlinkSync(path)
  await host.start()

  const result = await host.quarantine('q1', { hashes: { sha1 } })

  assert.equal(result.state, 'succeeded', JSON.stringify(result.targets))
  assert.equal(isRunning(deleted.pid ?? 0), false)
  assert.equal(isRunning(memory.pid ?? 0), false)
  assert.equal(result.after?.killedTotal, 2)
  assert.equal(result.after?.movedTotal, 2)
  assert.equal(existsSync(join(host.stateDirectory, 'quarantine', 'q1', `${sha256}.sealed`)), true)
})

test('fifty copies and their hard links go and come back, and links are links again', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const first = join(host.folder, 'copy-0')
  const { sha256 } = makeProgram(first)
  const content = readFileSync(first)
  for (let at = 1; at < 50; at += 1) {
    mkdirSync(join(host.folder, `d${at}`))
    writeFileSync(join(host.folder, `d${at}`, `copy-${at}`), content, { mode: 0o700 + (at % 8) })
  }
  linkSync(first, join(host.folder, 'd1', 'second-name'))
  symlinkSync(first, join(host.folder, 'link'))
  const outside = mkdtempSync(join(tmpdir(), 'cordon-outside-'))
  onEnd(t, () => rmSync(outside, { recursive: true }))
  writeFileSync(join(outside, 'copy'), content)
  symlinkSync(outside, join(host.folder, 'way-out'))
  await host.start()

  const result = await host.quarantine('q1', { hashes: { sha256 } })

  assert.equal(result.state, 'succeeded', JSON.stringify(result.targets))
  assert.equal(result.after?.movedTotal, 51)
  assert.equal(existsSync(first), false)
  // A link is not followed, wherever it leads.
  assert.equal(existsSync(join(outside, 'copy')), true)

  const restored = await host.restore('u1', 'q1', sha256)

  assert.equal(restored.after?.restoredTotal, 51, JSON.stringify(restored.targets))
  assert.equal(statSync(first).ino, statSync(join(host.folder, 'd1', 'second-name')).ino)
  assert.equal(statSync(first).nlink, 2)
  assert.equal(statSync(join(host.folder, 'd9', 'copy-9')).mode & 0o777, 0o701)
})

test('a hard link beyond the search is told, and the outcome is partial', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'tool')
  const { sha256 } = makeProgram(path)
  const outside = mkdtempSync(join(tmpdir(), 'cordon-outside-'))
  onEnd(t, () => rmSync(outside, { recursive: true }))
  linkSync(path, join(outside, 'tool'))
  await host.start()

  const result = await host.quarantine('q1', { hashes: { sha256 } })

  assert.equal(result.state, 'partial')
  assert.equal(result.proof?.checks.find(({ name }) => name === 'otherNames')?.got, '1')
})

test('an immutable file is answered with its own code and stays', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'tool')
  const { sha256 } = makeProgram(path)
  try {
    execFileSync('chattr', ['+i', path], { stdio: 'pipe' })
  } catch {
    t.skip('the file system of the test folder has no immutable attribute')
    return
  }
  onEnd(t, () => execFileSync('chattr', ['-i', path]))
  await host.start()

  const result = await host.quarantine('q1', { hashes: { sha256 } })

  assert.equal(result.state, 'failed')
  assert.equal(result.targets[0]?.code, 'Immutable')
  assert.equal(describeFile(path).sha256, sha256)
})

test('what the host, the agent or a package needs is refused before anything is done', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const copy = join(host.folder, 'innocent')
  execFileSync('cp', ['/usr/bin/sleep', copy])
  const child = await startSleeper(t, copy)
  await host.start()

  for (const [id, path] of [
    ['p1', '/usr/bin/sleep'],
    ['p2', process.execPath],
    ['p3', '/usr/bin/bash'],
  ] as const) {
    const { sha256 } = describeFile(path)
    const result = await host.quarantine(id, { hashes: { sha256 }, path })
    assert.equal(result.state, 'refused', path)
    assert.equal(result.targets[0]?.code, 'Protected', path)
  }
  // Not even with a second person.
  const approvals = { required: 1, count: 1, digest: `sha256:${'0'.repeat(64)}` }
  for (const [id, path] of [
    ['p4', '/usr/bin/bash'],
    ['p5', '/usr/bin/dpkg-deb'],
    ['p6', '/usr/bin/setfattr'],
  ] as const) {
    const body = { hashes: { sha256: describeFile(path).sha256 }, path, allowPackageFiles: true }
    const vital = await host.quarantine(id, body, { approvals })
    assert.equal(vital.targets[0]?.code, 'Protected', path)
  }
  const owned = { hashes: { sha256: describeFile('/usr/bin/setfacl').sha256 }, path: '/usr/bin/setfacl' }
  const unasked = await host.quarantine('p7', owned)
  const alone = await host.quarantine('p8', { ...owned, allowPackageFiles: true })

  assert.deepEqual([unasked.targets[0]?.code, alone.targets[0]?.code], ['PackageFile', 'NotApproved'])
  assert.equal(isRunning(child.pid ?? 0), true)
})

test('a program that starts itself over and over is ended with all its children', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'again')
  execFileSync('cp', ['/usr/bin/dash', path])
  appendFileSync(path, 'tail')
  const { sha256 } = describeFile(path)
  const script = join(host.folder, 'script')
  // Each starts the next one and waits for it; whoever is left out starts another. Ends by itself after 300.
  writeFileSync(
    script,
    `n=$(($1 + 1)); [ $n -gt 300 ] && exit; sleep 0.1; ${path} ${script} $n; ${path} ${script} $n\n`,
  )
  await host.start()
  await startSleeper(t, path, script, '0')
  onEnd(t, () => killAll(path))
  await waitUntil(() => listRunning(path).length > 3)

  const result = await host.quarantine('q1', { hashes: { sha256 } })

  assert.equal(result.state, 'succeeded', JSON.stringify(result.targets))
  assert.deepEqual(listRunning(path), [])
  assert.equal(existsSync(path), false)
})

test('a path that another file has taken is not overwritten by the restore', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'tool')
  const { sha256 } = makeProgram(path)
  await host.start()
  await host.quarantine('q1', { hashes: { sha256 } })
  writeFileSync(path, 'somebody else')

  const refused = await host.restore('u1', 'q1', sha256)

  assert.equal(refused.state, 'failed')
  assert.equal(refused.targets[0]?.code, 'PathTaken')
  assert.equal(readFileSync(path, 'utf8'), 'somebody else')
  assert.deepEqual(readdirSync(host.folder), ['tool'])

  unlinkSync(path)
  const restored = await host.restore('u2', 'q1', sha256)

  assert.equal(restored.state, 'succeeded')
  assert.equal(describeFile(path).sha256, sha256)
})

test('a folder that becomes a link between finding and moving leads nowhere', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const folder = join(host.folder, 'd')
  mkdirSync(folder)
  const path = join(folder, 'tool')
  const { sha256 } = makeProgram(path)
  const elsewhere = join(host.folder, 'elsewhere')
  mkdirSync(elsewhere)
  const innocent = join(elsewhere, 'tool')
  writeFileSync(innocent, 'innocent')
  host.sendQuarantine('q1', { hashes: { sha256 }, walk: false, path })
  await host.runDoomed('file-planned')
  renameSync(folder, join(host.folder, 'moved-away'))
  symlinkSync(elsewhere, folder)

  await host.start()
  const result = await host.control.resultOf('q1')

  assert.notEqual(result.state, 'succeeded')
  assert.equal(readFileSync(innocent, 'utf8'), 'innocent')
  assert.equal(existsSync(join(host.folder, 'moved-away', 'tool')), true)
})

test('a file that changes while it is moved keeps its name and its new content', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'tool')
  const { sha256 } = makeProgram(path)
  host.sendQuarantine('q1', { hashes: { sha256 }, walk: false, path })
  await host.runDoomed('file-renamed')
  const [hidden] = readdirSync(host.folder)
  assert.match(hidden ?? '', /^\.cordon-/)
  appendFileSync(join(host.folder, hidden ?? ''), 'changed')

  await host.start()
  await host.control.resultOf('q1')

  assert.deepEqual(readdirSync(host.folder), ['tool'])
  assert.ok(readFileSync(path).toString('latin1').endsWith('changed'))
})

test('a file that is nowhere is not found, and one that is in the vault is done already', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'tool')
  const { sha256 } = makeProgram(path)
  await host.start()

  const nowhere = await host.quarantine('q0', { hashes: { sha256: 'ab'.repeat(32) } })
  await host.quarantine('q1', { hashes: { sha256 } })
  const again = await host.quarantine('q2', { hashes: { sha256 } })

  assert.equal(nowhere.state, 'failed')
  assert.equal(nowhere.targets[0]?.code, 'NotFound')
  assert.equal(again.state, 'succeeded')
  assert.equal(again.targets[0]?.state, 'already')
})

test('a dry run names processes and copies and touches nothing', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'tool')
  const { sha256 } = makeProgram(path)
  const child = await startSleeper(t, path)
  utimesSync(path, 1, 2)
  const before = describe(path)
  await host.start()

  const result = await host.quarantine('q1', { hashes: { sha256 } }, { dryRun: true })

  assert.equal(result.targets[0]?.code, 'DryRun')
  assert.equal(result.before?.processes, 1)
  assert.deepEqual(result.before?.listedCopies, [path])
  assert.equal(isRunning(child.pid ?? 0), true)
  assert.deepEqual(describe(path), before)
  assert.equal(existsSync(join(host.stateDirectory, 'quarantine')), false)
})

const memfdProgram = `
import os, sys
fd = os.memfd_create('tool', os.MFD_CLOEXEC)
os.write(fd, open(sys.argv[1], 'rb').read())
os.execve(fd, ['tool', '600'], {})
`

function readExe(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`)
  } catch {
    return ''
  }
}

function listRunning(path: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => readExe(pid).startsWith(path))
}

function killAll(path: string): void {
  for (const pid of listRunning(path)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }
}

async function waitUntil(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 2_400) assert.fail('waited a minute in vain')
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
