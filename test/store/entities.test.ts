import assert from 'node:assert/strict'
import { numberOf } from '../../src/model/graph-values.ts'
import {
  countOpenAlerts,
  insertAlerts,
  readAlert,
  readAlertForUpdate,
  readAlertsOfIncident,
  updateAlert,
} from '../../src/store/alerts.ts'
import {
  allocateIncidentIds,
  insertIncidents,
  isIncidentId,
  readIncident,
  readIncidentForUpdate,
  readIncidentsForUpdate,
  updateIncident,
} from '../../src/store/incidents.ts'
import { countOpenGuidedTasks, insertTask, readTask, readTaskForUpdate, writeTask } from '../../src/store/tasks.ts'
import { eachDatabase } from '../support/databases.ts'
import { at, makeAlert, makeIncident, makeTask, otherTenant, tenant } from './given.ts'

eachDatabase('an incident comes back as it was written, for its own tenant only', async (_t, store) => {
  const incident = makeIncident('7')

  await store.transaction((tx) => insertIncidents(tx, [incident]))

  assert.deepEqual(await readIncident(store.read, tenant, '7'), { ...incident, version: 1 })
  assert.equal(await readIncident(store.read, otherTenant, '7'), null)
  assert.equal(await readIncident(store.read, tenant, '8'), null)
  assert.equal(await readIncident(store.read, tenant, '07'), null)
})

eachDatabase('a changed incident counts its versions, and its columns follow its document', async (_t, store) => {
  await store.transaction((tx) => insertIncidents(tx, [makeIncident('7')]))

  const changed = await store.transaction(async (tx) => {
    const incident = await readIncidentForUpdate(tx, tenant, '7')
    assert.ok(incident)
    const doc = { ...incident.doc, status: 'resolved', displayName: 'Neu', lastUpdateDateTime: at(9) } as const
    return updateIncident(tx, { ...incident, doc, alertCount: 3 })
  })

  const row = await store.read.selectFrom('incidents').selectAll().executeTakeFirstOrThrow()
  assert.equal(changed.version, 2)
  assert.deepEqual(await readIncident(store.read, tenant, '7'), changed)
  assert.deepEqual(
    [row.status, row.display_name, row.updated_at, row.alert_count, row.version],
    [numberOf('incidentStatus', 'resolved'), 'Neu', at(9), 3, 2],
  )
})

eachDatabase('several incidents are held in the order of their numbers, unknown ones left out', async (_t, store) => {
  await store.transaction((tx) =>
    insertIncidents(
      tx,
      ['9', '10', '2'].map((id) => makeIncident(id)),
    ),
  )

  const held = await store.transaction((tx) => readIncidentsForUpdate(tx, tenant, ['10', 'x', '9', '77', '2']))

  assert.deepEqual(
    held.map(({ doc }) => doc.id),
    ['2', '9', '10'],
  )
})

eachDatabase('incident numbers are never given twice, whoever asks at once', async (_t, store) => {
  const taken = await Promise.all(
    Array.from({ length: 20 }, (_, index) => store.transaction((tx) => allocateIncidentIds(tx, (index % 3) + 1))),
  )

  const ids = taken.flat()
  assert.equal(new Set(ids).size, ids.length)
  assert.deepEqual(
    ids.map(Number).sort((a, b) => a - b),
    Array.from(ids, (_, index) => index + 1),
  )
  assert.ok(ids.every(isIncidentId))
})

eachDatabase('an alert comes back as it was written, for its own tenant only', async (_t, store) => {
  const alert = makeAlert('a1', '7', 0)

  await store.transaction((tx) => insertAlerts(tx, [alert]))

  assert.deepEqual(await readAlert(store.read, tenant, 'a1'), { ...alert, version: 1 })
  assert.equal(await readAlert(store.read, otherTenant, 'a1'), null)
})

eachDatabase('a changed alert counts its versions and stays where a merge has put it', async (_t, store) => {
  await store.transaction((tx) => insertAlerts(tx, [makeAlert('a1', '7', 0)]))

  const changed = await store.transaction(async (tx) => {
    const alert = await readAlertForUpdate(tx, tenant, 'a1')
    assert.ok(alert)
    return updateAlert(tx, { ...alert, doc: { ...alert.doc, assignedTo: 'Zoë' } })
  })

  assert.equal(changed.version, 2)
  assert.deepEqual(await readAlert(store.read, tenant, 'a1'), changed)
  assert.equal(changed.incidentId, '7')
})

eachDatabase('the alerts of an incident come oldest first, and the open ones are counted', async (_t, store) => {
  const alerts = [
    makeAlert('c', '7', 1),
    makeAlert('b', '7', 2, 'resolved'),
    makeAlert('a', '7', 2),
    makeAlert('x', '8', 0),
  ]
  await store.transaction((tx) => insertAlerts(tx, alerts))

  const listed = await readAlertsOfIncident(store.read, tenant, '7', 10)
  const limited = await readAlertsOfIncident(store.read, tenant, '7', 2)

  const names = (found: typeof listed): string[] => found.map(({ doc }) => doc.id)
  assert.deepEqual(names(listed), ['c', 'a', 'b'])
  assert.deepEqual(names(limited), ['c', 'a'])
  assert.equal(await countOpenAlerts(store.read, tenant, '7'), 2)
  assert.equal(await countOpenAlerts(store.read, otherTenant, '7'), 0)
})

eachDatabase('hundreds of alerts are written at once', async (_t, store) => {
  const alerts = Array.from({ length: 451 }, (_, index) => makeAlert(`a${index}`, '7', index))

  await store.transaction((tx) => insertAlerts(tx, alerts))

  assert.equal(await countOpenAlerts(store.read, tenant, '7'), 451)
})

eachDatabase('a task comes back as it was written, for its own tenant only', async (_t, store) => {
  const task = makeTask('t1', '7')

  const written = await store.transaction((tx) => insertTask(tx, task))

  assert.deepEqual(written, { ...task, version: 1 })
  assert.deepEqual(await readTask(store.read, tenant, 't1'), written)
  assert.equal(await readTask(store.read, otherTenant, 't1'), null)
})

eachDatabase('a changed task counts its versions and keeps that it was reopened', async (_t, store) => {
  await store.transaction((tx) => insertTask(tx, makeTask('t1', '7')))

  const changed = await store.transaction(async (tx) => {
    const task = await readTaskForUpdate(tx, tenant, 't1')
    assert.ok(task)
    return writeTask(tx, { ...task, reopened: true, doc: { ...task.doc, status: 'inProgress' } })
  })

  assert.deepEqual([changed.version, changed.reopened], [2, true])
  assert.deepEqual(await readTask(store.read, tenant, 't1'), changed)
})

eachDatabase('only guided tasks that wait or run hold their incident up', async (_t, store) => {
  await store.transaction(async (tx) => {
    await insertTask(tx, makeTask('1', '7', 'open'))
    await insertTask(tx, makeTask('2', '7', 'inProgress'))
    await insertTask(tx, makeTask('3', '7', 'completed'))
    await insertTask(tx, makeTask('4', '7', 'open', 'defenderExpertsManagedResponse'))
    await insertTask(tx, makeTask('5', '8', 'open'))
  })

  assert.equal(await countOpenGuidedTasks(store.read, tenant, '7'), 2)
})
