import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { msOf } from '../../src/io/clock.ts'
import { readExecutionsOfTask } from '../../src/store/executions.ts'
import { readTask } from '../../src/store/tasks.ts'
import { waitUntil } from '../support/answers.ts'
import { onEnd } from '../support/cleanup.ts'
import type { Client, Reply } from '../support/cordon.ts'
import { startPostgres } from '../support/postgres.ts'
import { findFakeClock } from '../support/programs.ts'
import { startHost } from './host.ts'
import { isolationTask, type MortalServer, prepareServer } from './server.ts'

const hostname = 'web-01'

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-disaster-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A disk of 64 MiB in a file of its own; null where the kernel does not allow one. */
function mountSmallDisk(t: TestContext): string | null {
  const folder = makeFolder(t)
  const image = join(folder, 'disk.img')
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  writeFileSync(image, '')
  truncateSync(image, 64 * 1024 * 1024)
  execFileSync('/usr/sbin/mkfs.ext4', ['-q', '-m', '0', image])
  const { status } = spawnSync('/usr/bin/mount', ['-o', 'loop', image, disk], { stdio: 'ignore' })
  if (status !== 0) return null
  onEnd(t, () => execFileSync('/usr/bin/umount', ['--lazy', disk]))
  return disk
}

/** Creates a task and requests its action; both must be accepted. */
async function execute(client: Client): Promise<string> {
  const created = await client.post('/beta/security/incidentTasks', isolationTask(hostname, '1'))
  assert.equal(created.status, 201, created.text)
  const reply = await client.post(`/beta/security/incidentTasks/${created.body.id}/executeResponseAction`)
  assert.equal(reply.status, 204, reply.text)
  return created.body.id
}

async function assertCompletedOnce(
  server: MortalServer,
  taskId: string,
  effects: ReadonlyMap<string, number>,
): Promise<void> {
  await waitUntil(
    () => readTask(server.store.read, server.tenantId, taskId),
    (task) => task?.doc.actionStatus === 'completed',
    180,
  )
  const [execution, ...others] = await readExecutionsOfTask(server.store.read, server.tenantId, taskId)
  assert.ok(execution)
  assert.deepEqual([execution.state, others.length], ['succeeded', 0])
  assert.equal(effects.get(execution.id), 1)
}

/** What may be answered while the store is away: that it is, when to come back, and soon. */
function requireDone(reply: Reply, tookMs: number): boolean {
  if (reply.status === 503) {
    assert.match(String(reply.headers['retry-after']), /^\d+$/)
    assert.ok(tookMs < 15_000, `said so only after ${Math.round(tookMs)} ms`)
    return false
  }
  assert.equal(reply.status, 200, reply.text)
  return true
}

test('a database that crashes and comes back is a pause: nothing acknowledged is lost, nothing runs twice', async (t) => {
  const folder = makeFolder(t)
  let cluster = await startPostgres(folder)
  const { port } = cluster
  onEnd(t, () => cluster.stop())
  const server = await prepareServer(t, 'postgres', ['1'], { database: cluster.url })
  await server.start()
  const host = await startHost(t, server, hostname)
  const client = await server.as('expert')
  const acknowledged: string[] = []
  const tasks: string[] = []
  let over = false
  let refused = 0
  const write = async (): Promise<void> => {
    for (let serial = 0; !over; serial++) {
      const comment = `comment ${serial}`
      const startedAt = performance.now()
      const reply = await client.post('/v1.0/security/incidents/1/comments', { comment })
      if (requireDone(reply, performance.now() - startedAt)) acknowledged.push(comment)
      else refused++
      await sleep(5)
    }
  }
  const writing = write()

  for (let round = 0; round < 3; round++) {
    tasks.push(await execute(client))
    await cluster.crash()
    await sleep(1_000)
    cluster = await startPostgres(folder, port)
    const before = acknowledged.length
    await waitUntil(
      async () => acknowledged.length,
      (count) => count > before,
      60,
    )
  }
  over = true
  await writing

  assert.ok(refused > 0)
  const { body } = await client.get('/v1.0/security/incidents/1')
  const stored: string[] = body.comments.map(({ comment }: { comment: string }) => comment)
  assert.deepEqual(
    acknowledged.filter((comment) => !stored.includes(comment)),
    [],
  )
  assert.equal(new Set(stored).size, stored.length)
  for (const taskId of tasks) await assertCompletedOnce(server, taskId, host.effects)
})

test('a full disk refuses changes, goes on reading, and is over as soon as there is room again', async (t) => {
  const disk = mountSmallDisk(t)
  if (disk === null) return t.skip('a small disk cannot be mounted here: that takes root and a loop device')
  const dataDir = join(disk, 'data')
  mkdirSync(dataDir)
  const server = await prepareServer(t, 'sqlite', ['1'], { dataDir })
  await server.start()
  const client = await server.as('expert')
  const comment = (text: string): Promise<Reply> =>
    client.post('/v1.0/security/incidents/1/comments', { comment: `${text} ${'x'.repeat(900)}` })
  assert.equal((await comment('before')).status, 200)

  const ballast = join(disk, 'ballast')
  assert.throws(() => execFileSync('/usr/bin/dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4k'], { stdio: 'ignore' }))
  // What SQLite has reserved already still takes a few changes.
  let refusal: Reply | null = null
  const written = ['before']
  for (let serial = 0; refusal === null; serial++) {
    assert.ok(serial < 20_000, 'the disk never filled up')
    const reply = await comment(`full ${serial}`)
    if (reply.status === 503) refusal = reply
    else written.push(`full ${serial}`)
  }

  assert.match(String(refusal.headers['retry-after']), /^\d+$/)
  const during = await client.get('/v1.0/security/incidents/1')
  assert.equal(during.status, 200)
  assert.equal(during.body.comments.length, written.length)
  assert.equal((await client.post('/beta/security/incidentTasks', isolationTask(hostname, '1'))).status, 503)
  rmSync(ballast)
  const after = await waitUntil(
    () => comment('after'),
    (reply) => reply.status === 200,
    60,
  )
  const texts = after.body.value.map((item: { comment: string }) => item.comment.replace(/ x+$/, ''))
  assert.deepEqual(texts.slice(-written.length - 1), [...written, 'after'])
  const check = await server.store.read.executeQuery<{ integrity_check: string }>({
    sql: 'pragma integrity_check',
    parameters: [],
    query: { kind: 'RawNode', sqlFragments: ['pragma integrity_check'], parameters: [] },
    queryId: { queryId: 'integrity' },
  })
  assert.deepEqual(check.rows, [{ integrity_check: 'ok' }])
})

for (const days of [-3, 0, 3]) {
  test(`a clock ${days} days off that jumps by an hour doubles nothing, ends nothing early and shows no negative ages`, async (t) => {
    const file = join(makeFolder(t), 'offset')
    const setOffset = (hours: number): void => {
      // In one step: whoever asks for the time meanwhile finds the old offset or the new one, and no empty file.
      writeFileSync(`${file}.next`, `${hours < 0 ? '' : '+'}${hours}h`)
      renameSync(`${file}.next`, file)
    }
    setOffset(0)
    const env = {
      LD_PRELOAD: findFakeClock() ?? assert.fail('libfaketime is missing: apt-get install libfaketime'),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      // Time-outs run on the steady clock, which no jump touches on a real machine either.
      DONT_FAKE_MONOTONIC: '1',
    }
    const server = await prepareServer(t, 'sqlite', ['1'], { env })
    await server.start()
    const host = await startHost(t, server, hostname)
    setOffset(days * 24)

    for (const jump of [1, -1, 0]) {
      // Tokens of before the jump may be over; who asks anew is served.
      const taskId = await execute(await server.as('expert'))
      setOffset(days * 24 + jump)
      const client = await server.as('expert')
      await assertCompletedOnce(server, taskId, host.effects)
      const later = await execute(client)
      await assertCompletedOnce(server, later, host.effects)
      const { body } = await client.get(`/beta/security/incidentTasks/${taskId}`)
      assert.ok(msOf(body.lastModifiedDateTime) >= msOf(body.createdDateTime), JSON.stringify(body))
      const { body: made } = await client.get(`/beta/security/incidentTasks/${later}`)
      const shiftMs = (days * 24 + jump) * 3_600_000
      assert.ok(Math.abs(msOf(made.createdDateTime) - shiftMs - Date.now()) < 1_800_000, 'the clock was not shifted')
    }
  })
}
