import assert from 'node:assert/strict'
import type { Route } from '../../src/api/route.ts'
import { defaultPolicy } from '../../src/model/safety/policy.ts'
import { assertError, comparable } from '../support/answers.ts'
import { keyOf } from '../support/behaviour.ts'
import type { Client, Cordon, Reply } from '../support/cordon.ts'
import { fittingAction, giveTenant, type Tenant } from '../support/given.ts'
import { signInPerson } from '../support/person.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

interface Things {
  readonly incident: string
  readonly alert: string
  readonly task: string
  readonly subscription: string
  readonly approval: string
  readonly connector: string
  readonly device: string
  readonly view: string
  readonly member: string
  readonly execution: string
}

const absentGuid = '00000000-0000-4000-8000-000000000000'
const absent: Things = {
  incident: '999999999',
  alert: 'cdabsent',
  task: absentGuid,
  subscription: absentGuid,
  approval: absentGuid,
  connector: absentGuid,
  device: absentGuid,
  view: absentGuid,
  member: absentGuid,
  execution: absentGuid,
}

async function giveThings(tenant: Tenant, cordon: Cordon): Promise<Things> {
  const incident = await tenant.incident({ displayName: 'secret of the other tenant' })
  const task = await tenant.task(incident)
  const execution = await tenant.execution(task, 'succeeded')
  const alert = await tenant.alert(incident)
  return {
    incident,
    task,
    execution,
    alert,
    subscription: await tenant.subscription('expert'),
    approval: await giveApproval(tenant),
    connector: await giveConnector(tenant),
    device: await tenant.agent({ hostName: 'lone-01', can: ['isolateDevice'] }),
    view: await giveView(tenant),
    member: (await giveMember(tenant, cordon)).personId,
  }
}

/** A filter that everybody in the tenant sees. */
async function giveView(tenant: Tenant): Promise<string> {
  const body = { screen: 'incidents', name: 'Mine', query: 'severity=high', shared: true }
  return (await (await tenant.as('expert')).post('/api/v1/views', body)).body.id
}

/** A directory nobody may ask. */
async function giveConnector(tenant: Tenant): Promise<string> {
  const dn = 'dc=example,dc=org'
  const settings = { url: 'ldaps://192.0.2.7', bindDn: dn, baseDn: dn, passwordPolicy: dn }
  const body = { kind: 'ldap', name: 'Head office', settings }
  return (await (await tenant.as('admin')).post('/api/v1/connectors', body)).body.id
}

/** Somebody of a third tenant who has a role in this one. */
async function giveMember(tenant: Tenant, cordon: Cordon): Promise<{ personId: string; userId: string }> {
  const home = await cordon.createTenant('provider')
  const person = await signInPerson(cordon, home, 'expert', 'Olga')
  const headers = { 'Content-Type': 'application/json' }
  return (await (await tenant.as('admin')).send('PUT', `/api/v1/members/${person.id}`, '{"role":"reader"}', headers))
    .body
}

/** An isolation that waits for a second person. */
async function giveApproval(tenant: Tenant): Promise<string> {
  const rule = { name: 'all', actionTypes: null, assetGroup: null, minTier: null, approvals: 1 }
  const policy = JSON.stringify({ ...defaultPolicy, fourEyes: { approvalHours: 1, rules: [rule] } })
  const headers = { 'Content-Type': 'application/json', 'If-Match': '*' }
  await (await tenant.as('admin')).send('PUT', '/api/v1/policies', policy, headers)
  const waiting = await tenant.task(await tenant.incident())
  await (await tenant.as('responder')).post(`/beta/security/incidentTasks/${waiting}/executeResponseAction`)
  return (await (await tenant.as('approver')).get('/api/v1/approvals')).body.value[0].id
}

/** What the `:id` of a route names. */
function kindOf(route: Route): keyof Things | null {
  if (/\/incidents\/:id/.test(route.path)) return 'incident'
  if (/\/subscriptions\/:id/.test(route.path)) return 'subscription'
  if (/\/alerts_v2\/:id/.test(route.path)) return 'alert'
  if (/\/approvals\/:id/.test(route.path)) return 'approval'
  if (/\/connectors\/:id/.test(route.path)) return 'connector'
  if (/\/(devices|assets\/:kind)\/:id/.test(route.path)) return 'device'
  if (/\/views\/:id/.test(route.path)) return 'view'
  if (/\/members\/:id/.test(route.path)) return 'member'
  if (/\/executions\/:id/.test(route.path)) return 'execution'
  return /\/(incident)?tasks\/:id/.test(route.path) ? 'task' : null
}

/** Bodies that would change something if the id were one's own. */
function bodyOf(route: Route): string {
  if (route.path.endsWith('/comments')) return '{"comment":"x"}'
  if (/\/(breakglass|rotatekey)$/.test(route.path)) return '{"reason":"nobody can reach the host any more"}'
  if (kindOf(route) === 'member') return '{"role":"reader"}'
  if (route.method !== 'PATCH') return '{}'
  const status = kindOf(route) === 'task' ? 'completed' : 'resolved'
  return kindOf(route) === 'subscription' ? '{"expirationDateTime":"2099-01-01T00:00:00Z"}' : JSON.stringify({ status })
}

function call(client: Client, route: Route, things: Things): Promise<Reply> {
  const path = route.path
    .replace(':kind', 'devices')
    .replace(':id', things[kindOf(route) ?? 'task'])
    .replace(':alertId', things.alert)
  if (route.method === 'GET') return client.get(path)
  return client.send(route.method, path, bodyOf(route), { 'Content-Type': 'application/json' })
}

/** Everything of a tenant, as text, but how far its notifications are, which goes on by itself. */
async function dump(cordon: Cordon, tenantId: string): Promise<string> {
  const tables = [
    ...(['incidents', 'alerts', 'tasks', 'executions', 'subscriptions', 'jobs', 'outbox', 'audit'] as const),
    'connectors' as const,
  ]
  const rows = []
  for (const table of tables) {
    rows.push(await cordon.store.read.selectFrom(table).selectAll().where('tenant_id', '=', tenantId).execute())
  }
  return JSON.stringify(rows, (name, value) => (name === 'position' ? undefined : value))
}

tenantTestOnEach(
  "answers another tenant's ids byte for byte like absent ones, on every route with an id",
  async (tenant, cordon) => {
    const other = await giveTenant(cordon)
    // Who stands for somebody in another tenant is nobody here. Their own id, which they tell an admin, is how they are let in.
    const { userId: member } = await giveMember(other, cordon)
    const theirs = { ...(await giveThings(other, cordon)), member }
    const mine = await giveThings(tenant, cordon)
    const [expert, approver, admin] = [await tenant.as('expert'), await tenant.as('approver'), await tenant.as('admin')]
    const before = await dump(cordon, other.id)
    const routes = cordon.server.routes.filter(
      (route) => route.access.kind === 'permissions' && route.path.includes(':id'),
    )
    assert.ok(routes.length >= 15)
    for (const route of routes) {
      const kind = kindOf(route)
      assert.ok(kind !== null, `${keyOf(route)} names something this test does not know`)

      const settings = kind === 'connector' || kind === 'device' || kind === 'member'
      const client = kind === 'approval' ? approver : settings ? admin : expert
      const foreign = await call(client, route, theirs)
      const none = await call(client, route, absent)
      // Deleting one's own would take it from the routes that follow; and no host has collected a package, see test/agent/collect-package.test.ts.
      const isLeftOut = route.method === 'DELETE' || route.path.endsWith('/package')
      const own = isLeftOut ? null : await call(client, route, mine)

      assert.equal(foreign.status, 404, `${keyOf(route)}: ${foreign.text}`)
      const textOf = (reply: Reply, things: Things): string =>
        comparable(reply).replaceAll(things[kind], 'ID').replaceAll(things.alert, 'ALERT')
      assert.equal(textOf(foreign, theirs), textOf(none, absent), keyOf(route))
      const { date: _a, 'request-id': _b, 'client-request-id': _c, 'content-length': _d, ...headers } = foreign.headers
      const { date: _e, 'request-id': _f, 'client-request-id': _g, 'content-length': _h, ...others } = none.headers
      assert.deepEqual(headers, others, keyOf(route))
      assert.notEqual(own?.status, 404, `${keyOf(route)} does not find one's own either`)
    }
    assert.equal(await dump(cordon, other.id), before)
  },
)

tenantTestOnEach('lists, counts, filters and expands nothing of another tenant', async (tenant, cordon) => {
  const theirs = await giveThings(await giveTenant(cordon), cordon)
  const reader = await tenant.as('reader')
  const filters = [
    '',
    `$filter=status eq 'active' or tenantId ne '${tenant.id}'`,
    `$filter=id eq '${theirs.incident}'`,
    '$filter=not (id eq null)',
  ]
  for (const filter of filters) {
    const query = encodeURI(filter)
    const list = await reader.get(`/v1.0/security/incidents?$expand=alerts&$count=true&${query}`)
    const count = await reader.get(`/v1.0/security/incidents/$count?${query}`)

    assert.deepEqual(list.body?.value, [], `${filter}: ${list.text}`)
    assert.equal(list.body['@odata.count'], 0)
    assert.equal(count.text, '0')
  }
  for (const path of ['/v1.0/security/alerts_v2', '/beta/security/incidentTasks?$expand=incident']) {
    assert.deepEqual((await reader.get(path)).body.value, [])
  }
})

tenantTest("takes another tenant's incident in a body for an absent one", async (tenant, cordon) => {
  const theirs = await giveThings(await giveTenant(cordon), cordon)
  const expert = await tenant.as('expert')
  const task = { displayName: 'x', actionType: 'isolateDevice', responseAction: fittingAction('isolateDevice') }

  const foreign = await expert.post('/beta/security/incidentTasks', { ...task, incident: { id: theirs.incident } })
  const none = await expert.post('/beta/security/incidentTasks', { ...task, incident: { id: absent.incident } })

  assertError(foreign, 404)
  assert.equal(
    comparable(foreign).replaceAll(theirs.incident, 'ID'),
    comparable(none).replaceAll(absent.incident, 'ID'),
  )
})

tenantTest("ties a token to its tenant: it opens no other tenant's sign-in or data", async (tenant, cordon) => {
  const other = await giveTenant(cordon)
  const credentials = await cordon.createClient('reader', tenant.id)

  await assert.rejects(cordon.token({ ...credentials, tenantId: other.id }), /no token: 400/)
})
