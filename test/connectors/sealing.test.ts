import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspect, promisify } from 'node:util'
import { type Clock, instantOf } from '../../src/io/clock.ts'
import { openSealer, SealError, type SecretPlace } from '../../src/io/sealing.ts'

const run = promisify(execFile)

const place: SecretPlace = {
  tenantId: 'tenant',
  connectorId: 'connector',
  name: 'bindPassword',
  address: 'ldaps://dc1.example:636',
}
const value = 'pässword 𝒳 "quoted"'
const clock: Clock = { nowMs: () => 0, now: () => instantOf(0) }

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-sealing-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('a sealed secret opens in its place, and is sealed differently each time', async (t) => {
  const sealer = openSealer(makeFolder(t), clock)

  const [one, two] = [await sealer.seal(place, value), await sealer.seal(place, value)]

  assert.equal((await sealer.open(place, one.text)).reveal(), value)
  assert.equal((await sealer.open(place, two.text)).reveal(), value)
  assert.notEqual(one.text, two.text)
  assert.doesNotMatch(one.text, /p.ssword|quoted/)
  assert.equal((await sealer.open(place, (await sealer.seal(place, '')).text)).reveal(), '')
})

test('a secret opens nowhere but in its place', async (t) => {
  const sealer = openSealer(makeFolder(t), clock)
  const { text } = await sealer.seal(place, value)
  const places: SecretPlace[] = [
    { ...place, tenantId: 'another' },
    { ...place, connectorId: 'another' },
    { ...place, name: 'another' },
    { ...place, address: 'ldaps://dc1.attacker.example:636' },
    { ...place, tenantId: 'tenant","connector', connectorId: '' },
  ]

  for (const other of places) {
    await assert.rejects(sealer.open(other, text), SealError)
    await assert.rejects(openSealer(makeFolder(t), clock).open(other, text), SealError)
    await sealer.addKey()
    await assert.rejects(sealer.rewrap(other, text), SealError)
  }
})

test('no character of a sealed secret can be changed', async (t) => {
  const sealer = openSealer(makeFolder(t), clock)
  const { text } = await sealer.seal(place, value)

  for (let at = 0; at < text.length; at++) {
    const other = text[at] === 'A' ? 'B' : 'A'
    await assert.rejects(sealer.open(place, `${text.slice(0, at)}${other}${text.slice(at + 1)}`), SealError, `at ${at}`)
  }
  for (const broken of ['', '....', `${text}.`, text.slice(0, -1), text.split('.').slice(0, 3).join('.')]) {
    await assert.rejects(sealer.open(place, broken), SealError)
  }
})

test('what one process seals, another opens, also under a key that was made since', async (t) => {
  const folder = makeFolder(t)
  const [one, two] = [openSealer(folder, clock), openSealer(folder, clock)]
  const first = await one.seal(place, value)
  assert.equal((await two.open(place, first.text)).reveal(), value)

  await one.addKey()
  const second = await two.seal(place, value)

  assert.notEqual(second.keyId, first.keyId)
  assert.equal((await one.open(place, second.text)).reveal(), value)
  assert.equal((await one.open(place, first.text)).reveal(), value)
})

test('servers that start at once on an empty folder can open what each seals', async (t) => {
  const folder = makeFolder(t)
  const sealers = Array.from({ length: 5 }, () => openSealer(folder, clock))

  const sealed = await Promise.all(sealers.map((sealer) => sealer.seal(place, value)))

  for (const sealer of sealers) {
    for (const { text } of sealed) assert.equal((await sealer.open(place, text)).reveal(), value)
  }
})

test('a new key wraps the old secret, whose content stays', async (t) => {
  const sealer = openSealer(makeFolder(t), clock)
  const old = await sealer.seal(place, value)
  assert.equal(await sealer.rewrap(place, old.text), null)

  const keyId = await sealer.addKey()
  const rewrapped = await sealer.rewrap(place, old.text)

  assert.equal(rewrapped?.keyId, keyId)
  assert.equal((await sealer.open(place, rewrapped?.text ?? '')).reveal(), value)
  assert.equal(rewrapped?.text.split('.')[3], old.text.split('.')[3])
  await sealer.removeKey(old.keyId)
  assert.equal((await sealer.open(place, rewrapped?.text ?? '')).reveal(), value)
  await assert.rejects(sealer.open(place, old.text), /the sealing key seal-\w+ is not in the key folder/)
})

test('keys are private files, and the newest is the last that was made even when the clock stands still', async (t) => {
  const folder = makeFolder(t)
  const sealer = openSealer(folder, clock)

  const made = [await sealer.addKey(), await sealer.addKey(), await sealer.addKey()]

  assert.deepEqual(
    (await sealer.listKeys()).map((key) => key.id),
    made,
  )
  const keys = join(folder, 'keys', 'sealing')
  assert.equal(statSync(keys).mode & 0o777, 0o700)
  for (const name of readdirSync(keys)) assert.equal(statSync(join(keys, name)).mode & 0o777, 0o600)
})

test('a damaged key file is named, and nothing of it is told', async (t) => {
  const folder = makeFolder(t)
  const sealer = openSealer(folder, clock)
  const id = await sealer.addKey()
  const path = join(folder, 'keys', 'sealing', `${id}.json`)
  for (const damage of ['{"k":"c2VjcmV0"', '[]', '{"id":"x","createdAt":"y","k":"c2VjcmV0"}']) {
    writeFileSync(path, damage)

    await assert.rejects(sealer.seal(place, value), (cause) => {
      assert.ok(inspect(cause).includes(path))
      assert.doesNotMatch(inspect(cause), /c2VjcmV0/)
      return true
    })
  }
})

test('an opened secret shows itself only to who reveals it', async (t) => {
  const sealer = openSealer(makeFolder(t), clock)
  const secret = await sealer.open(place, (await sealer.seal(place, 'canary')).text)

  for (const shown of [
    String(secret),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ a: [secret] }),
    `${secret}`,
  ]) {
    assert.doesNotMatch(shown, /canary/)
    assert.match(shown, /\[secret\]/)
  }
})

test('the log writes no secret, opened or by name', async () => {
  const script = `
    import { createLog } from '${new URL('../../src/io/log.ts', import.meta.url).href}'
    const log = createLog('info')
    const value = 'canary'
    log.info({ secrets: { bindPassword: value }, order: { apiKey: value, deep: { password: value } }, token: value }, 'set')
    log.error({ err: new Error('failed', { cause: new Error('inner') }), headers: { authorization: value } }, 'failed')
  `
  const { stdout } = await run(process.execPath, ['--input-type=module-typescript', '--eval', script])

  const lines = stdout.trim().split('\n')
  assert.equal(lines.length, 2)
  assert.doesNotMatch(stdout, /canary/)
  assert.match(lines[0] ?? '', /"secrets":"\[redacted\]"/)
})
