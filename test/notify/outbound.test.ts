import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { isPublicAddress, readAllowedNetwork } from '../../src/io/addresses.ts'
import { createOutbound, type OutboundRequest } from '../../src/io/outbound.ts'
import { onEnd } from '../support/cleanup.ts'
import { receiverTls, startReceiver } from '../support/receiver.ts'

const request = (url: string, timeoutMs = 60_000): OutboundRequest => ({
  url,
  contentType: 'text/plain',
  body: 'x',
  timeoutMs,
})

const loopback = ['127.0.0.2/32:*']

test('no address but those of the public unicast internet is public', () => {
  const inner = [
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.31.0.1'],
    ...['192.0.0.1', '192.0.2.1', '192.168.1.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1'],
    ...['240.0.0.1', '255.255.255.255', '::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '64:ff9b::7f00:1'],
    ...['64:ff9b:1::1', 'fc00::1', 'fd00::1', 'fe80::1', 'fec0::1', 'ff02::1', '2001::1', '2001:db8::1'],
    ...['2002:7f00:1::', '3fff::1', '100::1', '5f00::1', 'localhost', ''],
  ]
  for (const address of inner) assert.equal(isPublicAddress(address), false, address)
  for (const address of ['8.8.8.8', '1.1.1.1', '100.128.0.1', '172.32.0.1', '2606:4700::1111', '2a00:1450::1']) {
    assert.equal(isPublicAddress(address), true, address)
  }
})

test('URLs on which parsers disagree, other schemes, users and ports are refused without resolving', async () => {
  const asked: string[] = []
  const outbound = createOutbound({
    allow: [],
    resolve: async (host) => {
      asked.push(host)
      return []
    },
  })
  const urls = [
    ...['ftp://hooks.example/x', 'gopher://127.0.0.1:6379/_x', 'data:text/plain,x', '//hooks.example/x', 'https://'],
    ...['http://hooks.example/', 'javascript:1', 'file:///etc/passwd', 'https:hooks.example', 'https:/hooks.example/'],
    ...['https://127.1/x', 'https://2130706433/x', 'https://0177.0.0.1/x', 'https://0x7f.1/x', 'https://127.0.0.1./x'],
    ...['https://user:pw@hooks.example/x', 'https://hooks.example@127.0.0.1/x', 'https://@hooks.example/'],
    ...['https://hooks.example\\@127.0.0.1/x', 'https://127.0.0.1%23.hooks.example/x', 'https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/x'],
    ...[
      'https://hooks.example:22/x',
      'https://hooks.example:80/x',
      'https://hooks.example:0/',
      'https://hooks.example./',
    ],
    ...[
      'https://hooks.example:99999/',
      'https://hooks.example/#x',
      'https://hooks.example/ x',
      ' https://hooks.example/',
    ],
    ...['https://hooks.example/\n', 'https://[::1%25lo]/x', `https://hooks.example/${'x'.repeat(2048)}`, ''],
  ]
  for (const url of urls) {
    const answer = await outbound.post(request(url))
    assert.ok('failed' in answer && answer.failed === 'refused', `${url}: ${JSON.stringify(answer)}`)
    assert.notEqual(outbound.check(url), null, url)
  }
  assert.deepEqual(asked, [])
})

test('addresses inside are refused in every spelling, and nothing is sent', async (t) => {
  const receiver = await startReceiver(t)
  const outbound = createOutbound({ allow: ['10.0.0.0/8:*'] })
  const hosts = ['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[fd00::1]']
  for (const host of [...hosts, '[64:ff9b::7f00:1]', '0.0.0.0', '169.254.169.254', '192.168.0.1']) {
    const answer = await outbound.post(request(`https://${host}:${receiver.port}/x`))
    assert.ok('failed' in answer && answer.failed === 'refused', `${host}: ${JSON.stringify(answer)}`)
  }
  assert.equal(receiver.connections(), 0)
})

test('every address of a name must pass, and the one that passed is connected to without asking again', async (t) => {
  const receiver = await startReceiver(t)
  const { ca } = await receiverTls()
  let asked = 0
  const rebinding = createOutbound({
    allow: loopback,
    ca,
    // The first answer may be reached; any later one would lead elsewhere.
    resolve: async () => [{ address: asked++ === 0 ? '127.0.0.2' : '127.0.0.3', family: 4 }],
  })
  const mixed = createOutbound({
    allow: [],
    resolve: async () => [
      { address: '93.184.215.14', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ],
  })

  const answer = await rebinding.post(request(`https://localhost:${receiver.port}/x`))
  const refused = await mixed.post(request('https://hooks.example/x'))

  assert.deepEqual(answer, { status: 202, contentType: '', body: '' })
  assert.equal(asked, 1)
  assert.equal(receiver.received.length, 1)
  assert.ok('failed' in refused && refused.failed === 'refused')
})

test('an allowed network opens its own addresses and ports only', async (t) => {
  const receiver = await startReceiver(t)
  const { ca } = await receiverTls()
  const url = `https://127.0.0.2:${receiver.port}/x`
  const answers = await Promise.all(
    [`127.0.0.0/8:${receiver.port}`, '127.0.0.2/32:*', '127.0.0.0/8:1', '10.0.0.0/8:*', '[::1]/128:*'].map((entry) =>
      createOutbound({ allow: [entry], ca }).post(request(url)),
    ),
  )

  assert.deepEqual(
    answers.map((answer) => ('failed' in answer ? answer.failed : answer.status)),
    [202, 202, 'refused', 'refused', 'refused'],
  )
  for (const entry of ['10.0.0.0:443', '10.0.0.0/33:443', '10.0.0.0/8', 'fd00::/8:443', '10.0.0.0/8:0', 'x', '']) {
    assert.throws(() => readAllowedNetwork(entry), /allowed network/, entry)
  }
})

test('a certificate of an unknown authority or another name is not accepted', async (t) => {
  const receiver = await startReceiver(t)
  const { ca } = await receiverTls()
  const resolve = async (): Promise<{ address: string; family: number }[]> => [{ address: '127.0.0.2', family: 4 }]

  const unknown = await createOutbound({ allow: loopback }).post(request(`${receiver.origin}/`))
  const other = await createOutbound({ allow: loopback, ca, resolve }).post(
    request(`https://hooks.example:${receiver.port}/`),
  )

  assert.ok('failed' in unknown && unknown.failed === 'unreachable')
  assert.ok('failed' in other && other.failed === 'unreachable')
  assert.equal(receiver.received.length, 0)
})

test('a redirect is an answer, and at most 4 KiB are read', async (t) => {
  const receiver = await startReceiver(t)
  const { ca } = await receiverTls()
  const outbound = createOutbound({ allow: loopback, ca })
  receiver.behave(({ path }) =>
    path === '/away'
      ? { status: 302, headers: { Location: `${receiver.origin}/elsewhere` } }
      : { status: 200, text: 'y'.repeat(1024 * 1024) },
  )

  const redirected = await outbound.post(request(`${receiver.origin}/away`))
  const long = await outbound.post(request(`${receiver.origin}/long`))

  assert.ok(!('failed' in redirected) && redirected.status === 302)
  assert.ok(!('failed' in long) && long.body === 'y'.repeat(4096))
  assert.deepEqual(
    receiver.received.map(({ path }) => path),
    ['/away', '/long'],
  )
})

test('whatever hangs ends in time: the resolver, the connection, the answer', async (t) => {
  const receiver = await startReceiver(t)
  const { ca } = await receiverTls()
  receiver.behave(() => 'hang')
  const silent = createServer()
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.2', resolve))
  const sockets: { destroy(): void }[] = []
  silent.on('connection', (socket) => sockets.push(socket))
  onEnd(t, () => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const address = silent.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0

  // Nothing else would ever end these.
  const answers = await Promise.all([
    createOutbound({ allow: loopback, ca }).post(request(`${receiver.origin}/`, 300)),
    createOutbound({ allow: loopback, ca }).post(request(`https://127.0.0.2:${port}/`, 300)),
    createOutbound({ allow: [], resolve: () => new Promise(() => undefined) }).post(
      request('https://hooks.example', 300),
    ),
  ])

  for (const answer of answers) assert.ok('failed' in answer && answer.failed === 'timeout', JSON.stringify(answer))
})
