import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startCordon } from '../support/cordon.ts'

const event = { event_type: 'alert', timestamp: '2024-01-01T00:00:00Z', alert: { signature: 's', signature_id: 1 } }
const ndjson = { 'Content-Type': 'application/x-ndjson' }

test('a sensor sends lines, an array or one object, plain or gzipped, and hears what became of each', async (t) => {
  const cordon = await startCordon(t)
  const sensor = await cordon.as('responder')
  const path = '/api/v1/intake/suricata'
  const line = (flow: number) => JSON.stringify({ ...event, flow_id: flow })

  const lines = await sensor.send('POST', path, `${line(1)}\n{"title":\n${line(2)}\n${line(1)}\n`, ndjson)
  const array = await sensor.post(path, [{ ...event, flow_id: 3 }, { event_type: 'dns' }, 7])
  const one = await sensor.post(path.replace('suricata', 'Suricata'), { ...event, flow_id: 4 })
  const packed = await sensor.send('POST', path, gzipSync(line(5)), { ...ndjson, 'Content-Encoding': 'gzip' })
  const empty = await sensor.send('POST', path, '', ndjson)

  assert.deepEqual(
    [lines, array, one, packed, empty].map(({ status }) => status),
    [202, 202, 202, 202, 202],
  )
  assert.deepEqual([lines.body.accepted, lines.body.duplicates, lines.body.ignored], [2, 1, 0])
  assert.equal(lines.body.rejected.length, 1)
  assert.equal(lines.body.rejected[0].line, 2)
  assert.match(lines.body.rejected[0].error, /not acceptable JSON/)
  assert.deepEqual([array.body.accepted, array.body.ignored, array.body.rejected.length], [1, 1, 1])
  assert.deepEqual([one.body.accepted, packed.body.accepted, empty.body.accepted], [1, 1, 0])
  const count = await cordon.store.read
    .selectFrom('alerts')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  assert.equal(Number(count.n), 5)
})

test('rows come as CSV, and a header that lacks a column is refused', async (t) => {
  const cordon = await startCordon(t)
  const sensor = await cordon.as('responder')
  const send = (text: string) => sensor.send('POST', '/api/v1/intake/ait-ads', text, { 'Content-Type': 'text/csv' })

  const rows = await send(
    'time,name,ip,host,short\n1642723347,Wazuh: a,10.0.0.1,web,W-Sys-Cav\n1642723347,Wazuh: a,10.0.0.1,web,W-Sys-Cav\nx,,,,\n',
  )
  const headless = await send('1642723347,Wazuh: a,10.0.0.1,web,W-Sys-Cav\n')

  assert.equal(rows.status, 202)
  assert.deepEqual([rows.body.accepted, rows.body.duplicates, rows.body.rejected.length], [2, 0, 1])
  assert.equal(headless.status, 400)
  assert.equal(headless.body.error.code, 'BadRequest')
})

test('an unknown source is 404 with the names there are; without the permission it is 403; without a token 401', async (t) => {
  const cordon = await startCordon(t)
  const sensor = await cordon.as('responder')
  const reader = await cordon.as('reader')

  const unknown = await sensor.post('/api/v1/intake/constructor', {})
  const forbidden = await reader.post('/api/v1/intake/suricata', event)
  const anonymous = await cordon.anonymous.post('/api/v1/intake/suricata', event)

  assert.equal(unknown.status, 404)
  assert.match(unknown.body.error.message, /suricata, wazuh, graph, ait-ads/)
  assert.equal(forbidden.status, 403)
  assert.equal(anonymous.status, 401)
})

test('hostile bodies cost their own records: deep nesting, broken UTF-8, spoofed owners, too much evidence', async (t) => {
  const cordon = await startCordon(t)
  const sensor = await cordon.as('responder')
  const path = '/api/v1/intake/graph'
  const deep = `{"title":"x","raw":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`
  const url = { '@odata.type': '#microsoft.graph.security.urlEvidence', url: 'https://a.example/' }

  const nested = await sensor.send('POST', path, deep, ndjson)
  const binary = await sensor.send('POST', path, Buffer.from([0x3c, 0xff, 0xfe]), { 'Content-Type': 'text/plain' })
  const crowded = await sensor.post(path, {
    title: 'x',
    severity: 'low',
    evidence: Array.from({ length: 10_000 }, () => url),
  })
  const spoofed = await sensor.post(path, {
    title: 'x\r\n2026-01-01 AUDIT admin approved',
    severity: 'low',
    tenantId: '22222222-2222-4222-8222-222222222222',
    incidentId: '999',
  })

  assert.deepEqual(
    [nested, binary, crowded].map((reply) => [reply.status, reply.body.accepted, reply.body.rejected.length]),
    [
      [202, 0, 1],
      [202, 0, 1],
      [202, 0, 1],
    ],
  )
  assert.deepEqual([spoofed.status, spoofed.body.accepted], [202, 1])
  const rows = await cordon.store.read.selectFrom('alerts').select(['tenant_id', 'incident_id']).execute()
  assert.deepEqual(
    rows.map((row) => [row.tenant_id, row.incident_id]),
    [[cordon.tenantId, 1]],
  )
})

test('more than 1,000 rejected records are counted, not listed', async (t) => {
  const cordon = await startCordon(t)
  const sensor = await cordon.as('responder')

  const reply = await sensor.send('POST', '/api/v1/intake/wazuh', 'x\n'.repeat(1_500), ndjson)

  assert.equal(reply.body.rejected.length, 1_000)
  assert.equal(reply.body.rejectedCount, 1_500)
})

test('what a sensor sent is an alert with its incident on the Graph surface', async (t) => {
  const cordon = await startCordon(t)
  const client = await cordon.as('responder')
  const flow = { ...event, src_ip: '203.0.113.9', dest_ip: '10.0.0.8', alert: { ...event.alert, severity: 1 } }

  await client.post('/api/v1/intake/suricata', [flow, { ...flow, flow_id: 9 }])
  const alerts = await client.get("/v1.0/security/alerts_v2?$filter=serviceSource eq 'unknown'".replaceAll(' ', '%20'))
  const incident = await client.get('/v1.0/security/incidents/1?$expand=alerts')

  assert.equal(alerts.status, 200)
  assert.deepEqual(
    alerts.body.value.map((alert: { incidentId: string }) => alert.incidentId),
    ['1', '1'],
  )
  assert.equal(incident.body.severity, 'high')
  assert.equal(incident.body.displayName, 's on 10.0.0.8')
  assert.equal(incident.body.alerts.length, 2)
})
