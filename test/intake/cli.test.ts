import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { startCordon } from '../support/cordon.ts'

const cli = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const honeypot = fileURLToPath(new URL('../fixtures/data/suricata/honeypot-2018.json', import.meta.url))
const scenario = fileURLToPath(new URL('../fixtures/data/ait-ads/russellmitchell.csv.xz', import.meta.url))

interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function run(args: readonly string[], input?: Buffer): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(process.execPath, [cli, 'ingest', ...args], { stdio: 'pipe' })
    let out = ''
    let err = ''
    child.stdout?.on('data', (chunk) => {
      out += String(chunk)
    })
    child.stderr?.on('data', (chunk) => {
      err += String(chunk)
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err }))
    child.stdin?.end(input)
  })
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'cordon-ingest-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('a file is taken in plain, gzipped, xz-packed and from standard input; a second time it is known', async (t) => {
  const data = folder(t)
  const packed = join(data, 'events.gz')
  writeFileSync(packed, gzipSync(readFileSync(honeypot)))
  const into = ['--data', data, '--json', '--quiet']

  const plain = await run([honeypot, '--source', 'suricata', ...into])
  const gz = await run([packed, '--source', 'suricata', ...into])
  const piped = await run(['-', '--source', 'suricata', ...into], readFileSync(packed))
  const xz = await run([scenario, '--source', 'ait-ads', '--data', data, '--json'])

  assert.deepEqual([plain.code, gz.code, piped.code, xz.code], [0, 0, 0, 0], plain.err + gz.err + piped.err + xz.err)
  assert.deepEqual(JSON.parse(plain.out), {
    ...JSON.parse(plain.out),
    accepted: 44,
    duplicates: 0,
    rejected: 0,
    ignored: 0,
  })
  for (const again of [gz, piped]) assert.equal(JSON.parse(again.out).duplicates, 44)
  const summary = JSON.parse(xz.out)
  assert.deepEqual([summary.accepted, summary.rejected], [45_544, 0])
  assert.ok(summary.incidents >= 20 && summary.incidents <= 100)
  assert.equal(plain.err, '', '--quiet shows nothing')
  assert.match(xz.err, /\] 100 % {2}45,544 alerts, [\d,]+\/s\n$/)
})

test('exit codes tell what happened: 3 some rejected, 2 wrong usage, 1 a broken file', async (t) => {
  const data = folder(t)
  const mixed = join(data, 'mixed.ndjson')
  writeFileSync(mixed, '{"event_type":"flow"}\nnot json\n')
  const broken = join(data, 'broken.gz')
  writeFileSync(broken, gzipSync(readFileSync(honeypot)).subarray(0, 900))
  const into = ['--data', data, '--quiet']

  const some = await run([mixed, '--source', 'suricata', ...into])
  const unknownSource = await run([mixed, '--source', 'nothing', ...into])
  const noSource = await run([mixed, ...into])
  const noFile = await run([join(data, 'absent'), '--source', 'suricata', ...into])
  const noClient = await run([mixed, '--source', 'suricata', '--url', 'https://localhost:1'])
  const cut = await run([broken, '--source', 'suricata', ...into])

  assert.equal(some.code, 3)
  assert.match(some.err, /^line 2: The body is not acceptable JSON/)
  assert.deepEqual([unknownSource.code, noSource.code, noFile.code, noClient.code], [2, 2, 2, 2])
  assert.match(unknownSource.err, /suricata, wazuh, graph, ait-ads/)
  assert.equal(cut.code, 1)
})

test('the same over HTTP: the client signs in without naming its tenant, and lines are those of the file', async (t) => {
  const cordon = await startCordon(t)
  const client = await cordon.createClient('responder')
  const file = join(folder(t), 'mixed.json')
  const events = JSON.parse(readFileSync(honeypot, 'utf8'))
  writeFileSync(file, [...events.map((one: unknown) => JSON.stringify(one)), '{"event_type":"alert"}', 'x'].join('\n'))
  const to = ['--url', cordon.url, '--client-id', client.clientId, '--client-secret', client.clientSecret]

  const sent = await run([file, '--source', 'suricata', ...to, '--ca', cordon.caPath, '--json', '--quiet'])
  const untrusted = await run([file, '--source', 'suricata', ...to, '--quiet'])
  const wrong = await run([file, '--source', 'suricata', ...to.slice(0, -1), 'wrong', '--ca', cordon.caPath, '--quiet'])

  assert.equal(sent.code, 3, sent.err)
  const { accepted, duplicates, rejected } = JSON.parse(sent.out)
  assert.deepEqual([accepted, duplicates, rejected], [44, 0, 2])
  assert.match(sent.err, /line 45: 'alert' must name/)
  assert.match(sent.err, /line 46: /)
  assert.equal(untrusted.code, 1)
  assert.match(untrusted.err, /cannot be reached/)
  assert.equal(wrong.code, 1)
  assert.match(wrong.err, /AADSTS7000215/)
})
