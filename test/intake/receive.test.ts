import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { sql } from 'kysely'
import { normaliseRecord, openIntake } from '../../src/intake/intake.ts'
import { isRejection, type NormalisedAlert } from '../../src/intake/normalised.ts'
import { receiveAlerts, receiveOne } from '../../src/intake/receive.ts'
import { graph } from '../../src/intake/sources/graph.ts'
import { suricata } from '../../src/intake/sources/suricata.ts'
import { type Clock, instantOf } from '../../src/io/clock.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import { readIncident, updateIncident } from '../../src/store/incidents.ts'
import { readJoin } from '../../src/store/intake.ts'
import type { Actor } from '../../src/store/record.ts'
import { insertTask, readTask } from '../../src/store/tasks.ts'
import { eachDatabase, makeMigratedDatabase } from '../support/databases.ts'

const tenantId = '11111111-1111-4111-8111-111111111111'
const actor: Actor = { tenantId, id: 'sender-1', kind: 'application', name: 'API-App:sender' }
const honeypot = new URL('../fixtures/data/suricata/honeypot-2018.json', import.meta.url)

const nowMs = Date.UTC(2025, 0, 2, 3, 4, 5)
const clock: Clock = { nowMs: () => nowMs, now: () => instantOf(nowMs) }

/** A Graph-shaped alert about a host, seen `minutes` after a fixed time. */
function alertOn(
  host: string,
  minutes: number,
  facts: Record<string, unknown> = {},
  senderId = actor.id,
): NormalisedAlert {
  const at = new Date(Date.UTC(2025, 0, 1, 12) + minutes * 60_000).toISOString()
  const body = {
    title: `Rule on ${host}`,
    severity: 'medium',
    providerAlertId: `${host}-${minutes}`,
    createdDateTime: at,
    firstActivityDateTime: at,
    lastActivityDateTime: at,
    evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: host }],
    ...facts,
  }
  const outcome = normaliseRecord(graph, body, { receivedAt: clock.now(), senderId })
  assert.ok(outcome !== 'ignored' && !isRejection(outcome), JSON.stringify(outcome))
  return outcome
}

/** Evidence of several hosts: what ties their incidents together. */
function hosts(...names: string[]): { evidence: unknown[] } {
  const type = '#microsoft.graph.security.deviceEvidence'
  return { evidence: names.map((hostName) => ({ '@odata.type': type, hostName })) }
}

async function auditOf(store: Store): Promise<[string, string, string][]> {
  const rows = await store.read
    .selectFrom('audit')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('seq')
    .execute()
  return rows.map((row) => [row.action, row.object_type, row.actor_id])
}

async function eventsOf(store: Store): Promise<string[]> {
  const rows = await store.read
    .selectFrom('outbox')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('seq')
    .execute()
  return rows.map((row) => `${row.change} ${row.resource} ${row.object_id}`)
}

eachDatabase(
  'an alert is stored with its incident, its reason, one audit entry and the events of both',
  async (_t, store) => {
    const { outcome, alert } = await receiveOne(
      { store, clock },
      actor,
      alertOn('web1', 0, { mitreTechniques: ['T1190'] }),
    )

    assert.equal(outcome, 'created')
    assert.equal(alert.incidentId, '1')
    assert.equal(alert.doc.lastUpdateDateTime, clock.now())
    const incident = await readIncident(store.read, tenantId, '1')
    assert.equal(incident?.doc.displayName, 'Rule on web1 on web1')
    assert.equal(incident?.doc.severity, 'medium')
    assert.equal(incident?.doc.priorityScore, 47)
    assert.equal(incident?.doc.createdDateTime, clock.now())
    assert.equal(incident?.firstActivityAt, '2025-01-01T12:00:00.0000000Z')
    assert.equal(incident?.alertCount, 1)
    assert.deepEqual(await auditOf(store), [['ingestAlerts', 'alert', 'sender-1']])
    assert.deepEqual(await eventsOf(store), [`created alert ${alert.doc.id}`, 'created incident 1'])
    const join = await readJoin(store.read, tenantId, alert.doc.id)
    assert.equal(join?.rule, 'newIncident')
    assert.match(JSON.parse(join?.reason ?? '{}').text, /^No open incident shares anything/)
  },
)

eachDatabase(
  'the same alert again is no second one; what its sender changed is brought up to date, what people decided stays',
  async (_t, store) => {
    const deps = { store, clock }
    const first = await receiveOne(deps, actor, alertOn('web1', 0))
    await store.transaction(async (tx) => {
      await tx
        .updateTable('alerts')
        .set({ doc: JSON.stringify({ ...first.alert.doc, status: 'inProgress', assignedTo: 'Kim' }) })
        .execute()
    })

    const same = await receiveOne(deps, actor, alertOn('web1', 0))
    const changed = await receiveOne(deps, actor, alertOn('web1', 0, { title: 'Renamed', severity: 'high' }))
    const other = await receiveOne(deps, { ...actor, id: 'sender-2' }, alertOn('web1', 0, {}, 'sender-2'))

    assert.equal(same.outcome, 'known')
    assert.equal(changed.outcome, 'updated')
    assert.equal(changed.alert.doc.id, first.alert.doc.id)
    assert.equal(changed.alert.doc.title, 'Renamed')
    assert.equal(changed.alert.doc.status, 'inProgress')
    assert.equal(changed.alert.doc.assignedTo, 'Kim')
    assert.ok((changed.alert.doc.lastUpdateDateTime ?? '') > clock.now())
    assert.equal(other.outcome, 'created')
    const count = await store.read
      .selectFrom('alerts')
      .select((eb) => eb.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
    assert.equal(Number(count.n), 2)
    assert.deepEqual(
      (await auditOf(store)).map(([action]) => action),
      ['ingestAlerts', 'resendAlert', 'ingestAlerts'],
    )
  },
)

eachDatabase(
  'a merge redirects the younger incident, moves its alerts and tasks, and chains stay one long',
  async (_t, store) => {
    const deps = { store, clock }
    for (const [at, host] of ['a', 'b', 'c'].entries()) await receiveOne(deps, actor, alertOn(host, at))
    const task = await store.transaction((tx) => insertTask(tx, taskOf('task-1', '3')))
    await receiveOne(deps, actor, alertOn('bridge-1', 10, hosts('b', 'c')))

    const bridge = await receiveOne(deps, actor, alertOn('bridge-2', 11, hosts('a', 'b')))

    assert.equal(bridge.alert.incidentId, '1')
    const incidents = await Promise.all(['1', '2', '3'].map((id) => readIncident(store.read, tenantId, id)))
    assert.deepEqual(
      incidents.map((incident) => [incident?.doc.status, incident?.doc.redirectIncidentId, incident?.alertCount]),
      [
        ['active', null, 5],
        ['redirected', '1', 0],
        ['redirected', '1', 0],
      ],
    )
    const moved = await store.read.selectFrom('alerts').select(['incident_id']).execute()
    assert.deepEqual(
      moved.map((row) => row.incident_id),
      [1, 1, 1, 1, 1],
    )
    const movedTask = await readTask(store.read, tenantId, task.doc.id)
    assert.equal(movedTask?.incidentId, '1')
    assert.ok((movedTask?.version ?? 0) > task.version)
    const merges = await store.read
      .selectFrom('incident_merges')
      .select(['incident_id', 'into_incident_id', 'reason'])
      .orderBy('incident_id')
      .execute()
    assert.deepEqual(
      merges.map((row) => [row.incident_id, row.into_incident_id]),
      [
        [2, 1],
        [3, 2],
      ],
    )
    assert.match(JSON.parse(merges[0]?.reason ?? '{}').text, /shares device b with both/)
    const events = await eventsOf(store)
    for (const event of [
      'updated incident 2',
      'updated incident 3',
      'updated incident 1',
      'updated incidentTask task-1',
    ]) {
      assert.ok(events.includes(event), event)
    }
    assert.equal(
      (await auditOf(store)).filter(([action, , by]) => action === 'mergeIncidents' && by === 'correlation').length,
      2,
    )
  },
)

eachDatabase(
  'what a person set on an incident stays when alerts join, and a resolved incident takes none',
  async (_t, store) => {
    const deps = { store, clock }
    await receiveOne(deps, actor, alertOn('a', 0, { severity: 'low' }))
    await store.transaction(async (tx) => {
      const incident = await readIncident(tx, tenantId, '1')
      assert.ok(incident)
      const doc = { ...incident.doc, displayName: 'My name', severity: 'informational' } as const
      await updateIncident(tx, { ...incident, doc, personSet: ['displayName', 'severity'] })
    })

    await receiveOne(deps, actor, alertOn('a', 1, { severity: 'high' }))

    const named = await readIncident(store.read, tenantId, '1')
    assert.equal(named?.doc.displayName, 'My name')
    assert.equal(named?.doc.severity, 'informational')
    assert.equal(named?.doc.priorityScore, 70)
    assert.ok(
      (named?.doc.lastUpdateDateTime ?? '') > clock.now(),
      'a change is later than the one before, whatever the clock says',
    )

    await store.transaction(async (tx) => {
      if (named) await updateIncident(tx, { ...named, doc: { ...named.doc, status: 'resolved' } })
    })
    const next = await receiveOne(deps, actor, alertOn('a', 2))
    assert.equal(next.alert.incidentId, '2')
  },
)

eachDatabase('a merge keeps what people had done on the incident that is no more', async (_t, store) => {
  const deps = { store, clock }
  await receiveOne(deps, actor, alertOn('a', 0))
  await receiveOne(deps, actor, alertOn('b', 0))
  await store.transaction(async (tx) => {
    const incident = await readIncident(tx, tenantId, '2')
    assert.ok(incident)
    const doc = { ...incident.doc, status: 'awaitingAction', assignedTo: 'Kim', customTags: ['vip'] } as const
    await updateIncident(tx, { ...incident, doc })
  })

  await receiveOne(deps, actor, alertOn('bridge', 1, hosts('a', 'b')))

  const { doc } = (await readIncident(store.read, tenantId, '1')) ?? {}
  assert.deepEqual([doc?.status, doc?.assignedTo, doc?.customTags], ['awaitingAction', 'Kim', ['vip']])
})

eachDatabase('tenants share neither alerts nor entities', async (_t, store) => {
  const deps = { store, clock }
  const foreign: Actor = { ...actor, tenantId: '22222222-2222-4222-8222-222222222222' }
  const own = await receiveOne(deps, actor, alertOn('a', 0))

  const theirs = await receiveOne(deps, foreign, alertOn('a', 0))

  assert.equal(theirs.outcome, 'created')
  assert.notEqual(theirs.alert.doc.id, own.alert.doc.id)
  assert.notEqual(theirs.alert.incidentId, own.alert.incidentId)
  assert.equal(theirs.alert.doc.tenantId, foreign.tenantId)
})

eachDatabase('a file twice is stored once, in batches of any size the same incidents', async (t, store) => {
  const bytes = readFileSync(honeypot)
  const read = async (target: Store, batchSize: number) => {
    const intake = openIntake({ store: target, clock, batchSize }, actor, suricata)
    await intake.push(bytes)
    return intake.end()
  }

  const first = await read(store, 1_000)
  const again = await read(store, 7)

  assert.deepEqual([first.accepted, first.duplicates, first.rejectedCount], [44, 0, 0])
  assert.deepEqual([again.accepted, again.duplicates, again.incidentsOpened], [0, 44, 0])
  const second = await openStore(await makeMigratedDatabase(t, 'sqlite'))
  t.after(() => second.close())
  await read(second, 5)
  assert.deepEqual(await titlesOf(second), await titlesOf(store))
})

async function titlesOf(store: Store): Promise<unknown[]> {
  const rows = await store.read
    .selectFrom('alerts')
    .select(['id', 'title', 'incident_id', 'severity'])
    .orderBy('id')
    .execute()
  return rows.map((row) => [row.id, row.title, row.severity])
}

eachDatabase(
  'a wrong record is reported with its line, an event that is no alert is counted, the rest is kept',
  async (_t, store) => {
    const event = { event_type: 'alert', timestamp: '2024-01-01T00:00:00Z', alert: { signature: 's', signature_id: 1 } }
    const lines = [
      event,
      'x',
      { ...event, flow_id: 2 },
      { event_type: 'dns' },
      { event_type: 'alert' },
      { ...event, flow_id: 2 },
    ]
    const intake = openIntake({ store, clock }, actor, suricata)

    await intake.push(Buffer.from(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"broken`))
    const report = await intake.end()

    assert.deepEqual([report.accepted, report.duplicates, report.ignored, report.rejectedCount], [2, 1, 1, 3])
    assert.deepEqual(
      report.rejected.map(({ line }) => line),
      [2, 5, 7],
    )
  },
)

eachDatabase('in-23: 5,000 alerts about one thing are taken in without a merge', async (_t, store) => {
  const alerts = Array.from({ length: 5_000 }, (_, index) => alertOn('scanner', index / 100))

  const report = await receiveAlerts({ store, clock }, actor, 'graph', alerts)

  assert.deepEqual([report.accepted, report.incidentsOpened, report.incidentsMerged], [5_000, 1, 0])
})

test('two servers on one PostgreSQL never open two incidents for what belongs together', async (t) => {
  const url = await makeMigratedDatabase(t, 'postgres')
  const stores = await Promise.all([openStore(url), openStore(url)])
  t.after(() => Promise.all(stores.map((store) => store.close())))
  const alerts = Array.from({ length: 40 }, (_, index) => alertOn('a', index))

  await Promise.all(alerts.map((alert, at) => receiveOne({ store: stores[at % 2] ?? stores[0], clock }, actor, alert)))

  const [store] = stores
  const rows = await store.read.selectFrom('alerts').select(['incident_id']).execute()
  assert.equal(rows.length, 40)
  assert.equal(new Set(rows.map((row) => row.incident_id)).size, 1)
  assert.equal((await readIncident(store.read, tenantId, '1'))?.alertCount, 40)
})

function taskOf(id: string, incidentId: string): Parameters<typeof insertTask>[1] {
  const at = clock.now()
  return {
    tenantId,
    incidentId,
    proposedBy: null,
    reopened: false,
    version: 0,
    doc: {
      id,
      displayName: 'Isolate',
      description: '',
      status: 'open',
      source: 'defenderExpertsGuidedResponse',
      actionType: 'text',
      actionStatus: 'notStarted',
      responseAction: null,
      createdByDisplayName: 'expert',
      createdDateTime: at,
      lastModifiedByDisplayName: 'expert',
      lastModifiedDateTime: at,
    },
  }
}

eachDatabase(
  'incidents know the sources of the alerts they took in, one by one, many at once, sent again and through merges',
  async (_t, store) => {
    const deps = { store, clock }
    const sources = ['dataLossPrevention', 'microsoftDefenderForEndpoint', 'microsoftDefenderForIdentity']
    const send = (host: string, minutes: number, names: readonly string[] = [host]) =>
      alertOn(host, minutes, { ...hosts(...names), serviceSource: sources[minutes % sources.length] })
    const compare = async (): Promise<number> => {
      const { rows } = await sql<{ id: number; kept: number | string; true: number | string | null }>`
        select id, sources as kept, (select sum(distinct service_source) from alerts
          where alerts.tenant_id = incidents.tenant_id and incident_id = incidents.id) as true
        from incidents order by id`.execute(store.read)
      for (const row of rows) assert.equal(Number(row.kept), Number(row.true ?? 0), `incident ${row.id}`)
      return rows.filter((row) => row.true === null).length
    }

    for (const [at, host] of ['a', 'b', 'c', 'd'].entries()) await receiveOne(deps, actor, send(host, at))
    await receiveOne(deps, actor, send('b', 4, ['a', 'b']))
    await compare()
    const many = ['e', 'f', 'g', 'h'].flatMap((host, at) => [send(host, 10 + at), send(host, 20 + at, [host, 'c'])])
    await receiveAlerts(deps, actor, 'graph', many)
    await receiveAlerts(deps, actor, 'graph', [send('i', 30), send('j', 31), send('ij', 32, ['i', 'j', 'a', 'd'])])
    const emptied = await compare()
    const again = { ...send('a', 0), content: { ...send('a', 0).content, serviceSource: sources[2] } }
    await receiveOne(deps, actor, again as NormalisedAlert)
    await compare()

    assert.ok(emptied >= 2, 'some incidents were merged into others')
  },
)
