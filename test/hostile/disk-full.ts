import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type MortalServer, prepareServer } from '../faults/server.ts'
import { waitUntil } from '../support/answers.ts'
import { onEnd } from '../support/cleanup.ts'
import type { Client, Reply } from '../support/cordon.ts'
import type { HostileCase } from './case-file.ts'
import type { CaseResult } from './run-case.ts'

/** Runs the case of a full data volume: on a server of its own, whose volume is a small one in memory. */
export async function runOnFullDisk(t: TestContext, item: HostileCase): Promise<CaseResult> {
  const { id, group } = item
  const volume = mountVolume(t)
  if (volume === null) return { id, group, run: false, reason: 'needs root, to mount a small volume' }
  const dataDir = join(volume, 'data')
  mkdirSync(dataDir)
  const server = await prepareServer(t, 'sqlite', [], { dataDir })
  await server.start()
  const client = await server.as('admin')
  const accepted: string[] = []
  const send = sender(client, item, accepted)
  assert.equal((await send()).status, 202)

  const ballast = join(volume, 'ballast')
  fillVolume(ballast)
  const refused = await waitUntil(send, ({ status }) => status !== 202, 60)
  const listed = await client.get('/v1.0/security/alerts_v2?$top=1')
  rmSync(ballast)
  await waitUntil(send, ({ status }) => status === 202, 60)

  assert.match(String(refused.headers['retry-after']), /^[1-9]\d*$/)
  assert.equal(listed.status, 200, 'the lists stopped with the writes')
  await server.kill()
  await server.start()
  await assertStored(server, accepted)
  const isStatusGood = [item.expectStatus, ...(item.alsoAccept ?? [])].includes(refused.status)
  return { id, group, run: true, status: refused.status, isStatusGood, faults: [] }
}

/** A volume of 24 MiB in memory; null where none may be mounted. */
function mountVolume(t: TestContext): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-volume-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'cordon-test', folder], { stdio: 'ignore' })
  if (status !== 0) return null
  onEnd(t, () => spawnSync('umount', ['--lazy', folder]))
  return folder
}

/** Writes until nothing more fits. */
function fillVolume(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (const size of [65_536, 4_096]) writeUntilFull(file, Buffer.alloc(size, 'x'))
  } finally {
    closeSync(file)
  }
}

function writeUntilFull(file: number, piece: Buffer): void {
  for (;;) {
    try {
      writeSync(file, piece)
    } catch (cause) {
      assert.equal(Object(cause).code, 'ENOSPC')
      return
    }
  }
}

/** Sends the case's request, each time about another alert, and notes what was accepted. */
function sender(client: Client, item: HostileCase, accepted: string[]): () => Promise<Reply> {
  let serial = 0
  return async () => {
    const alert = `full-${serial++}`
    // The case leaves out what every alert must have; without it nothing would be stored, room or not.
    const body = String(item.body).replace('{{seq}}', alert).replace('{', '{"severity":"low",')
    const reply = await client.send('POST', '/api/v1/intake/graph', body, { 'content-type': 'application/json' })
    if (reply.status === 202 && reply.body.accepted === 1) accepted.push(alert)
    return reply
  }
}

async function assertStored(server: MortalServer, accepted: readonly string[]): Promise<void> {
  const rows = await server.store.read.selectFrom('alerts').select('provider_alert_id').execute()
  const stored = new Set(rows.map((row) => row.provider_alert_id))
  const lost = accepted.filter((alert) => !stored.has(alert))
  assert.ok(accepted.length > 1, `only ${accepted.length} alerts were accepted`)
  assert.deepEqual(lost, [], 'alerts that were accepted are not there')
}
