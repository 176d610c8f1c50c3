import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { loadTls, type TlsFiles } from '../../src/io/tls.ts'
import { makeClock, makeFolder } from './support.ts'

const run = promisify(execFile)
const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const hasPython = spawnSync('python3', ['-c', 'import ssl']).status === 0
const nowClock = () => makeClock(Date.now())

async function listen(t: TestContext, tls: TlsFiles, host: string): Promise<number> {
  const server = createServer({ cert: tls.cert, key: tls.key }, (_request, response) => response.end('hello'))
  server.listen(0, host)
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

async function fetchText(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    }).on('error', reject)
  })
}

test('a client that trusts ca.crt reaches the server by name and by both loopback addresses', async (t) => {
  const folder = await makeFolder(t)
  const tls = await loadTls(folder, [], nowClock())
  const ca = await readFile(tls.caPath, 'utf8')

  const port = await listen(t, tls, '127.0.0.1')
  assert.equal(await fetchText(`https://localhost:${port}/`, ca), 'hello')
  assert.equal(await fetchText(`https://127.0.0.1:${port}/`, ca), 'hello')
  const port6 = await listen(t, tls, '::1')
  assert.equal(await fetchText(`https://[::1]:${port6}/`, ca), 'hello')
})

test('a client that does not trust the CA, or asks for another name, refuses the server', async (t) => {
  const folder = await makeFolder(t)
  const other = await loadTls(await makeFolder(t), [], nowClock())
  const tls = await loadTls(folder, [], nowClock())
  const port = await listen(t, tls, '127.0.0.1')

  await assert.rejects(fetchText(`https://localhost:${port}/`, other.ca), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  const mismatch = new X509Certificate(tls.cert)
  assert.equal(mismatch.checkHost('evil.example'), undefined)
  assert.equal(mismatch.checkIP('192.0.2.1'), undefined)
})

test('OpenSSL accepts the chain under its strictest rules', {
  skip: hasOpenssl ? false : 'openssl is not here',
}, async (t) => {
  const folder = await makeFolder(t)
  const { caPath } = await loadTls(folder, ['cordon.example', '10.0.0.5'], nowClock())
  const chain = ['-x509_strict', '-purpose', 'sslserver', '-CAfile', caPath, join(folder, 'tls', 'server.crt')]

  for (const check of [
    ['-verify_hostname', 'cordon.example'],
    ['-verify_ip', '10.0.0.5'],
    ['-verify_ip', '::1'],
  ]) {
    const { stdout } = await run('openssl', ['verify', ...check, ...chain])
    assert.match(stdout, /: OK/)
  }
  await assert.rejects(run('openssl', ['verify', '-verify_hostname', 'evil.example', ...chain]))
})

test('Python accepts the chain under VERIFY_X509_STRICT', {
  skip: hasPython ? false : 'python3 is not here',
}, async (t) => {
  const tls = await loadTls(await makeFolder(t), [], nowClock())
  const port = await listen(t, tls, '127.0.0.1')
  const script = [
    'import ssl, socket, sys',
    'context = ssl.create_default_context(cafile=sys.argv[1])',
    'context.verify_flags |= ssl.VERIFY_X509_STRICT',
    "with socket.create_connection(('127.0.0.1', int(sys.argv[2]))) as plain:",
    "    with context.wrap_socket(plain, server_hostname='localhost') as secure: print(secure.version())",
  ].join('\n')

  const { stdout } = await run('python3', ['-c', script, tls.caPath, String(port)])

  assert.match(stdout, /^TLSv1\.3/)
})

test('the files have the modes their readers need', async (t) => {
  const folder = await makeFolder(t)
  await loadTls(folder, [], nowClock())

  const modes: Record<string, string> = {}
  for (const name of (await readdir(join(folder, 'tls'))).sort()) {
    modes[name] = ((await stat(join(folder, 'tls', name))).mode & 0o777).toString(8)
  }

  assert.deepEqual(modes, { 'ca.crt': '644', 'ca.key': '600', 'server.crt': '644', 'server.key': '600' })
})

test('the server certificate names this host and the names that are configured, and nothing that is no name', async (t) => {
  const names = ['Cordon.Example', 'https://[FD00::1]:8443', '10.0.0.5', '0.0.0.0', '::', 'bad name', '', '*']
  const tls = await loadTls(await makeFolder(t), names, nowClock())

  const listed = (new X509Certificate(tls.cert).subjectAltName ?? '').split(', ')

  const own = /^[a-z0-9._-]+$/i.test(hostname()) ? [`DNS:${hostname().toLowerCase()}`] : []
  const expected = new Set([
    'DNS:localhost',
    'IP Address:127.0.0.1',
    'IP Address:0:0:0:0:0:0:0:1',
    ...own,
    'DNS:cordon.example',
    'IP Address:FD00:0:0:0:0:0:0:1',
    'IP Address:10.0.0.5',
  ])
  assert.deepEqual(new Set(listed), expected)
})

test('a later start keeps the certificate while its names and its life are right', async (t) => {
  const folder = await makeFolder(t)
  const clock = nowClock()
  const first = await loadTls(folder, ['cordon.example'], clock)

  clock.advance(366 * 24 * 3_600)
  assert.equal((await loadTls(folder, ['cordon.example'], clock)).cert, first.cert)
})

test('a certificate is issued anew when names are added or taken away, by the same CA and key', async (t) => {
  const folder = await makeFolder(t)
  const first = await loadTls(folder, [], nowClock())

  const wider = await loadTls(folder, ['cordon.example'], nowClock())
  const narrower = await loadTls(folder, [], nowClock())

  assert.notEqual(wider.cert, first.cert)
  assert.equal(new X509Certificate(wider.cert).checkHost('cordon.example'), 'cordon.example')
  assert.equal(new X509Certificate(narrower.cert).checkHost('cordon.example'), undefined)
  assert.equal(wider.ca, first.ca)
  assert.equal(wider.key, first.key)
})

test('a certificate lives 397 days and is issued anew within 30 days of its end, the CA lives 10 years', async (t) => {
  const folder = await makeFolder(t)
  const clock = nowClock()
  const first = await loadTls(folder, [], clock)
  const days = (pem: string) => {
    const { validFromDate, validToDate } = new X509Certificate(pem)
    return (validToDate.getTime() - validFromDate.getTime()) / (24 * 3_600_000)
  }

  clock.advance(368 * 24 * 3_600)
  const second = await loadTls(folder, [], clock)

  assert.equal(Math.round(days(first.cert)), 397)
  assert.ok(Math.abs(days(first.ca) - 3_652) < 1)
  assert.notEqual(second.cert, first.cert)
  assert.equal(second.ca, first.ca)
})

test("a damaged server certificate is replaced; a CA that is not its key's, or an open key, stops the start", async (t) => {
  const folder = await makeFolder(t)
  const first = await loadTls(folder, [], nowClock())
  const other = await loadTls(await makeFolder(t), [], nowClock())

  await writeFile(join(folder, 'tls', 'server.crt'), 'damage')
  const healed = await loadTls(folder, [], nowClock())
  assert.ok(new X509Certificate(healed.cert).verify(new X509Certificate(first.ca).publicKey))

  await writeFile(join(folder, 'tls', 'server.crt'), other.cert)
  assert.notEqual((await loadTls(folder, [], nowClock())).cert, other.cert)

  await chmod(join(folder, 'tls', 'ca.key'), 0o644)
  await assert.rejects(loadTls(folder, [], nowClock()), /ca\.key holds a private key and is open to other users/)
  await chmod(join(folder, 'tls', 'ca.key'), 0o600)
  await writeFile(join(folder, 'tls', 'ca.crt'), other.ca)
  await assert.rejects(loadTls(folder, [], nowClock()), /does not belong to the ca\.key/)
})

test('a start that finds good files never loads the certificate library', async (t) => {
  const folder = await makeFolder(t)
  await loadTls(folder, [], nowClock())
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context) } })
    const { loadTls } = await import(${JSON.stringify(new URL('../../src/io/tls.ts', import.meta.url).href)})
    const { systemClock } = await import(${JSON.stringify(new URL('../../src/io/clock.ts', import.meta.url).href)})
    await loadTls(${JSON.stringify(folder)}, [], systemClock)
    console.log(JSON.stringify(loaded.filter((url) => url.includes('node_modules'))))
  `

  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script])

  assert.deepEqual(JSON.parse(stdout), [])
})
