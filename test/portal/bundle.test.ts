import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ensurePortal, isPortalFresh, outDir } from '../../tools/portal/build.ts'

await ensurePortal()

const shell = readFileSync(join(outDir, 'index.html'), 'utf8')
const small = (name: string): number => gzipSync(readFileSync(join(outDir, name)), { level: 9 }).length

test('what the queue needs at first is at most 150 KB of script, 190 KB in all', (t) => {
  const names = [...shell.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, name]) => name ?? '')
  const scripts = names.filter((name) => name.endsWith('.js'))
  const scriptBytes = scripts.reduce((sum, name) => sum + small(name), 0)
  const allBytes = names.reduce((sum, name) => sum + small(name), 0) + gzipSync(shell).length
  t.diagnostic(`scripts ${scriptBytes} bytes gzip in ${scripts.length} files, all ${allBytes}`)

  assert.ok(scripts.length >= 3 && scripts.length <= 6, `${scripts.length} files`)
  assert.ok(scriptBytes <= 150 * 1024, `${scriptBytes} bytes`)
  assert.ok(allBytes <= 190 * 1024, `${allBytes} bytes`)
})

test('dialogs and the other screens are loaded when they are opened, not before', () => {
  const chunks = readdirSync(join(outDir, 'assets')).filter((name) => name.endsWith('.js'))

  for (const part of [
    'incident',
    'confirm',
    'modal',
    'audit',
    'policies',
    'palette',
    'attack-story',
    'layout-worker',
  ]) {
    const name = chunks.find((chunk) => chunk.startsWith(`${part}-`))
    assert.ok(name, part)
    assert.ok(!shell.includes(name), part)
  }
})

test('the picture of the attack story is at most 35 KB, its layout among them', (t) => {
  const names = readdirSync(join(outDir, 'assets')).filter((name) => /^(attack-story|layout-worker)-/.test(name))
  const bytes = names.reduce((sum, name) => sum + small(`assets/${name}`), 0)
  t.diagnostic(`${bytes} bytes gzip in ${names.length} files`)

  assert.equal(names.length, 2)
  assert.ok(bytes <= 35 * 1024, `${bytes} bytes`)
})

test('the page asks no other origin for anything, and holds no script of its own', () => {
  assert.doesNotMatch(shell, /https?:\/\//)
  assert.doesNotMatch(shell, /<script(?![^>]*\ssrc=)/)
  assert.match(shell, /\{\{nonce\}\}/)
})

test('a bundle that was built from these sources is fresh, and only then', () => {
  assert.ok(existsSync(join(outDir, 'built-from')))
  assert.ok(isPortalFresh())
})
