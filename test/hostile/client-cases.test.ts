import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shareCordon } from '../support/shared-cordon.ts'
import { readCases, wholeBytes } from './case-file.ts'
import { expectations } from './client-expectations.ts'
import { type ClientWorld, createClientWorld, mintEmptyToken } from './client-world.ts'
import { exchange, type WireAnswer } from './wire.ts'

/** A request that a real client sends. */
interface ClientCase {
  readonly id: string
  readonly client: string
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  readonly expectStatus: number
  readonly expect: readonly string[]
}

const cases = readCases<ClientCase>('client-cases')

test('the requests of real clients are all here', () => {
  assert.ok(cases.length >= 45)
})

async function send(world: ClientWorld, item: ClientCase): Promise<WireAnswer> {
  const fill = (text: string): string => text.replaceAll(/\{([^{}"]+)\}/g, (whole, name) => world.values[name] ?? whole)
  const { method, path, query, headers, body } = item
  const target = fill(path) + (query === '' ? '' : `?${fill(query)}`)
  const sent = Object.entries(headers).map(([name, value]): [string, string] => [name, fill(value)])
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return exchange(world.cordon, { method, target, headers: sent, body: body === null ? null : wholeBytes(fill(text)) })
}

for (const item of cases) {
  test(`${item.id}: ${item.client}`, async () => {
    const cordon = await shareCordon()
    const world = await createClientWorld(cordon)
    if (item.id === 'tok-09') {
      // Domains are unique over all tenants.
      await cordon.store.transaction(async (tx) => {
        await tx
          .updateTable('tenants')
          .set({ domain: 'contoso.onmicrosoft.com' })
          .where('id', '=', world.tenant.id)
          .execute()
      })
    }
    const values = item.id === 'inc-list-33' ? { ...world.values, token: await mintEmptyToken(world) } : world.values
    const reader = await world.tenant.as('reader')
    const before = {
      incident: (await reader.get(`/beta/security/incidents/${world.incidentId}`)).body,
      task: (await reader.get(`/beta/security/incidentTasks/${world.taskId}`)).body,
    }

    const answer = await send({ ...world, values }, item)

    assert.equal(answer.status, item.expectStatus, answer.text)
    for (const text of item.expect) {
      const expectation = expectations[text]
      assert.ok(expectation, `nothing asserts "${text}"`)
      await expectation({ world, answer, body: item.body, reader, before })
    }
  })
}
