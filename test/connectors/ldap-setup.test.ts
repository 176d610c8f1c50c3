import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ConfiguredConnector, SetupCheck } from '../../src/connectors/connector.ts'
import { lockedForGood } from '../../src/connectors/identity/ldap/account.ts'
import { createKinds } from '../../src/connectors/kinds.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { createOutbound } from '../../src/io/outbound.ts'
import { onEnd } from '../support/cleanup.ts'
import { startCordon } from '../support/cordon.ts'
import { receiverTls } from '../support/receiver.ts'
import { bindPassword, type Directory, type DirectoryOptions, dnOf, startDirectory } from '../support/slapd.ts'
import { createConnector, startWorld } from './ldap-world.ts'

const kind = createKinds({
  ids: randomIds,
  portalOrigin: () => 'https://localhost',
  clock: systemClock,
  outbound: createOutbound({ allow: ['127.0.0.0/8:*', '[::1]/128:*'] }),
}).ldap

/** Tries settings against a directory; what is given stands over those that are right. */
async function tryOut(
  directory: Pick<Directory, 'settings'>,
  settings: object = {},
  password: string | null = bindPassword,
): Promise<readonly SetupCheck[]> {
  const connector = configure({ ...directory.settings, ...settings })
  return kind.test(connector, async () => (password === null ? {} : { bindPassword: { reveal: () => password } }))
}

/** A connector as it would come from the store. */
function configure(settings: object): ConfiguredConnector {
  const now = systemClock.now()
  const facts = { tenantId: 't', id: 'c', kind: 'ldap', name: 'Head office', version: 1 }
  return { ...facts, ...kind.readSettings(settings), secrets: {}, createdAt: now, updatedAt: now }
}

function failure(checks: readonly SetupCheck[]): readonly unknown[] {
  const last = checks.at(-1)
  return [last?.name, last?.code, last?.setting]
}

test('what is set up well passes every check, over LDAPS and over StartTLS, and changes nothing', async (t) => {
  const directory = await startDirectory(t)
  const before = await directory.read('ada')

  const checks = await tryOut(directory, { usersMayChangePassword: true })
  const upgraded = await tryOut(directory, { url: `ldap://localhost:${directory.ldapPort}` })
  const byAddress = await tryOut(directory, { url: `ldaps://127.0.0.1:${directory.ldapsPort}` })

  for (const done of [checks, upgraded, byAddress]) {
    assert.deepEqual(
      done.map(({ name, ok, detail }) => [name, ok, ok ? '' : detail]),
      ['connect', 'bind', 'users', 'passwordPolicy', 'write'].map((name) => [name, true, '']),
    )
  }
  assert.deepEqual(await directory.read('ada'), before)
})

test('what is wrong is named with its setting', async (t) => {
  const directory = await startDirectory(t)
  const other = await receiverTls()
  const { ldapPort, ldapsPort } = directory

  const cases: readonly [object, string | null, readonly unknown[]][] = [
    [{ ca: other.ca }, bindPassword, ['connect', 'CertificateUntrusted', 'ca']],
    [{ ca: null }, bindPassword, ['connect', 'CertificateUntrusted', 'ca']],
    [{ url: `ldaps://127.0.0.3:${ldapsPort}` }, bindPassword, ['connect', 'Unreachable', 'url']],
    [{ url: 'ldaps://localhost:1' }, bindPassword, ['connect', 'Unreachable', 'url']],
    [{ url: 'ldaps://no-such-host.invalid' }, bindPassword, ['connect', 'Unreachable', 'url']],
    [{ url: 'ldaps://10.1.2.3' }, bindPassword, ['connect', 'AddressForbidden', 'url']],
    [{ url: `ldaps://localhost:${ldapPort}` }, bindPassword, ['connect', 'TlsFailed', 'url']],
    [{}, 'wrong', ['bind', 'WrongPassword', 'bindPassword']],
    [{ bindDn: 'cn=nobody,dc=example,dc=org' }, bindPassword, ['bind', 'WrongPassword', 'bindPassword']],
    [{}, null, ['bind', 'SecretMissing', 'bindPassword']],
    [{ baseDn: 'ou=nothing,dc=example,dc=org' }, bindPassword, ['users', 'NoSuchEntry', 'baseDn']],
    [{ loginAttributes: ['telexNumber'] }, bindPassword, ['users', 'NoUsers', 'baseDn']],
    [
      { passwordPolicy: 'cn=none,dc=example,dc=org' },
      bindPassword,
      ['passwordPolicy', 'PolicyUnreadable', 'passwordPolicy'],
    ],
  ]
  for (const [settings, password, expected] of cases) {
    const checks = await tryOut(directory, settings, password)
    assert.deepEqual(failure(checks), expected, JSON.stringify(checks))
    assert.ok(checks.at(-1)?.fix)
  }
})

test('a directory that cannot make an action count is named', async (t) => {
  const cases: readonly [DirectoryOptions, readonly unknown[]][] = [
    [{ plain: true }, ['passwordPolicy', 'NoPasswordPolicy', 'url']],
    [{ policy: ['pwdLockout: FALSE'] }, ['passwordPolicy', 'LockHasNoEffect', 'passwordPolicy']],
    [{ policy: ['pwdLockout: TRUE'] }, ['passwordPolicy', 'ResetHasNoEffect', 'passwordPolicy']],
    [{ access: 'attrs=description' }, ['write', 'InsufficientAccess', 'bindDn']],
  ]
  for (const [options, expected] of cases) {
    const checks = await tryOut(await startDirectory(t, options), { usersMayChangePassword: true })
    assert.deepEqual(failure(checks), expected, JSON.stringify(checks))
  }
})

test('a value that is no longer what was read is not overwritten', async (t) => {
  const directory = await startDirectory(t)
  const entry = `dn: ${dnOf('ada')}\nchangetype: modify\n`
  await directory.change(`${entry}add: pwdAccountLockedTime\npwdAccountLockedTime: 20990101000000Z\n`)
  const exchange = (from: string | null, to: string | null): Promise<boolean> =>
    kind.directories.ask(
      configure(directory.settings),
      async () => ({ bindPassword: { reveal: () => bindPassword } }),
      (session) => session.exchange(dnOf('ada'), 'pwdAccountLockedTime', from, to),
    )

  const stale = [
    await exchange(null, lockedForGood),
    await exchange('20200101000000Z', null),
    await exchange(lockedForGood, null),
  ]
  const kept = (await directory.read('ada')).pwdAccountLockedTime
  const fresh = await exchange('20990101000000Z', lockedForGood)

  assert.deepEqual(stale, [false, false, false])
  assert.equal(kept, '20990101000000Z')
  assert.equal(fresh, true)
  assert.equal((await directory.read('ada')).pwdAccountLockedTime, lockedForGood)
})

test('without an encrypted connection nothing is asked and no password is sent', async (t) => {
  const directory = await startDirectory(t, { noTls: true })
  const url = `ldap://localhost:${directory.ldapPort}`

  assert.deepEqual(failure(await tryOut(directory, { url })), ['connect', 'StartTlsRefused', 'url'])
})

test('what stands behind the answer to StartTLS is not taken for encrypted', async (t) => {
  const accepted = Buffer.from('300c02010178070a010004000400', 'hex')
  const injected = Buffer.from('300c02010161070a010004000400', 'hex')
  for (const answer of [
    Buffer.concat([accepted, injected]),
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    Buffer.alloc(0),
  ]) {
    const received: Buffer[] = []
    const port = await listen(t, answer, received)
    const checks = await tryOut({ settings: await fixed() }, { url: `ldap://127.0.0.1:${port}` })

    assert.deepEqual(failure(checks), ['connect', 'StartTlsRefused', 'url'], JSON.stringify(checks))
    assert.ok(!Buffer.concat(received).includes(bindPassword))
    assert.equal(Buffer.concat(received).length, 31)
  }
})

async function fixed(): Promise<Readonly<Record<string, unknown>>> {
  const dn = 'cn=x,dc=example,dc=org'
  return { url: 'ldap://127.0.0.1', bindDn: dn, baseDn: dn, passwordPolicy: dn }
}

/** A server that gives one answer to whatever comes first, or ends the connection. */
async function listen(t: TestContext, answer: Buffer, received: Buffer[]): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received.push(chunk)
      if (answer.length === 0) socket.destroy()
      else socket.write(answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onEnd(t, () => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

test('the health of a connector is what this server last found, and begins anew when it is changed', async (t) => {
  const world = await startWorld(t)
  const path = `/api/v1/connectors/${world.connectorId}`
  const read = async (): Promise<unknown> => (await world.admin.get(path)).body.health.state
  const found = [await read()]

  await world.admin.post(`${path}/test`)
  found.push(await read())
  await world.directory.kill()
  await world.admin.post(`${path}/test`)
  found.push(await read())
  const { name, settings } = (await world.admin.get(path)).body
  await world.admin.send('PUT', path, JSON.stringify({ name, settings }), {
    'If-Match': '*',
    'Content-Type': 'application/json',
  })
  found.push(await read())

  assert.deepEqual(found, ['untested', 'working', 'failing', 'untested'])
  const audit = await world.admin.get('/api/v1/audit?action=testConnector')
  assert.deepEqual(
    audit.body.value.map((entry: { details: { failed: unknown } }) => entry.details.failed),
    ['Unreachable', null],
  )
})

test('an address that the server may not reach is not reached', async (t) => {
  const directory = await startDirectory(t)
  const cordon = await startCordon(t)
  const admin = await cordon.as('admin')
  const { body } = await createConnector(admin, { settings: directory.settings })

  const tried = await admin.post(`/api/v1/connectors/${body.id}/test`)

  assert.equal(tried.body.checks[0].code, 'AddressForbidden')
})

interface Outcome {
  readonly code: number
  readonly text: string
}

function runCli(args: readonly string[], input = ''): Promise<Outcome> {
  const program = join(import.meta.dirname, '../../src/cli/main.ts')
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, 'connector', ...args], (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, text: `${stdout}${stderr}` }),
    )
    child.stdin?.end(input)
  })
}

test('the command line sets a connector up beside a running server, which uses it at once', async (t) => {
  const directory = await startDirectory(t)
  const cordon = await startCordon(t, { outbound: { allow: ['127.0.0.1/32:*'] } })
  const folder = mkdtempSync(join(tmpdir(), 'cordon-connector-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const [secret, ca] = [join(folder, 'password'), join(folder, 'ca.crt')]
  writeFileSync(secret, `${bindPassword}\n`)
  writeFileSync(ca, directory.ca)
  const store = ['--data', cordon.dataDir]
  const { ca: _ca, ...settings } = directory.settings
  const single = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const tryIt = ['test', 'Head office', ...store, '--outbound-allow', '127.0.0.1/32:*']

  const named = ['--kind', 'ldap', '--name', 'Head office']
  const added = await runCli([
    'add',
    ...named,
    ...single,
    '--set-file',
    `ca=${ca}`,
    '--secret-file',
    `bindPassword=${secret}`,
    ...store,
  ])
  assert.equal(added.code, 0, added.text)
  const tried = await runCli(tryIt)
  assert.equal(tried.code, 0, tried.text)
  assert.match(tried.text, /ok {6}write: /)
  const admin = await cordon.as('admin')
  const [shown] = (await admin.get('/api/v1/connectors')).body.value
  assert.equal((await admin.post(`/api/v1/connectors/${shown.id}/test`)).body.ok, true)

  const rotated = await runCli(['rotate-keys', ...store])
  assert.match(rotated.text, /^1 secrets are sealed under seal-/)
  assert.equal((await admin.post(`/api/v1/connectors/${shown.id}/test`)).body.ok, true)

  const again = await runCli(
    ['set', shown.id, '--secret-file', 'bindPassword=-', '--set', 'usersMayChangePassword=true', ...store],
    'wrong',
  )
  assert.equal(again.code, 0, again.text)
  const failed = await runCli(tryIt)
  assert.equal(failed.code, 1)
  assert.match(failed.text, /FAILED {2}bind: .*\n +bindPassword: Set bindPassword anew/)

  const moved = await runCli(['set', shown.id, '--set', 'url=ldaps://elsewhere.example', ...store])
  assert.match(moved.text, /cleared; set them anew: bindPassword/)
  assert.match((await runCli(['list', ...store])).text, /ldaps:\/\/elsewhere\.example:636 {2}- +Head office/)
  assert.equal((await runCli(['add', ...named, '--set', 'url=http://x', ...store])).code, 2)
  assert.equal((await runCli(['remove', 'Head office', ...store])).code, 0)
  assert.deepEqual((await admin.get('/api/v1/connectors')).body.value, [])
})
