import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { expireVault } from '../../src/agent/actions/file/expire-vault.ts'
import { openStateDirectory } from '../../src/agent/state.ts'
import { onEnd } from '../support/cleanup.ts'
import { createFileHost, describeFile, isRunning, makeProgram, startSleeper } from '../support/file-host.ts'

const program = fileURLToPath(new URL('../support/agent-process.ts', import.meta.url))

/** Every extended attribute of a file, as the host's own tools read it. */
function readAll(path: string): string {
  const dump = execFileSync('getfattr', ['--dump', '--match=-', '--encoding=hex', '--absolute-names', path])
  return dump.toString('latin1')
}

/** Everything but the content: reading that changes the time of access. */
function describe(path: string) {
  const { mode, uid, gid, size, mtimeNs, atimeNs } = lstatSync(path, { bigint: true })
  return { mode, uid, gid, size, mtimeNs, atimeNs, attributes: readAll(path) }
}

/** A file system of its own in a folder; gone after the test. */
function mountTmpfs(t: TestContext, folder: string): void {
  mkdirSync(folder)
  execFileSync('mount', ['-t', 'tmpfs', 'cordon-test', folder])
  onEnd(t, () => execFileSync('umount', ['--lazy', folder]))
}

test('extended attributes, capabilities, access lists and times to the nanosecond come back', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'tool')
  const plain = join(host.folder, 'plain')
  const { sha256 } = makeProgram(path)
  execFileSync('cp', [path, plain])
  execFileSync('ln', [path, join(host.folder, 'other-name')])
  chownSync(path, 4321, 8765)
  execFileSync('setfattr', ['-n', 'user.origin', '-v', 'https://evil.example/x y', path])
  execFileSync('setfattr', ['-n', 'user.empty', path])
  execFileSync('setfattr', ['-n', 'user.odd=\n"\\name', '-v', '0x00ff0a', path])
  execFileSync('setfattr', ['-n', 'trusted.cordon', '-v', 'root only', path])
  execFileSync('setfacl', ['-m', 'u:4322:rwx,g:4323:r', path])
  execFileSync('setcap', ['cap_net_raw,cap_net_bind_service+ep', path])
  execFileSync('touch', ['-m', '-d', '@1700000000.123456789', path])
  execFileSync('touch', ['-a', '-d', '@1600000000.987654321', path])
  const before = [describe(path), describe(plain)]
  await host.start()

  const result = await host.quarantine('q1', { hashes: { sha256 } })

  assert.equal(result.state, 'succeeded', JSON.stringify(result.targets))
  assert.equal(existsSync(path), false)
  const moved = result.after?.moved
  assert.ok(Array.isArray(moved))
  assert.deepEqual(moved.map(({ path: at, attributes }) => [at, attributes]).sort(), [
    [join(host.folder, 'other-name'), 6],
    [plain, 0],
    [path, 6],
  ])
  // What is made in this folder from now on gets an access list that nobody had before.
  execFileSync('setfacl', ['-d', '-m', 'u:4399:rwx', host.folder])

  const restored = await host.restore('u1', 'q1', sha256)

  assert.equal(restored.state, 'succeeded', JSON.stringify([restored.targets, restored.after]))
  assert.deepEqual([describe(path), describe(plain)], before)
  assert.deepEqual([describeFile(path).sha256, describeFile(plain).sha256], [sha256, sha256])
  assert.equal(lstatSync(path).ino, lstatSync(join(host.folder, 'other-name')).ino)
})

test('a file whose attributes cannot be kept stays where it is with all of them, and its process is ended', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'tool')
  const { sha256 } = makeProgram(path)
  // A name that is no UTF-8; no argument of a Node child can hold it.
  execFileSync('sh', ['-c', 'setfattr -n "$(printf "user.\\377")" -v kept "$1"', 'sh', path])
  const child = await startSleeper(t, path)
  const before = readAll(path)
  await host.start()

  const result = await host.quarantine('q1', { hashes: { sha256 } })

  assert.equal(result.state, 'partial', JSON.stringify(result))
  assert.equal(result.targets[0]?.code, 'AttributesNotKept')
  assert.equal(isRunning(child.pid ?? 0), false)
  assert.equal(readAll(path), before)
  assert.deepEqual(readdirSync(host.folder), ['tool'])
})

test('without the tool for attributes a host says that it cannot quarantine, and what to install', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('a mount namespace needs root')
  const state = mkdtempSync(join(tmpdir(), 'cordon-doctor-'))
  onEnd(t, () => rmSync(state, { recursive: true }))
  const script = 'mount --bind /dev/null /usr/bin/getfattr && exec "$@"'
  const doctor = [process.execPath, program, 'agent', 'doctor', '--json', '--state', state]

  let said = ''
  try {
    execFileSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...doctor], { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    // Its exit code says that something is wrong.
    said = error instanceof Error && 'stdout' in error ? String(error.stdout) : ''
  }

  assert.match(said, /getfattr is not installed; apt-get install attr/)
})

test('copies on a read-only mount and in an immutable folder stay, each with its reason, and nothing runs them', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'tool')
  const { sha256 } = makeProgram(path)
  const mount = join(host.folder, 'mount')
  mountTmpfs(t, mount)
  const onMount = join(mount, 'tool')
  execFileSync('cp', [path, onMount])
  const child = await startSleeper(t, onMount)
  execFileSync('mount', ['-o', 'remount,ro', mount])
  const locked = join(host.folder, 'locked')
  mkdirSync(locked)
  execFileSync('cp', [path, join(locked, 'tool')])
  const isLocked = setImmutable(t, locked)
  writeFileSync(join(host.stateDirectory, 'agent.conf'), `search = ${host.folder} ${mount}\n`)
  await host.start()

  const result = await host.quarantine('q1', { hashes: { sha256 } })

  assert.equal(result.state, 'partial', JSON.stringify(result))
  assert.equal(isRunning(child.pid ?? 0), false)
  assert.equal(existsSync(path), false)
  const remaining = Array.isArray(result.after?.remaining) ? result.after.remaining : []
  assert.deepEqual(remaining.map(({ path: at, code }) => [at, code]).sort(), [
    ...(isLocked ? [[join(locked, 'tool'), 'Immutable']] : []),
    [onMount, 'ReadOnly'],
  ])
  assert.equal(describeFile(onMount).sha256, sha256)
})

/** False where the file system of the test has no such attribute. */
function setImmutable(t: TestContext, path: string): boolean {
  try {
    execFileSync('chattr', ['+i', path], { stdio: 'pipe' })
  } catch {
    t.diagnostic('the file system of the test folder has no immutable attribute')
    return false
  }
  onEnd(t, () => execFileSync('chattr', ['-i', path]))
  return true
}

test('what nobody brought back in 90 days by the clock of the server is given up, and the record says so', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  const path = join(host.folder, 'tool')
  const { sha256 } = makeProgram(path)
  const agent = await host.start()
  await host.quarantine('q1', { hashes: { sha256 }, path })
  await host.stop(agent)
  const state = openStateDirectory(host.stateDirectory)
  const sealed = join(host.stateDirectory, 'quarantine', 'q1', `${sha256}.sealed`)
  const [start, day] = [Date.UTC(2030, 0, 1), 86_400_000]

  // The first look only begins to count, whatever the clock of the host said when the file was moved.
  assert.deepEqual(expireVault(state, start), [])
  assert.deepEqual(expireVault(state, start + 89 * day), [])
  assert.equal(existsSync(sealed), true)
  assert.deepEqual(expireVault(state, start + 90 * day), [{ commandId: 'q1', files: 1 }])
  assert.equal(existsSync(sealed), false)
  assert.deepEqual(expireVault(state, start + 91 * day), [])

  await host.start()
  const restored = await host.restore('u1', 'q1', sha256)

  assert.equal(restored.state, 'failed')
  assert.match(JSON.stringify(restored), /Expired.*kept 1 files for 90 days/)
})
