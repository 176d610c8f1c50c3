import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../src/io/clock.ts'
import { loadTls } from '../../src/io/tls.ts'
import { waitUntil } from '../support/answers.ts'
import { onEnd } from '../support/cleanup.ts'
import type { Client } from '../support/cordon.ts'
import { giveTenant } from '../support/given.ts'
import { createLab, type Lab } from '../support/netns.ts'
import { type HostileCase, readCases } from './case-file.ts'
import { prepare, readTarget } from './case-parts.ts'
import { type RemoteServer, startRemote } from './remote.ts'
import { createWorld } from './world.ts'

const serverPort = 8443
/** Ports of the receivers outside, by what they do. */
const receivers = { good: 443, wrongEcho: 8443, hang: 9443, redirect: 10443 } as const

/** Names the server's namespace knows; none of them may lead it inside. */
const inside: Readonly<Record<string, string>> = {
  'inner.example': '10.0.0.5',
  'meta.example': '169.254.169.254',
  'loop.example': '127.0.0.1',
  'six.example': 'fd00::1',
  'mapped.example': '::ffff:127.0.0.1',
  'nat64.example': '64:ff9b::a00:5',
  'carrier.example': '100.64.0.1',
  'broadcast.example': '255.255.255.255',
}

/** What left the server's process, and a server whose packets are watched. */
interface Watched {
  readonly remote: RemoteServer
  /** Every `address port` a packet was sent to, ever, but for answers to the test's own requests. */
  readonly destinations: () => Promise<Set<string>>
}

/**
 * Every packet of the namespace that is no answer to the test goes into a set, loopback's and those nobody routes included. What the kernel itself
 * says when an interface comes up, by ICMPv6 and IGMP, is none of the server's.
 */
function ruleset(lab: Lab): string {
  return `table inet sink {
    set seen4 { type ipv4_addr . inet_service; flags dynamic; size 4096; }
    set seen6 { type ipv6_addr . inet_service; flags dynamic; size 4096; }
    set others { type ipv4_addr; flags dynamic; size 4096; }
    chain out {
      type filter hook output priority -300; policy accept;
      ip daddr ${lab.control4} tcp sport ${serverPort} accept
      meta l4proto { tcp, udp } ip daddr != 0.0.0.0/32 add @seen4 { ip daddr . th dport }
      meta l4proto { tcp, udp } ip6 daddr != ::/128 add @seen6 { ip6 daddr . th dport }
      meta l4proto != { tcp, udp, icmpv6, igmp } ip daddr != 0.0.0.0/32 add @others { ip daddr }
    }
  }`
}

async function readSets(lab: Lab): Promise<Set<string>> {
  const seen = new Set<string>()
  for (const name of ['seen4', 'seen6', 'others']) {
    const { stdout } = await lab.exec(lab.endpoint, 'nft', '-j', 'list', 'set', 'inet', 'sink', name)
    const listed: { nftables: { set?: { elem?: (string | { concat: [string, number] })[] } }[] } = JSON.parse(stdout)
    const elements = listed.nftables.flatMap(({ set }) => set?.elem ?? [])
    for (const element of elements) seen.add(typeof element === 'string' ? element : element.concat.join(' '))
  }
  return seen
}

/** Files that stand for those in /etc inside of a namespace, as `ip netns exec` has it. */
function nameHosts(t: TestContext, lab: Lab): void {
  const folder = `/etc/netns/${lab.endpoint}`
  const made = mkdirSync(folder, { recursive: true })
  onEnd(t, () => rmSync(made ?? folder, { recursive: true, force: true }))
  const lines = Object.entries({ localhost: '127.0.0.1', ...inside }).map(([name, address]) => `${address} ${name}`)
  // One name that is both: every address of a name must pass.
  writeFileSync(
    join(folder, 'hosts'),
    [...lines, `${lab.internet4} mixed.example`, '10.0.0.6 mixed.example', ''].join('\n'),
  )
  writeFileSync(join(folder, 'resolv.conf'), `nameserver ${lab.internet4}\noptions timeout:1 attempts:1\n`)
}

async function startReceivers(t: TestContext, lab: Lab): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-sink-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const { cert, key, caPath } = await loadTls(folder, [lab.internet4], systemClock)
  const [certFile, keyFile] = [join(folder, 'receiver.crt'), join(folder, 'receiver.key')]
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key, { mode: 0o600 })
  const program = join(import.meta.dirname, 'sink-receiver.ts')
  const ports = Object.entries(receivers).map(([behaviour, port]) => `${port}:${behaviour}`)
  const child = lab.start(lab.internet, process.execPath, program, certFile, keyFile, ...ports)
  let log = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    log += chunk.toString()
  })
  await waitUntil(
    async () => log.split('listening').length - 1,
    (count) => count === ports.length,
  )
  return caPath
}

/** A server in a namespace of its own, from which everything can be reached and every packet is noted. */
async function startWatched(t: TestContext, lab: Lab): Promise<Watched> {
  nameHosts(t, lab)
  const caPath = await startReceivers(t, lab)
  const loaded = await lab.exec(lab.endpoint, 'nft', ruleset(lab))
  assert.equal(loaded.code, 0, loaded.stderr)
  const allowed = Object.values(receivers).map((port) => `${lab.internet4}/32:${port}`)
  const remote = await startRemote(t, 'sqlite', {
    host: lab.endpoint4,
    port: serverPort,
    options: ['--outbound-ca', caPath, '--outbound-allow', ...allowed],
    spawn: (program, ...args) => lab.start(lab.endpoint, program, ...args),
  })
  return { remote, destinations: () => readSets(lab) }
}

function subscription(notificationUrl: string, more: object = {}): object {
  const expirationDateTime = new Date(Date.now() + 3_600_000).toISOString()
  return { changeType: 'updated', notificationUrl, resource: 'security/incidents', expirationDateTime, ...more }
}

/** URLs that lead inside, beyond those of the case file, as a receiver, as a lifecycle receiver and as a later change. */
function listBlocked(lab: Lab): string[] {
  const addresses = [
    '127.0.0.1',
    '0.0.0.0',
    '10.0.0.5',
    '169.254.169.254',
    '100.64.0.1',
    '192.168.1.1',
    '224.0.0.1',
    lab.endpoint4,
  ]
  const six = ['::1', 'fd00::1', 'fe80::1', '::ffff:10.0.0.5', '64:ff9b::a00:5', '2002:a00:5::1', lab.internet6]
  const hosts = [
    ...addresses,
    ...six.map((address) => `[${address}]`),
    ...Object.keys(inside),
    'mixed.example',
    'localhost',
  ]
  const odd = [
    'http://10.0.0.5/',
    'https://10.0.0.5:22/',
    'https://0x0a000005/',
    'https://167772165/',
    'https://10.5/',
    'https://user@10.0.0.5/',
    'ftp://10.0.0.5/',
    'https://10.0.0.5%2f@198.51.100.1/',
  ]
  return [...hosts.flatMap((host) => [`https://${host}/x`, `https://${host}:8443/x`]), ...odd]
}

async function assertBlocked(client: Client, lab: Lab): Promise<void> {
  const good = `https://${lab.internet4}:${receivers.good}/x`
  const made = await client.post('/v1.0/subscriptions', subscription(good))
  assert.equal(made.status, 201, made.text)
  for (const url of listBlocked(lab)) {
    const replies = [
      await client.post('/v1.0/subscriptions', subscription(url)),
      await client.post('/v1.0/subscriptions', subscription(good, { lifecycleNotificationUrl: url })),
      await client.patch(`/v1.0/subscriptions/${made.body.id}`, { notificationUrl: url }),
    ]
    for (const reply of replies) assert.equal(reply.status, 400, `${url}: ${reply.text}`)
  }
  const redirected = await client.post(
    '/v1.0/subscriptions',
    subscription(`https://${lab.internet4}:${receivers.redirect}/x`),
  )
  assert.equal(redirected.status, 400, redirected.text)
}

test('no packet leaves for an address the rules forbid, whatever a subscription names', async (t) => {
  const lab = await createLab(t)
  if (lab === undefined) return
  const { remote, destinations } = await startWatched(t, lab)
  const { cordon } = remote
  assert.deepEqual(await destinations(), new Set(), 'the server sent something by itself')

  // The cases of the file; their own receivers stand outside.
  for (const item of readCases<HostileCase>('bad-inputs').filter(({ group }) => group === 'subscription')) {
    const world = await createWorld(cordon, {
      'wrongEcho.host': `${lab.internet4}:${receivers.wrongEcho}`,
      'hang.host': `${lab.internet4}:${receivers.hang}`,
    })
    const target = await readTarget(world, item)
    const { status } = await (await prepare(world, item, target))(target)
    assert.ok([item.expectStatus, ...(item.alsoAccept ?? [])].includes(status), `${item.id} was answered ${status}`)
  }
  const permitted = (...names: (keyof typeof receivers)[]): Set<string> =>
    new Set(names.map((name) => `${lab.internet4} ${receivers[name]}`))
  assert.deepEqual(await destinations(), permitted('hang', 'wrongEcho'))

  const tenant = await giveTenant(cordon)
  await assertBlocked(await tenant.as('responder'), lab)

  assert.deepEqual(await destinations(), permitted('good', 'hang', 'redirect', 'wrongEcho'))
  // What the sink would have seen, had a packet left.
  for (const address of ['10.0.0.5', '127.0.0.1']) await lab.reaches(lab.endpoint, address, 81)
  const seen = await destinations()
  assert.ok(seen.has('10.0.0.5 81') && seen.has('127.0.0.1 81'), [...seen].join(', '))
})
