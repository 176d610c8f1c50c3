import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { proveApplication } from '../../src/access/applications.ts'
import { provePassword } from '../../src/access/credentials/passwords.ts'
import { createUser } from '../../src/access/users.ts'
import { databaseFile } from '../../src/io/data-dir.ts'
import { openStore } from '../../src/store/db.ts'
import { insertPasskey } from '../../src/store/passkeys.ts'
import { makeDatabase } from '../support/databases.ts'
import { makeFolder, openAccess } from './support.ts'

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

async function runCordon(cwd: string, ...args: string[]): Promise<Outcome> {
  return runWithInput('', cwd, ...args)
}

async function runWithInput(input: string, cwd: string, ...args: string[]): Promise<Outcome> {
  const env = { PATH: process.env.PATH ?? '' }
  const child = spawn(process.execPath, [program, ...args], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(input)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

async function readJson(outcome: Promise<Outcome>): Promise<unknown> {
  const { code, stdout, stderr } = await outcome
  assert.equal(code, 0, stderr)
  assert.equal(stdout.split('\n').length, 2)
  return JSON.parse(stdout)
}

function isRecord(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null
}

test('client create prints working credentials, also while a server has the database open', async (t) => {
  const access = await openAccess(t)
  const { folder } = access

  const args = ['client', 'create', '--name', 'SIEM', '--role', 'responder', '--data', folder, '--json']
  const made = await readJson(runCordon(folder, ...args))

  assert.ok(isRecord(made))
  assert.deepEqual(Object.keys(made), ['tenantId', 'clientId', 'clientSecret'])
  const { tenantId = '', clientId = '', clientSecret = '' } = made
  assert.equal(tenantId, access.tenant.id)
  const proved = await proveApplication(access.store.read, tenantId, clientId, clientSecret)
  assert.deepEqual(proved, { tenantId, id: clientId, name: 'SIEM', role: 'responder' })
  const entry = (await access.readAudit()).find((row) => row.action === 'createApplication')
  assert.match(entry?.actor_name ?? '', /^cordon client create \(.+\)$/)
})

test('user password reads the password from standard input and takes it away again', async (t) => {
  const access = await openAccess(t)
  const { folder } = access
  const data = ['--name', 'Ada', '--data', folder]
  await createUser(access, access.operator, { name: 'Ada', role: 'reader' })
  const password = 'correct horse battery staple'
  const prove = () => provePassword(access, access.tenant.id, 'ada', password)

  const weak = await runWithInput('too short\n', folder, 'user', 'password', ...data)
  const set = await runWithInput(`${password}\n`, folder, 'user', 'password', ...data)
  const proved = await prove()
  const removed = await runCordon(folder, 'user', 'password', '--remove', ...data)

  assert.deepEqual([weak.code, set.code, removed.code], [2, 0, 0], set.stderr)
  assert.equal(proved?.name, 'Ada')
  assert.equal(await prove(), undefined)
})

test('client create --public makes a client without a secret that people sign in for', async (t) => {
  const { folder } = await openAccess(t)
  const args = ['client', 'create', '--name', 'Board', '--role', 'reader', '--data', folder, '--json', '--public']

  const without = await runCordon(folder, ...args)
  const made = await readJson(runCordon(folder, ...args, '--redirect-uri', 'https://board.example/callback'))

  assert.equal(without.code, 2)
  assert.ok(isRecord(made))
  assert.deepEqual(Object.keys(made), ['tenantId', 'clientId'])
})

test('client create works before the first start and in a tenant named by its domain', async (t) => {
  const folder = await makeFolder(t)
  const data = ['--data', folder, '--json']

  const first = await readJson(runCordon(folder, 'client', 'create', '--name', 'a', '--role', 'reader', ...data))
  const tenant = await readJson(
    runCordon(folder, 'tenant', 'create', '--name', 'Fabrikam', '--domain', 'Fabrikam.Example', ...data),
  )
  const args = ['--name', 'b', '--role', 'admin', '--tenant', 'fabrikam.example', ...data]
  const second = await readJson(runCordon(folder, 'client', 'create', ...args))
  const tenants = await readJson(runCordon(folder, 'tenant', 'list', ...data))

  assert.ok(isRecord(first) && isRecord(tenant) && isRecord(second) && Array.isArray(tenants))
  assert.equal(second.tenantId, tenant.tenantId)
  assert.notEqual(first.tenantId, tenant.tenantId)
  assert.deepEqual(
    tenants.map((one: unknown) => (isRecord(one) ? [one.tenantId, one.name, one.domain] : one)),
    [
      [first.tenantId, 'default', null],
      [tenant.tenantId, 'Fabrikam', 'fabrikam.example'],
    ],
  )
})

test('a person of one tenant gets a role in another from the command line, and loses it', async (t) => {
  const folder = await makeFolder(t)
  const data = ['--data', folder, '--json']
  await readJson(runCordon(folder, 'user', 'create', '--name', 'ada', '--role', 'expert', ...data))
  await readJson(runCordon(folder, 'tenant', 'create', '--name', 'All', ...data))
  await readJson(runCordon(folder, 'tenant', 'rename', '--name', 'Contoso SOC', '--code', 'soc', ...data))
  const member = (verb: string, ...args: string[]): Promise<unknown> =>
    readJson(runCordon(folder, 'tenant', 'member', verb, '--tenant', 'All', ...args, ...data))

  await member('add', '--name', 'ada', '--role', 'responder')
  const listed = await member('list')
  await member('remove', '--name', 'ada')
  const left = await member('list')
  const tenants = await readJson(runCordon(folder, 'tenant', 'list', ...data))

  assert.ok(Array.isArray(listed) && isRecord(listed[0]) && Array.isArray(tenants))
  assert.deepEqual([listed[0].name, listed[0].role], ['ada (Contoso SOC)', 'responder'])
  assert.deepEqual(left, [])
  // `all` stands for every tenant in the portal's addresses, and is nobody's code.
  assert.deepEqual(
    tenants.map((one: unknown) => (isRecord(one) ? [one.name, one.code] : one)),
    [
      ['Contoso SOC', 'soc'],
      ['All', 'all2'],
    ],
  )
})

test('a listed client has no secret, and a revoked one is listed as revoked', async (t) => {
  const folder = await makeFolder(t)
  const data = ['--data', folder]
  const made = await readJson(
    runCordon(folder, 'client', 'create', '--name', 'a', '--role', 'reader', ...data, '--json'),
  )
  assert.ok(isRecord(made))
  const { clientId = '', clientSecret = '' } = made

  const revoked = await runCordon(folder, 'client', 'revoke', clientId, ...data)
  const listed = await runCordon(folder, 'client', 'list', ...data)
  const json = await readJson(runCordon(folder, 'client', 'list', ...data, '--json'))

  assert.equal(revoked.code, 0, revoked.stderr)
  assert.match(listed.stdout, new RegExp(`^CLIENT ID +ROLE +CREATED +REVOKED +NAME\n${clientId} +reader +20`))
  assert.ok(Array.isArray(json) && isRecord(json[0]))
  assert.match(json[0].revokedDateTime ?? '', /^20\d\d-/)
  assert.ok(!listed.stdout.includes(clientSecret))
})

test('without --json people get the same in words', async (t) => {
  const folder = await makeFolder(t)

  const args = ['client', 'create', '--name', 'a', '--role', 'reader', '--data', folder]
  const { code, stdout } = await runCordon(folder, ...args)

  assert.equal(code, 0)
  assert.match(
    stdout,
    /^tenant id {6}[0-9a-f-]{36}\nclient id {6}[0-9a-f-]{36}\nclient secret {2}[\w-]{43}\n\nKeep the secret now/,
  )
})

test('user link makes a link behind the address of the server', async (t) => {
  const folder = await makeFolder(t)
  const data = ['--data', folder, '--json']
  await readJson(runCordon(folder, 'user', 'create', '--name', 'Ada', '--role', 'responder', ...data))

  const args = ['user', 'link', '--name', 'Ada', '--server', 'https://cordon.example/', ...data]
  const link = await readJson(runCordon(folder, ...args))

  assert.ok(isRecord(link))
  assert.match(link.link ?? '', /^https:\/\/cordon\.example\/login\?token=[\w-]{43}$/)
})

test('user passkey lists what a person signs in with and takes it away from who lost the device', async (t) => {
  const folder = await makeFolder(t)
  const data = ['--name', 'Ada', '--data', folder]
  const made = await readJson(runCordon(folder, 'user', 'create', '--role', 'responder', ...data, '--json'))
  assert.ok(isRecord(made))
  const { tenantId = '', userId = '' } = made
  const store = await openStore(databaseFile(folder))
  const [first, second] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222']
  await store.transaction(async (tx) => {
    for (const id of [first, second]) {
      const facts = {
        rp_id: 'cordon.example',
        name: 'Phone',
        transports: '["internal"]',
        multi_device: 1,
        backed_up: 1,
      }
      const times = { created_at: '2026-03-01T10:00:00.0000000Z', last_used_at: null }
      const row = { tenant_id: tenantId, id, user_id: userId, credential_id: id, public_key: '', counter: 0 }
      await insertPasskey(tx, { ...row, ...facts, ...times })
    }
  })
  await store.close()

  const vague = await runCordon(folder, 'user', 'passkey', 'remove', ...data)
  const words = await runCordon(folder, 'user', 'passkey', 'list', ...data)
  const one = await readJson(runCordon(folder, 'user', 'passkey', 'remove', '--id', first, ...data, '--json'))
  const all = await runCordon(folder, 'user', 'passkey', 'remove', '--all', ...data)
  const listed = await readJson(runCordon(folder, 'user', 'passkey', 'list', ...data, '--json'))

  assert.equal(vague.code, 2)
  assert.match(vague.stderr, /--id ID, or --all/)
  assert.match(
    words.stdout,
    new RegExp(
      `^PASSKEY ID +CREATED +LAST USED +HOST +NAME\n${first} +2026-03-01T10:00:00 +- +cordon\\.example +Phone`,
    ),
  )
  assert.deepEqual(one, { userId, removed: [first] })
  assert.equal(all.stdout, `removed ${second}\n`)
  assert.deepEqual(listed, [])
})

const wrong: readonly [name: string, args: (folder: string) => string[], code: number, stderr: RegExp][] = [
  [
    'an unknown role',
    (folder) => ['client', 'create', '--name', 'x', '--role', 'owner', '--data', folder],
    2,
    /reader, responder/,
  ],
  [
    'a name with a line break',
    (folder) => ['client', 'create', '--name', 'a\nb', '--role', 'reader', '--data', folder],
    2,
    /A name has/,
  ],
  ['a missing option', (folder) => ['client', 'create', '--name', 'x', '--data', folder], 2, /--role/],
  ['an unknown option', (folder) => ['client', 'list', '--nonsense', '--data', folder], 2, /--nonsense/],
  ['no store', () => ['client', 'list'], 2, /--data DIR or --database URL/],
  ['a database that is no URL', () => ['client', 'list', '--database', 'cordon.db'], 2, /postgres:/],
  ['an unknown tenant', (folder) => ['client', 'list', '--tenant', 'nobody', '--data', folder], 2, /no such tenant/],
  [
    'a domain that is none',
    (folder) => ['tenant', 'create', '--name', 'x', '--domain', 'x', '--data', folder],
    2,
    /contoso\.example/,
  ],
  ['an unknown client', (folder) => ['client', 'revoke', 'nobody', '--data', folder], 1, /no such application/],
  ['a database out of reach', () => ['client', 'list', '--database', 'postgres://x@127.0.0.1:1/x'], 1, /ECONNREFUSED/],
]
for (const [name, args, code, stderr] of wrong) {
  test(`${name} ends with exit code ${code} and says why`, async (t: TestContext) => {
    const folder = await makeFolder(t)

    const outcome = await runCordon(folder, ...args(folder))

    assert.equal(outcome.code, code, outcome.stderr)
    assert.match(outcome.stderr, stderr)
    assert.equal(outcome.stdout, '')
  })
}

test('help ends with exit code 0', async (t) => {
  const folder = await makeFolder(t)

  assert.equal((await runCordon(folder, 'client', 'create', '--help')).code, 0)
})

test('client create takes a PostgreSQL URL instead of a folder', async (t) => {
  const folder = await makeFolder(t)
  const database = await makeDatabase(t, 'postgres')

  const args = ['client', 'create', '--name', 'x', '--role', 'reader', '--database', database, '--json']
  const made = await readJson(runCordon(folder, ...args))

  assert.ok(isRecord(made))
  const store = await openStore(database)
  t.after(() => store.close())
  const { tenantId = '', clientId = '', clientSecret = '' } = made
  assert.equal(typeof (await proveApplication(store.read, tenantId, clientId, clientSecret)), 'object')
})
