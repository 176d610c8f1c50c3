import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertError } from '../support/answers.ts'
import { startCordon } from '../support/cordon.ts'
import { tenantTest } from '../support/shared-cordon.ts'

const page = 'https://portal.example'
const path = '/v1.0/security/incidents'
const ask = { Origin: page, 'Access-Control-Request-Method': 'PATCH', 'Access-Control-Request-Headers': 'prefer' }

function corsOf(headers: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(headers).filter((name) => name.startsWith('access-control-'))
}

const listed = (value: unknown): string[] => String(value).toLowerCase().split(', ')

test('a server with a listed origin', async (t) => {
  const cordon = await startCordon(t, { corsOrigins: [page, 'http://localhost:3000'] })
  const reader = await cordon.as('reader')

  await t.test('answers its preflight', async () => {
    const answer = await cordon.anonymous.send('OPTIONS', `${path}/1`, undefined, ask)

    assert.equal(answer.status, 204)
    assert.equal(answer.text, '')
    assert.equal(answer.headers['access-control-allow-origin'], page)
    assert.deepEqual(listed(answer.headers['access-control-allow-methods']), ['get', 'head', 'patch', 'options'])
    const names = listed(answer.headers['access-control-allow-headers'])
    for (const name of 'authorization content-type prefer client-request-id sdkversion consistencylevel if-match'.split(
      ' ',
    )) {
      assert.ok(names.includes(name), name)
    }
    assert.equal(answer.headers['access-control-allow-credentials'], undefined)
    assert.equal(answer.headers.allow, 'GET, HEAD, PATCH, OPTIONS')
    assert.equal(answer.headers.vary, 'Origin')
  })

  await t.test('lets its pages read answers and errors', async () => {
    const answers = [
      await reader.get(path, { Origin: page }),
      await reader.get(`${path}/999`, { Origin: page }),
      await cordon.anonymous.get(path, { Origin: page }),
      await cordon.anonymous.send('DELETE', path, undefined, { Origin: page }),
      await cordon.anonymous.get('/beta/nowhere', { Origin: page }),
    ]
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [200, 404, 401, 405, 404],
    )
    for (const { headers } of answers) {
      assert.equal(headers['access-control-allow-origin'], page)
      const names = listed(headers['access-control-expose-headers'])
      for (const name of 'request-id client-request-id retry-after preference-applied location'.split(' ')) {
        assert.ok(names.includes(name), name)
      }
      assert.equal(headers['access-control-allow-credentials'], undefined)
      assert.equal(headers.vary, 'Origin')
    }
  })

  await t.test('gives other origins nothing', async () => {
    for (const Origin of [
      'https://evil.example',
      `${page}.evil.example`,
      `${page}:444`,
      'http://portal.example',
      'null',
      '*',
    ]) {
      const preflight = await cordon.anonymous.send('OPTIONS', path, undefined, { ...ask, Origin })
      const answer = await reader.get(path, { Origin })

      assert.equal(preflight.status, 204)
      assert.deepEqual([...corsOf(preflight.headers), ...corsOf(answer.headers)], [])
      assert.equal(answer.headers.vary, 'Origin')
    }
    assert.equal((await reader.get(path)).headers.vary, 'Origin')
  })

  await t.test('opens nothing but the Graph roots', async () => {
    for (const other of ['/healthz', '/api/v1/agent/heartbeat', '/login', `/${cordon.tenantId}/oauth2/v2.0/token`]) {
      const preflight = await cordon.anonymous.send('OPTIONS', other, undefined, ask)
      const answer = await cordon.anonymous.get(other, { Origin: page })

      assert.deepEqual([...corsOf(preflight.headers), ...corsOf(answer.headers)], [], other)
    }
  })
})

tenantTest('a server without listed origins answers OPTIONS with Allow and no page', async (tenant, cordon) => {
  const reader = await tenant.as('reader')

  const preflight = await cordon.anonymous.send('OPTIONS', path, undefined, ask)
  const answer = await reader.get(path, { Origin: page })

  assert.equal(preflight.status, 204)
  assert.equal(preflight.headers.allow, 'GET, HEAD, OPTIONS')
  assert.equal(preflight.headers['content-type'], undefined)
  assert.deepEqual([...corsOf(preflight.headers), ...corsOf(answer.headers)], [])
  assert.equal(answer.headers.vary, undefined)
  assertError(await cordon.anonymous.send('OPTIONS', '/v1.0/nowhere'), 404, { code: 'ResourceNotFound' })
})

test('refuses to start with what is no origin', async (t) => {
  for (const origin of ['*', 'portal.example', 'https://portal.example/', 'ftp://portal.example', 'null']) {
    await assert.rejects(startCordon(t, { corsOrigins: [origin] }), /--cors-origin takes an origin/)
  }
})
