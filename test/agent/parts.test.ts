import assert from 'node:assert/strict'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { isInNetworks, parseEndpoint, reduceNetworks } from '../../src/agent/actions/addresses.ts'
import { probeTcp } from '../../src/agent/actions/probes.ts'
import { ConfigError, parseConfig } from '../../src/agent/config.ts'
import { refuseCommand } from '../../src/agent/execute.ts'
import { openJournal, readJournal } from '../../src/agent/journal.ts'
import { chooseBackoff } from '../../src/agent/loop.ts'
import { makeStateDirectory, openSequence, openStateDirectory } from '../../src/agent/state.ts'
import { formatInstant } from '../../src/protocol/instants.ts'
import { fc } from '../support/fast-check.ts'
import { testSeed as seed } from '../support/seed.ts'

const now = (): string => formatInstant(1_700_000_000_000)
const command = { commandId: 'c1', executionId: 'e1', family: 'isolation', seq: 4, epoch: 2, deviceId: 'd-1' }

function makeDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cordon-parts-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

test('a journal remembers across a reopening what was written, with result and delivery as two facts', (t) => {
  const path = join(makeDirectory(t), 'journal.jsonl')
  const first = openJournal(path, now)
  first.receive(command, 'a.b.c')
  first.acknowledge('c1')
  first.begin('c1', { isolated: false })
  first.close()

  const second = openJournal(path, now)
  const running = second.find('c1')
  second.finish(command, refuseCommand(command, 'Unsupported', 'x', 0))
  second.close()
  const done = readJournal(path)[0]

  assert.equal(running?.state, 'running')
  assert.equal(running?.acknowledged, true)
  assert.deepEqual(running?.before, { isolated: false })
  assert.equal(second.highestSeq('isolation'), 4)
  assert.equal(second.highestEpoch('e1'), 2)
  assert.equal(done?.state, 'done')
  assert.equal(done?.delivered, false)
  assert.equal(done?.result?.targets[0]?.code, 'Unsupported')
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('a torn last line is cut off and a damaged line in the middle is counted', (t) => {
  const path = join(makeDirectory(t), 'journal.jsonl')
  const first = openJournal(path, now)
  first.receive(command, 'a.b.c')
  first.close()
  appendFileSync(path, '{"n":2,"broken\n{"n":3,"at":"20')

  const second = openJournal(path, now)
  second.receive({ ...command, commandId: 'c2', seq: 5 }, 'a.b.c')
  second.close()

  assert.equal(second.damagedLines, 1)
  assert.deepEqual(
    readJournal(path).map(({ commandId, seq }) => [commandId, seq]),
    [
      ['c1', 4],
      ['c2', 5],
    ],
  )
})

test('a long journal is shortened without losing an unanswered command or the order', (t) => {
  const path = join(makeDirectory(t), 'journal.jsonl')
  const lines: string[] = []
  for (let seq = 1; seq <= 2_000; seq += 1) {
    const commandId = `c${seq}`
    const { executionId, epoch } = command
    const family = seq === 1 ? 'scan' : 'isolation'
    const result = refuseCommand({ ...command, commandId }, 'Stale', 'x', 0)
    const line = { n: seq * 3, at: now(), commandId }
    lines.push(
      JSON.stringify({ ...line, event: 'received', command: { executionId, family, seq, epoch }, jws: 'a.b.c' }),
    )
    if (seq !== 2) lines.push(JSON.stringify({ ...line, event: 'done', result }))
    if (seq !== 2) lines.push(JSON.stringify({ ...line, event: 'delivered' }))
  }
  appendFileSync(path, `${lines.join('\n')}\n`)

  openJournal(path, now).close()
  const entries = readJournal(path)

  assert.equal(entries.length, 502)
  assert.equal(entries.find(({ commandId }) => commandId === 'c2')?.jws, 'a.b.c')
  assert.equal(entries.find(({ family }) => family === 'scan')?.seq, 1)
  assert.equal(openJournal(path, now).highestSeq('isolation'), 2_000)
})

test('request numbers rise over restarts and over a clock that went back', (t) => {
  const directory = makeDirectory(t)
  makeStateDirectory(directory)
  const state = openStateDirectory(directory)
  const seen: number[] = []
  for (const nowMs of [5_000, 5_001, 10, 1]) {
    const next = openSequence(state, nowMs)
    for (let count = 0; count < 1_500; count += 1) seen.push(next())
  }

  assert.deepEqual(
    seen.every((seq, index) => index === 0 || seq > (seen[index - 1] ?? 0)),
    true,
  )
  assert.equal(readFileSync(join(directory, 'sequence'), 'utf8').trim().length > 0, true)
})

test('networks that lie inside another one are dropped, others stay', () => {
  assert.deepEqual(reduceNetworks(['10.1.2.3', '10.1.0.0/16', '10.1.2.0/24', '192.0.2.0/24'], 4), [
    '10.1.0.0/16',
    '192.0.2.0/24',
  ])
  assert.deepEqual(reduceNetworks(['2001:db8::/32', '2001:db8:1::/48'], 6), ['2001:db8::/32'])
  for (const bad of [
    '0.0.0.0/0',
    '10.0.0.0/7',
    '10.0.0.0/33',
    '10.0.0/8',
    '::/0',
    '10.0.0.1/8/8',
    'a',
    '10.0.0.1;',
    '',
  ]) {
    assert.equal(reduceNetworks([bad], 4), undefined)
  }
  assert.equal(isInNetworks('10.1.9.9', ['10.1.0.0/16']), true)
  assert.equal(isInNetworks('10.2.9.9', ['10.1.0.0/16']), false)
})

test('nothing but addresses and digits ever reaches a ruleset', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom(4 as const, 6 as const), (text, family) => {
      const reduced = reduceNetworks([text], family)
      return reduced === undefined || reduced.every((network) => /^[0-9a-fA-F:.]+\/\d+$/.test(network))
    }),
    { seed },
  )
})

test('probe addresses are IP and port', () => {
  assert.deepEqual(parseEndpoint('192.0.2.7:443'), { address: '192.0.2.7', port: 443 })
  assert.deepEqual(parseEndpoint('[2001:db8::7]:53'), { address: '2001:db8::7', port: 53 })
  for (const bad of [
    'example.org:443',
    '192.0.2.7',
    '192.0.2.7:0',
    '192.0.2.7:65536',
    '2001:db8::7:53',
    '[::1%lo]:1',
  ]) {
    assert.equal(parseEndpoint(bad), undefined)
  }
})

test('a probe of a host that stood still meanwhile hears of its connection before it calls its time over', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const probe = probeTcp({ address: '127.0.0.1', port }, 50)
  const end = performance.now() + 200
  while (performance.now() < end);

  assert.equal((await probe).got, 'reached')
})

test('agent.conf names its wrong line', () => {
  assert.deepEqual([...parseConfig('allow = isolateDevice # and nothing else\n').allow], ['isolateDevice'])
  assert.throws(() => parseConfig('\nallow = everything\n'), new ConfigError(2, 'no such action: everything'))
  assert.throws(() => parseConfig('permit = isolateDevice'), ConfigError)
  assert.throws(() => parseConfig('probe = example.org:1'), ConfigError)
})

test('the backoff is random below a bound that doubles up to a minute', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      (failures, random) => {
        const ms = chooseBackoff(failures, random)
        return ms >= 0 && ms <= Math.min(60_000, 1_000 * 2 ** failures)
      },
    ),
    { seed },
  )
})
