import assert from 'node:assert/strict'
import { request as httpsRequest } from 'node:https'
import { test } from 'node:test'
import { assertError, waitUntil } from '../support/answers.ts'
import { type Cordon, startCordon } from '../support/cordon.ts'
import { giveTenant } from '../support/given.ts'
import { signInPerson } from '../support/person.ts'
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
  return listenAt(cordon, `/api/v1/events${query}`, { Authorization: `Bearer ${token}` })
}

function listenAt(cordon: Cordon, path: string, credential: Readonly<Record<string, string>>): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const headers = { ...credential, Accept: 'text/event-stream' }
    const request = httpsRequest(`${cordon.url}${path}`, { ca: cordon.ca, headers }, (response) => {
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
  readonly actorId: string | null
  readonly tenant?: string
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
    const editor = await cordon.createClient('responder', tenant.id)
    const other = await giveTenant(cordon)
    const incident = await tenant.incident()
    const foreign = await other.incident()
    const first = await listen(cordon, token)
    await until(first, (text) => text.includes('event: ready'))

    await cordon
      .withToken(await cordon.token(editor))
      .patch(`/v1.0/security/incidents/${incident}`, { displayName: 'One' })
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
      heard.map(({ resource, id, change, actorId }) => [resource, id, change, actorId]),
      [['incident', incident, 'updated', editor.clientId]],
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

test('one stream tells a person of every tenant they may read in, in one order, and ends when a role of theirs does', async (t) => {
  const cordon = await startCordon(t)
  const [home, acme, birch] = [
    await giveTenant(cordon, cordon.tenantId),
    await giveTenant(cordon, await cordon.createTenant('Acme')),
    await giveTenant(cordon, await cordon.createTenant('Birch')),
  ]
  const eve = await signInPerson(cordon, home.id, 'expert', 'Eve')
  const headers = { 'Content-Type': 'application/json' }
  const member = `/api/v1/members/${eve.id}`
  await (await acme.as('admin')).send('PUT', member, '{"role":"reader"}', headers)
  await (await birch.as('admin')).send('PUT', member, '{"role":"monitor"}', headers)
  const stranger = await listenAt(cordon, '/auth/events', {})
  const heard = await listenAt(cordon, '/auth/events', { Cookie: eve.cookie })
  await until(heard, (text) => text.includes('event: ready'))

  const wanted: string[] = []
  for (let turn = 0; turn < 4; turn++) {
    for (const one of [home, birch, acme]) {
      const id = await one.incident()
      await (await one.as('responder')).patch(`/v1.0/security/incidents/${id}`, { displayName: 'Changed' })
      if (one !== birch) wanted.push(`${one.id} ${id}`)
    }
  }
  await until(heard, (text) => readChanges(text).length >= wanted.length)
  const changes = readChanges(heard.text())
  const again = await listenAt(cordon, `/auth/events?since=${changes[2]?.seq}`, { Cookie: eve.cookie })
  await until(again, (text) => text.includes('event: ready'))
  again.close()
  const isOpen = !heard.isOver()
  await (await acme.as('admin')).send('DELETE', member)
  await waitUntil(
    () => Promise.resolve(heard.isOver()),
    (isOver) => isOver,
    60,
  )

  assert.equal(stranger.status, 401)
  assert.deepEqual(
    changes.map((change) => `${change.tenant} ${change.id}`),
    wanted,
  )
  assert.deepEqual(
    changes.map(({ seq }) => seq),
    changes.map(({ seq }) => seq).sort((a, b) => a - b),
  )
  assert.deepEqual(
    readChanges(again.text()).map(({ seq }) => seq),
    changes.slice(3).map(({ seq }) => seq),
  )
  assert.ok(isOpen)
  assert.ok(heard.isWhole())
})
