import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { createPublicKey, sign, verify } from 'node:crypto'
import { once } from 'node:events'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readOrMake } from '../../src/io/key-files.ts'
import { loadKeys } from '../../src/io/secrets.ts'
import { makeClock, makeFolder } from './support.ts'

test('the first start makes all keys, private to their owner, and a later start finds the same', async (t) => {
  const folder = await makeFolder(t)

  const made = await loadKeys(folder, makeClock())
  const found = await loadKeys(folder, makeClock())

  assert.equal((await stat(join(folder, 'keys'))).mode & 0o777, 0o700)
  for (const name of await readdir(join(folder, 'keys'))) {
    assert.equal((await stat(join(folder, 'keys', name))).mode & 0o777, 0o600, name)
  }
  assert.equal(found.tokenKeys[0].kid, made.tokenKeys[0].kid)
  assert.equal(found.commandKey.publicKeyPem, made.commandKey.publicKeyPem)
  assert.deepEqual(found.pagingKey, made.pagingKey)
})

test('each key has the form its use needs', async (t) => {
  const folder = await makeFolder(t)

  const { tokenKeys, commandKey, pagingKey } = await loadKeys(folder, makeClock())

  assert.equal(tokenKeys[0].privateKey.asymmetricKeyType, 'ec')
  assert.match(tokenKeys[0].kid, /^[\w-]{43}$/)
  assert.deepEqual(Object.keys(tokenKeys[0].publicJwk).sort(), ['crv', 'kty', 'x', 'y'])
  assert.equal(commandKey.kid, 'cmd-2026-1')
  const signature = sign(null, Buffer.from('isolate'), commandKey.privateKey)
  assert.ok(verify(null, Buffer.from('isolate'), createPublicKey(commandKey.publicKeyPem), signature))
  assert.equal(pagingKey.length, 32)
})

test('the first of several token keys signs and the others stay for verification', async (t) => {
  const folder = await makeFolder(t)
  const other = await makeFolder(t)
  const path = join(folder, 'keys', 'token-signing.json')
  const [old] = (await loadKeys(folder)).tokenKeys
  const [next] = (await loadKeys(other)).tokenKeys

  const keys = [next, old].map((key) => key.privateKey.export({ format: 'jwk' }))
  await writeFile(path, JSON.stringify({ keys }))

  const rotated = (await loadKeys(folder)).tokenKeys.map((key) => key.kid)
  assert.deepEqual(rotated, [next.kid, old.kid])
})

test('a key file that others may read stops the start and is named', async (t) => {
  const folder = await makeFolder(t)
  await loadKeys(folder)
  await chmod(join(folder, 'keys', 'paging.json'), 0o640)

  await assert.rejects(loadKeys(folder), /paging\.json holds a private key and is open to other users/)
})

test('a damaged key file stops the start, is named and is left as it was', async (t) => {
  const folder = await makeFolder(t)
  await loadKeys(folder)
  const path = join(folder, 'keys', 'command-signing.json')

  for (const damage of [
    '',
    '{',
    '{"keys":[]}',
    '{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"x","d":"AA","x":"AA"}]}',
    '[]',
  ]) {
    await writeFile(path, damage)
    await assert.rejects(loadKeys(folder), /command-signing\.json is not a key file of Cordon/)
    assert.equal(await readFile(path, 'utf8'), damage)
  }
})

test('of many makers of one file one wins, all get its content, and nothing else is left', async (t) => {
  const folder = await makeFolder(t)
  const path = join(folder, 'secret')

  const contents = await Promise.all(
    Array.from({ length: 20 }, (_, at) => readOrMake(path, 0o600, async () => `content ${at}`)),
  )

  assert.equal(new Set(contents).size, 1)
  assert.deepEqual(await readdir(folder), ['secret'])
})

test('processes that start at once on one folder end up with the same keys', { timeout: 60_000 }, async (t) => {
  const folder = await makeFolder(t)
  const program = fileURLToPath(new URL('./print-keys.ts', import.meta.url))

  const children = Array.from({ length: 4 }, () =>
    fork(program, [folder], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
  )
  const messages = await Promise.all(children.map((child) => once(child, 'message')))
  await Promise.all(children.map((child) => (child.exitCode === null ? once(child, 'exit') : null)))

  const distinct = new Set(messages.map(([message]) => JSON.stringify(message)))
  assert.equal(distinct.size, 1)
})
