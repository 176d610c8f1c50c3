import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { join } from 'node:path'
import test from 'node:test'
import { digestJson, sha256Hex } from '../../src/protocol/canonical.ts'
import { waitUntil } from '../support/answers.ts'
import { type Client, type Cordon, startCordon } from '../support/cordon.ts'
import { awaitCommand, enrolDevice, type FakeDevice, makeResult } from '../support/device.ts'
import { waitForEnd } from '../support/endpoint.ts'
import { createFileSite } from '../support/file-site.ts'
import { fittingAction, giveTenant, type Tenant } from '../support/given.ts'

const collect = (device: string) => fittingAction('collectInvestigationPackage', device) as never

/** Fetches a package as bytes. */
async function download(cordon: Cordon, tenant: Tenant, taskId: string) {
  const token = await cordon.token(await cordon.createClient('responder', tenant.id))
  return new Promise<{ status: number; headers: Record<string, unknown>; bytes: Buffer }>((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}`, Accept: 'application/zip' }
    get(`${cordon.url}/api/v1/tasks/${taskId}/package`, { ca: cordon.ca, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(chunks) })
      })
    }).on('error', reject)
  })
}

/** Reads the archive with another program than ours: names and content as hexadecimal digests, and the manifest. */
function unpack(archive: string): { digests: Record<string, string>; manifest: { items: ManifestItem[] } } {
  const script = `
import sys, json, hashlib, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
print(json.dumps({
  'digests': {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()},
  'manifest': json.loads(archive.read('manifest.json')),
}))`
  return JSON.parse(execFileSync('/usr/bin/python3', ['-c', script, archive], { encoding: 'utf8' }))
}

interface ManifestItem {
  readonly name: string
  readonly bytes: number
  readonly ms: number
  readonly sha256: string
  readonly error: string | null
}

test('a task collects a package from a real host, and whoever may act fetches it', async (t) => {
  const site = await createFileSite(t)
  if (site === undefined) return
  const { cordon, tenant } = site

  const { taskId, task } = await site.execute('collectInvestigationPackage', collect('web-01'))

  const [run] = await site.executions(taskId)
  assert.equal(task.actionStatus, 'completed', JSON.stringify(run))
  const answer = await download(cordon, tenant, taskId)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'application/zip')
  assert.match(String(answer.headers['content-disposition']), /^attachment; filename="package-[0-9a-f-]+\.zip"$/)
  assert.equal(`sha256:${sha256Hex(answer.bytes)}`, run.result.after.sha256)
  assert.equal(answer.bytes.length, run.result.after.size)

  const archive = join(site.folder, 'package.zip')
  writeFileSync(archive, answer.bytes)
  const { digests, manifest } = unpack(archive)
  const packed = manifest.items.filter(({ name }) => digests[name] !== undefined)
  for (const { name, sha256 } of packed) assert.equal(sha256, `sha256:${digests[name]}`, name)
  for (const name of [
    'processes.jsonl',
    'executables.jsonl',
    'persistence.jsonl',
    'passwd.txt',
    'agent-journal.jsonl',
  ]) {
    assert.ok(digests[name], name)
  }
  for (const { name, bytes, error } of manifest.items)
    assert.equal(digests[name] !== undefined, bytes > 0 && !/budget/.test(error ?? ''))
  assert.ok(Object.keys(digests).every((name) => /^[a-z0-9._-]+$/i.test(name)))
  for (const item of manifest.items) if (item.ms > 500) t.diagnostic(`${item.name} ${item.ms} ms, ${item.bytes} bytes`)
  t.diagnostic(`package: ${answer.bytes.length} bytes, ${manifest.items.length} items`)

  const reader = await (await tenant.as('reader')).get(`/api/v1/tasks/${taskId}/package`)
  const stranger = await (await cordon.as('responder', await cordon.createTenant('other'))).get(
    `/api/v1/tasks/${taskId}/package`,
  )
  const undo = await site.responder.post(`/api/v1/tasks/${taskId}/undo`)
  assert.equal(reader.status, 403)
  assert.equal(stranger.status, 404)
  assert.equal(undo.status, 409)
  const audit = cordon.store.read.selectFrom('audit').select(['action', 'decision', 'actor_name'])
  const entries = await audit.where('action', '=', 'downloadPackage').execute()
  assert.equal(entries.length, 1)
  assert.deepEqual(readdirSync(join(cordon.dataDir, 'packages', 'incoming')), [])
  assert.equal(statSync(join(cordon.dataDir, 'packages', 'content')).mode & 0o777, 0o700)
})

interface Finished {
  readonly taskId: string
  readonly task: Record<string, unknown>
}

const steps = ['after-begin', 'package-item', 'package-part', 'package-sent', 'package-complete', 'after-finish']

test('an agent killed at any step of a collection brings one whole package', async (t) => {
  const site = await createFileSite(t, false)
  if (site === undefined) return
  const slow = ['packages-changed.txt', 'executables.jsonl', 'journal.txt', 'temporary.jsonl']
  writeFileSync(join(site.stateDirectory, 'agent.conf'), `withhold = ${slow.join(' ')}\n`)
  for (const step of steps) {
    const doomed = site.startAgent(step)
    const done: Promise<Finished> = site.execute('collectInvestigationPackage', collect(site.deviceId))
    assert.equal(await waitForEnd(doomed), 'SIGKILL', step)

    const agent = site.startAgent()
    const { taskId, task }: Finished = await done
    agent.kill('SIGTERM')
    await waitForEnd(agent)

    const [run] = await site.executions(taskId)
    assert.equal(task.actionStatus, 'completed', `${step}: ${JSON.stringify(run)}`)
    const { bytes } = await download(site.cordon, site.tenant, taskId)
    assert.equal(`sha256:${sha256Hex(bytes)}`, run.result.after.sha256, step)
  }
})

/** A command to collect, taken by a device that does what the test wants. */
async function orderFrom(cordon: Cordon, tenant: Tenant, device: FakeDevice, responder: Client) {
  const capabilities = JSON.stringify([{ actionType: 'collectInvestigationPackage', supported: true }])
  await cordon.store.transaction((tx) => tx.updateTable('agents').set({ capabilities }).execute())
  const taskId = await tenant.task(await tenant.incident(), {
    actionType: 'collectInvestigationPackage',
    responseAction: collect(device.id),
  })
  const reply = await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  assert.equal(reply.status, 204, reply.text)
  const command = await awaitCommand(device)
  await device.acknowledge(command.commandId)
  return { taskId, command }
}

test('parts of others, out of order, contradicting or too many are refused', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const responder = await tenant.as('responder')
  const device = await enrolDevice(cordon, tenant.id, 'web-09')
  const rogue = await enrolDevice(cordon, tenant.id, 'web-10')
  const { taskId, command } = await orderFrom(cordon, tenant, device, responder)
  const path = `/packages/${command.commandId}`
  const bytes = Buffer.from('first')
  const complete = (changes: object) => {
    const whole = Buffer.from('firstsecond')
    const sha256 = `sha256:${createHash('sha256').update(whole).digest('hex')}`
    return device.post(`${path}/complete`, { generation: 7, parts: 2, size: whole.length, sha256, ...changes })
  }

  const answers = {
    foreign: await rogue.put(`${path}?generation=7&part=1`, bytes),
    unknown: await device.put('/packages/..%2f..%2fetc?generation=7&part=1', bytes),
    early: await device.put(`${path}?generation=7&part=2`, bytes),
    old: await device.put(`${path}?generation=6&part=1`, Buffer.from('old')),
    first: await device.put(`${path}?generation=7&part=1`, bytes),
    again: await device.put(`${path}?generation=7&part=1`, bytes),
    other: await device.put(`${path}?generation=7&part=1`, Buffer.from('other')),
    behind: await device.put(`${path}?generation=6&part=2`, bytes),
    second: await device.put(`${path}?generation=7&part=2`, Buffer.from('second')),
    noPart: await device.put(`${path}?generation=7`, bytes),
    tooLarge: await device.put(`${path}?generation=7&part=3`, Buffer.alloc(5 * 1024 * 1024)),
    wrongDigest: await complete({ sha256: `sha256:${'0'.repeat(64)}` }),
    wrongSize: await complete({ size: 12 }),
    wrongParts: await complete({ parts: 3 }),
    whole: await complete({}),
    wholeAgain: await complete({}),
    another: await complete({ sha256: `sha256:${'0'.repeat(64)}` }),
  }

  assert.deepEqual(Object.fromEntries(Object.entries(answers).map(([name, { status }]) => [name, status])), {
    ...{ foreign: 404, unknown: 404, early: 409, old: 204, first: 204, again: 204, other: 409, behind: 409 },
    ...{ second: 204, noPart: 400, tooLarge: 413, wrongDigest: 409, wrongSize: 409, wrongParts: 409 },
    ...{ whole: 204, wholeAgain: 204, another: 409 },
  })

  const after = { size: 11, sha256: `sha256:${'0'.repeat(64)}`, parts: 2, items: 1, failedItems: 0 }
  const proof = { ...makeResult(command).proof, level: 'observed', digest: digestJson(after), checks: [] }
  await device.report(makeResult(command, { after, proof: proof as never }))
  const read = async () => (await responder.get(`/api/v1/tasks/${taskId}/executions`)).body.value[0]
  const claimed = await waitUntil(read, ({ state }) => state === 'unknown')
  assert.equal(claimed.reasonCode, 'Unverified')
  assert.equal((await responder.get(`/api/v1/tasks/${taskId}/package`)).status, 404)
})
