import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readBundle, serveBundleFile, serveShell } from '../../src/api/portal/bundle.ts'
import { ensurePortal, outDir } from '../../tools/portal/build.ts'
import { makeCall } from '../access/support.ts'
import { onEnd } from '../support/cleanup.ts'

test('a portal that is built anew, or away, below a running server is served as it was at the start', async (t) => {
  await ensurePortal()
  const folder = await mkdtemp(join(tmpdir(), 'cordon-portal-'))
  onEnd(t, () => rm(folder, { recursive: true, force: true }))
  await cp(outDir, folder, { recursive: true })
  const { files, shell } = readBundle(folder)
  const handlers = [...files].map(([name, plain]) => serveBundleFile(name, plain))
  const page = serveShell(shell, async () => null)
  await rm(folder, { recursive: true })

  const plain = await Promise.all(handlers.map((handle) => handle(makeCall({}))))
  const small = await Promise.all(handlers.map((handle) => handle(makeCall({ headers: { 'accept-encoding': 'br' } }))))
  const document = await page(makeCall({}))
  const unbuilt = readBundle(folder)

  assert.ok(handlers.length > 50)
  assert.deepEqual(new Set([...plain, ...small, document].map(({ status }) => status)), new Set([200]))
  assert.ok(plain.every(({ body }) => Buffer.isBuffer(body) && body.length > 0))
  assert.match(String(document.body), /<div id="app"><\/div>/)
  assert.deepEqual(unbuilt, { files: new Map(), shell: null })
})

test('a document that cannot be filled is served empty: the page says itself what is wrong', async () => {
  await ensurePortal()
  const { shell } = readBundle()
  const page = serveShell(shell, () => Promise.reject(new Error('no database')))

  const document = await page(makeCall({}))

  assert.equal(document.status, 200)
  assert.match(String(document.body), /<title>Cordon<\/title>[\s\S]*<div id="app"><\/div>/)
})
