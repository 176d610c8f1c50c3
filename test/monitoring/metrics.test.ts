import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertError } from '../support/answers.ts'
import { startCordon } from '../support/cordon.ts'
import { giveTenant } from '../support/given.ts'

/** The values of a figure in Prometheus' text format, by their labels as they stand there. */
function valuesOf(text: string, name: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  return new Map(
    lines.map((line) => {
      const cut = line.lastIndexOf(' ')
      return [line.slice(name.length, cut), Number(line.slice(cut + 1))]
    }),
  )
}

test('Prometheus reads requests by route and status, jobs, executions, polls and the process itself', async (t) => {
  const cordon = await startCordon(t)
  const monitor = await cordon.as('monitor')
  const reader = await cordon.as('reader')
  for (let times = 0; times < 3; times++) await reader.get('/v1.0/security/incidents')
  await reader.get('/v1.0/security/incidents/999')
  await reader.get('/no/such/path')

  const { status, headers, text } = await monitor.get('/metrics')

  assert.equal(status, 200, text)
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/)
  const requests = valuesOf(text, 'cordon_http_requests_total')
  assert.equal(requests.get('{method="GET",route="/v1.0/security/incidents",status="200"}'), 3)
  assert.equal(requests.get('{method="GET",route="/v1.0/security/incidents/:id",status="404"}'), 1)
  assert.equal(requests.get('{method="GET",route="none",status="404"}'), 1)
  const times = valuesOf(text, 'cordon_http_request_seconds_count')
  assert.equal(times.get('{route="/v1.0/security/incidents"}'), 3)
  assert.deepEqual([...valuesOf(text, 'cordon_agent_polls').values()], [0])
  assert.deepEqual([...valuesOf(text, 'cordon_jobs_overdue_seconds').values()], [0])
  assert.deepEqual([...valuesOf(text, 'cordon_audit_checkpoint_failing').values()], [0])
  assert.ok((valuesOf(text, 'process_resident_memory_bytes').get('') ?? 0) > 10_000_000)
})

test('nobody reads the figures without a token, without the permission, or from another tenant', async (t) => {
  const cordon = await startCordon(t)
  const other = await giveTenant(cordon)

  assertError(await cordon.anonymous.get('/metrics'), 401)
  assertError(await (await cordon.as('expert')).get('/metrics'), 403)
  assertError(await (await other.as('monitor')).get('/metrics'), 404)
  assert.equal((await (await cordon.as('admin')).get('/metrics')).status, 200)
  assertError(await (await cordon.as('monitor')).get('/v1.0/security/incidents'), 403)
})
