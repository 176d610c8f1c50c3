import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitUntil } from '../support/answers.ts'
import { startCordon } from '../support/cordon.ts'
import { databaseKinds } from '../support/databases.ts'
import { giveTenant, jobsDone } from '../support/given.ts'

for (const databaseKind of databaseKinds) {
  test(`on ${databaseKind} the sample is loaded once, its action is a dry run with a proof, and removing it leaves only the audit log`, async (t) => {
    const cordon = await startCordon(t, { databaseKind })
    const tenant = await giveTenant(cordon, cordon.tenantId)
    const admin = await tenant.as('admin')
    const own = await tenant.incident()

    const [first, second] = await Promise.all([admin.post('/api/v1/samples'), admin.post('/api/v1/samples')])
    const loaded = await admin.get('/api/v1/samples')
    const { incidentId, taskIds } = loaded.body
    const { body: incident } = await admin.get(`/beta/security/incidents/${incidentId}?$expand=alerts`)
    const run = await admin.post(`/beta/security/incidentTasks/${taskIds[0]}/executeResponseAction`)
    const done = await waitUntil(
      async () => (await admin.get(`/beta/security/incidentTasks/${taskIds[0]}`)).body,
      (task) => task.status === 'completed',
    )
    const { body: runs } = await admin.get(`/api/v1/tasks/${taskIds[0]}/executions`)
    await jobsDone(cordon, tenant)
    const removed = await admin.send('DELETE', '/api/v1/samples')

    assert.deepEqual([first.status, second.status].sort(), [200, 201])
    assert.equal(incident.displayName, 'SAMPLE: Web shell on sample-web-07')
    assert.deepEqual(incident.customTags, ['SAMPLE'])
    assert.equal(incident.alerts.length, 3)
    assert.ok(incident.alerts.every((alert: { title: string }) => alert.title.startsWith('SAMPLE: ')))
    assert.equal(run.status, 204, run.text)
    assert.equal(done.actionStatus, 'completed')
    assert.deepEqual([runs.value[0].connector, runs.value[0].result.proof.method], ['sample-host', 'dry run'])
    assert.equal(removed.status, 204, removed.text)
    assert.equal((await admin.get('/api/v1/samples')).body.loaded, false)
    assert.equal((await admin.send('DELETE', '/api/v1/samples')).status, 404)
    for (const table of ['incidents', 'alerts', 'tasks', 'executions', 'jobs', 'answers'] as const) {
      const rows = await cordon.store.read.selectFrom(table).selectAll().where('tenant_id', '=', tenant.id).execute()
      assert.equal(rows.length, table === 'incidents' ? 1 : 0, table)
    }
    assert.equal((await admin.get(`/beta/security/incidents/${own}`)).status, 200)
    const { body: audit } = await admin.get('/api/v1/audit?objectType=incident')
    const actions = audit.value.map((entry: { action: string }) => entry.action)
    assert.ok(actions.includes('loadSample') && actions.includes('removeSample'), actions.join())
  })
}

test('the sample is not removed under a run, nor with alerts of others in it; only an admin loads it, and no other tenant knows its host', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon)
  const other = await giveTenant(cordon)
  const admin = await tenant.as('admin')
  const { body: sample } = await admin.post('/api/v1/samples')
  const stranger = await tenant.alert(sample.incidentId)

  const withStranger = await admin.send('DELETE', '/api/v1/samples')
  await cordon.store.transaction((tx) => tx.deleteFrom('alerts').where('id', '=', stranger).execute())
  await tenant.execution(sample.taskIds[0], 'running')
  const underRun = await admin.send('DELETE', '/api/v1/samples')
  const refused = await (await tenant.as('expert')).post('/api/v1/samples')
  const foreignTask = await other.task(await other.incident(), {
    responseAction: {
      '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction',
      identifierValue: 'sample-web-07',
      isolationType: 'full',
    },
  })
  const foreign = await (await other.as('responder')).post(
    `/beta/security/incidentTasks/${foreignTask}/executeResponseAction`,
  )

  assert.equal(withStranger.status, 409)
  assert.match(withStranger.body.error.message, /^1 alerts that are no samples/)
  assert.equal(underRun.status, 409)
  assert.match(underRun.body.error.message, /^A run of the sample is under way/)
  assert.equal(refused.status, 403)
  assert.equal(foreign.body.error.innerError.code, 'TargetNotFound')
})
