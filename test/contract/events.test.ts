import assert from 'node:assert/strict'
import { request as httpsRequest } from 'node:https'
import { test } from 'node:test'
import { assertError, waitUntil } from '../support/answers.ts'
import { type Cordon, startCordon } from '../support/cordon.ts'
import { giveTenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

interface Heard {
  readonly status: number
  readonly type: string
  readonly text: () => string
  readonly isOver: () => boolean
  /** The server ended it in order; nobody cut the connection. */
  readonly isWhole: () => boolean
  readonly close: () => void
}

/** Listens as a browser would. */
function listen(cordon: Cordon, token: string, query = ''): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}`, Accept: 'text/event-stream' }
    const request = httpsRequest(`${cordon.url}/api/v1/events${query}`, { ca: cordon.ca, headers }, (response) => {
      let text = ''
      let isOver = false
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8')
      })
      response.on('close', () => {
        isOver = true
      })
      resolve({
        status: response.statusCode ?? 0,
        type: String(response.headers['content-type']),
        text: () => text,
        isOver: () => isOver,
        isWhole: () => response.complete,
        close: () => request.destroy(),
      })
    })
    request.on('error', reject)
    request.end()
  })
}

interface Change {
  readonly seq: number
  readonly resource: string
  readonly id: string
  readonly change: string
}

function readChanges(text: string): Change[] {
  return [...text.matchAll(/^event: change\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? ''))
}

const until = (heard: Heard, wanted: (text: string) => boolean) =>
  waitUntil(() => Promise.resolve(heard.text()), wanted)

tenantTestOnEach(
  'a stream tells of the own tenant’s changes as they happen, and goes on where it was left',
  async (tenant, cordon) => {
    const token = await cordon.token(await cordon.createClient('reader', tenant.id))
    const other = await giveTenant(cordon)
    const incident = await tenant.incident()
    const foreign = await other.incident()
    const first = await listen(cordon, token)
    await until(first, (text) => text.includes('event: ready'))

    await (await tenant.as('responder')).patch(`/v1.0/security/incidents/${incident}`, { displayName: 'One' })
    await (await other.as('responder')).patch(`/v1.0/security/incidents/${foreign}`, { displayName: 'Theirs' })
    await until(first, (text) => readChanges(text).length > 0)
    const heard = readChanges(first.text())
    first.close()
    await (await tenant.as('responder')).patch(`/v1.0/security/incidents/${incident}`, { displayName: 'Two' })
    const second = await listen(cordon, token, `?since=${heard.at(-1)?.seq}`)
    await until(second, (text) => text.includes('event: ready'))
    second.close()
    const missed = await cordon.withToken(token).get(`/api/v1/events?since=${heard.at(-1)?.seq}`)

    assert.deepEqual([first.status, first.type], [200, 'text/event-stream; charset=utf-8'])
    assert.deepEqual(
      heard.map(({ resource, id, change }) => [resource, id, change]),
      [['incident', incident, 'updated']],
    )
    assert.deepEqual(
      readChanges(second.text()).map(({ id }) => id),
      [incident],
    )
    assert.ok(!second.text().includes('resync'))
    assert.equal(missed.body.complete, true)
    assert.deepEqual(
      missed.body.value.map(({ id }: Change) => id),
      [incident],
    )
  },
)

tenantTest('who missed more than a thousand changes is told to read everything anew', async (tenant, cordon) => {
  const token = await cordon.token(await cordon.createClient('reader', tenant.id))
  const { body: before } = await cordon.withToken(token).get('/api/v1/events')
  const at = '2026-01-01T00:00:00.0000000Z'
  const row = { tenant_id: tenant.id, at, change: 'updated', resource: 'incident', object_id: '1' }
  await cordon.store.transaction(async (tx) => {
    for (let turn = 0; turn < 1_001; turn++) await tx.insertInto('outbox').values(row).execute()
  })

  const once = await cordon.withToken(token).get(`/api/v1/events?since=${before.seq}`)
  const stream = await listen(cordon, token, `?since=${before.seq}`)
  await until(stream, (text) => text.includes('event: resync'))
  stream.close()

  assert.equal(once.body.complete, false)
  assert.deepEqual(once.body.value, [])
  assert.ok(once.body.seq >= before.seq + 1_001)
})

tenantTest(
  'streams are counted: the twenty-first of one caller is refused until another ends',
  async (tenant, cordon) => {
    const token = await cordon.token(await cordon.createClient('reader', tenant.id))
    const open: Heard[] = []
    for (let turn = 0; turn < 20; turn++) open.push(await listen(cordon, token))

    const refused = await cordon.withToken(token).get('/api/v1/events', { Accept: 'text/event-stream' })
    open[0]?.close()
    const again = await waitUntil(
      () => listen(cordon, token),
      (heard) => heard.status === 200,
    )
    for (const heard of [...open, again]) heard.close()

    assertError(refused, 429, { code: 'TooManyRequests' })
    assert.equal(refused.headers['retry-after'], '5')
  },
)

test('a server that stops ends its streams in order, and does not cut them off', async (t) => {
  const cordon = await startCordon(t)
  const token = await cordon.token(await cordon.createClient('reader'))
  const stream = await listen(cordon, token)
  await until(stream, (text) => text.includes('event: ready'))

  await cordon.server.stop()
  await waitUntil(
    () => Promise.resolve(stream.isOver()),
    (isOver) => isOver,
  )

  assert.ok(stream.isWhole(), 'the connection was cut after the drain')
})
