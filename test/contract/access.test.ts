import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Route } from '../../src/api/route.ts'
import { errorKinds } from '../../src/model/errors.ts'
import { roleNames } from '../../src/model/permissions.ts'
import { assertError } from '../support/answers.ts'
import { type Behaviour, keyOf, keysOf, listBehaviours } from '../support/behaviour.ts'
import { type Client, type Cordon, type Reply, startCordon } from '../support/cordon.ts'
import { listExamples } from '../support/examples.ts'
import { shareCordon, tenantTest } from '../support/shared-cordon.ts'

const rows = listBehaviours()
const rowByKey = new Map(rows.flatMap((row) => keysOf(row).map((key) => [key, row] as const)))

/** The routes of the server that ask for a permission, each with its row. */
function guardedRoutes(cordon: Cordon): [Route, Behaviour][] {
  return cordon.server.routes.flatMap((route) => {
    const row = rowByKey.get(keyOf(route))
    return route.access.kind === 'permissions' && row ? [[route, row] as [Route, Behaviour]] : []
  })
}

/** Calls a route with ids that name nothing. */
function callRoute(client: Client, route: Route): Promise<Reply> {
  const path = route.path.replaceAll(/:\w+/g, '999999')
  return route.method === 'GET'
    ? client.get(path)
    : client.send(route.method, path, '{}', { 'Content-Type': 'application/json' })
}

test('every route has its row in spec/behaviour.json, and every row its routes', async () => {
  const { server } = await shareCordon()
  const keys = new Set(server.routes.map(keyOf))

  assert.deepEqual(
    [...keys].filter((key) => !rowByKey.has(key)),
    [],
  )
  assert.deepEqual(
    [...rowByKey.keys()].filter((key) => !keys.has(key)),
    [],
  )
  assert.equal(new Set(rows.map((row) => row.operation)).size, rows.length)
})

test('every route asks for what its row says', async () => {
  const { server } = await shareCordon()
  for (const route of server.routes) {
    const row = rowByKey.get(keyOf(route))
    const permissions = route.access.kind === 'permissions' ? route.access.anyOf : []

    assert.equal(route.access.kind, row?.access, keyOf(route))
    assert.deepEqual(permissions, row?.permissions, keyOf(route))
  }
})

test('every operation behind a permission shows each of its successes and refusals in an example', () => {
  const examples = listExamples()
  for (const row of rows) {
    if (row.access !== 'permissions') continue
    const shown = examples.filter(({ operation }) => operation === row.operation).map(({ response }) => response)
    for (const status of row.success) {
      if (status === 204 && row.method === 'PATCH' && row.operation !== 'updateIncident') continue
      // An archive that a host has made is no text to compare; test/agent/collect-package.test.ts opens one.
      if (row.operation === 'downloadTaskPackage' && status === 200) continue
      // Examples speak as tenants of their own, and these figures are the first one's; test/monitoring/metrics.test.ts reads them.
      if (row.operation === 'getMetrics' && status === 200) continue
      assert.ok(
        shown.some((response) => response.status === status),
        `${row.operation} shows no ${status}`,
      )
    }
    for (const code of row.codes) {
      // The sample's ids are made when it is loaded, so no example can name one; test/respond/samples.test.ts shows the refusals.
      if (row.operation === 'removeSamples' && code === 'Conflict') continue
      const { status } = errorKinds[code]
      const name = code === 'PreconditionFailed' ? 'resourceModified' : code
      const isShown = shown.some(
        ({ status: answered, body }) => answered === status && JSON.stringify(body).includes(name),
      )
      assert.ok(isShown, `${row.operation} shows no ${code}`)
    }
  }
})

test('no example stands for an operation that does not exist', () => {
  const known = new Set(rows.map((row) => row.operation))

  assert.deepEqual(
    listExamples().filter(({ operation }) => !known.has(operation)),
    [],
  )
})

test('no route behind a permission answers without a token', async (t) => {
  // Servers of their own: so many failures from one address would lock the other tests out.
  const cordons = [await startCordon(t), await startCordon(t)]
  const [first = await shareCordon()] = cordons
  const routes = guardedRoutes(first)
  assert.ok(routes.length >= 30)
  for (const [index, [route]] of routes.entries()) {
    const cordon = cordons[index % cordons.length] ?? first
    const answer = await callRoute(cordon.anonymous, route)

    assertError(answer, 401, { code: 'InvalidAuthenticationToken' })
    assert.match(String(answer.headers['www-authenticate']), /^Bearer /, keyOf(route))
  }
})

for (const role of roleNames) {
  tenantTest(`the role ${role} reaches exactly the operations of its row`, async (tenant, cordon) => {
    const client = await tenant.as(role)
    for (const [route, row] of guardedRoutes(cordon)) {
      const answer = await callRoute(client, route)

      if (row.roles.includes(role)) {
        assert.ok(![401, 403].includes(answer.status), `${keyOf(route)}: ${answer.text}`)
      } else {
        const required = `API required roles: ${row.permissions.join(',')}, application roles: `
        assertError(answer, 403, {
          code: 'Forbidden',
          inner: null,
          message: new RegExp(required.replaceAll('.', '\\.')),
        })
      }
    }
  })
}

tenantTest(
  'a public or self-guarded route never answers 500 to a request without credentials',
  async (_tenant, cordon) => {
    for (const route of cordon.server.routes) {
      if (route.access.kind === 'permissions') continue
      const answer = await callRoute(cordon.anonymous, route)

      assert.ok(answer.status < 500, `${keyOf(route)}: ${answer.text}`)
    }
  },
)

tenantTest('leaves a trace of every change it refuses to somebody it knows', async (tenant, cordon) => {
  const [reader, responder] = [await tenant.as('reader'), await tenant.as('responder')]
  const incident = `/v1.0/security/incidents/${await tenant.incident()}`
  const requestId = '0a6c0f36-7a53-4a5e-8f5f-0a9f7c1a2b3c'
  const headers = { 'client-request-id': requestId }

  await reader.patch(incident, { status: 'resolved' }, headers)
  await responder.patch(incident, { status: 'closed' }, headers)
  await responder.post('/beta/security/incidentTasks/999/executeResponseAction', undefined, headers)

  const entries = await cordon.store.read
    .selectFrom('audit')
    .select(['actor_name', 'action', 'decision', 'code', 'client_request_id'])
    .where('tenant_id', '=', tenant.id)
    .where('decision', '=', 'refused')
    .orderBy('seq')
    .execute()
  assert.deepEqual(
    entries.map((entry) => [entry.actor_name, entry.action, entry.code, entry.client_request_id]),
    [
      ['API-App:reader test', 'PATCH /v1.0/security/incidents/:id', 'Forbidden', requestId],
      ['API-App:responder test', 'PATCH /v1.0/security/incidents/:id', 'BadRequest', requestId],
      ['API-App:responder test', 'POST /beta/security/incidenttasks/:id/executeresponseaction', 'NotFound', requestId],
    ],
  )
})
