import { readFileSync } from 'node:fs'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import type { Cordon } from '../support/cordon.ts'
import { enrolDevice } from '../support/device.ts'
import { fittingAction, giveTenant, type Tenant } from '../support/given.ts'
import { setPolicy } from '../support/policies.ts'

/** What the screens are opened with. */
export interface Given {
  readonly incidentId: string
  readonly taskId: string
  readonly alertId: string
  readonly deviceId: string
  readonly runId: string
}

/** Somebody whom an alert named, with the mailbox of the same address. */
const user = 'ada@contoso.example'

/** One of everything the screens show. */
export async function give(cordon: Cordon, tenant: Tenant): Promise<Given> {
  const device = await enrolDevice(cordon, tenant.id, 'web-07')
  for (const severity of ['high', 'medium', 'low', 'informational', 'unknown'] as const)
    await tenant.incident({ severity })
  const incidentId = await tenant.incident({
    displayName: 'Web shell on web-07',
    status: 'awaitingAction',
    severity: 'high',
  })
  const alertId = await tenant.alert(incidentId, {
    mitreTechniques: ['T1505.003'],
    evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'web-07' } as never],
  })
  const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
  await tenant.task(incidentId, { status: 'completed', actionStatus: 'notStarted' })
  await giveApproval(cordon, tenant, incidentId)
  for (const kind of ['user', 'mailbox'] as const) await tenant.knows(kind, user)
  await givePasskeys(cordon)
  const failed = await tenant.task(incidentId, { status: 'failed', actionStatus: 'completed' })
  const runId = await tenant.execution(failed, 'failed', { connector: 'cordon-agent' })
  return { incidentId, taskId, alertId, deviceId: device.id, runId }
}

/** A passkey for everybody who is there by now; nobody has its other half. */
async function givePasskeys({ store }: Cordon): Promise<void> {
  const people = await store.read.selectFrom('users').select(['tenant_id', 'id']).execute()
  const rows = people.map(({ tenant_id, id }) => ({
    tenant_id,
    id: randomIds.guid(),
    user_id: id,
    credential_id: randomIds.guid(),
    public_key: '',
    rp_id: 'elsewhere.example',
    name: 'Laptop',
    transports: '["internal","hybrid"]',
    multi_device: 1,
    backed_up: 1,
    counter: 0,
    created_at: systemClock.now(),
    last_used_at: systemClock.now(),
  }))
  await store.transaction(async (tx) => void (await tx.insertInto('passkeys').values(rows).execute()))
}

/** An isolation of a critical host, which waits for a second person. */
async function giveApproval(cordon: Cordon, tenant: Tenant, incidentId: string): Promise<void> {
  const critical = { name: 'crown jewels', ids: [], names: ['db-02'], tags: [], critical: true }
  await setPolicy(cordon.store, tenant.id, { assetGroups: [critical] })
  const device = await enrolDevice(cordon, tenant.id, 'db-02')
  const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
  await (await tenant.as('responder')).post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
}

/** A second tenant in which every person of that role who is there by now has the same role. */
export async function giveSecondTenant(cordon: Cordon, role: 'admin' | 'expert'): Promise<Tenant> {
  const other = await giveTenant(cordon, await cordon.createTenant('Birch'))
  const people = await cordon.store.read.selectFrom('users').select('id').where('role', '=', role).execute()
  const client = await other.as('admin')
  for (const { id } of people) {
    const headers = { 'Content-Type': 'application/json' }
    const added = await client.send('PUT', `/api/v1/members/${id}`, JSON.stringify({ role }), headers)
    if (added.status !== 200) throw new Error(`the person is no member of the other tenant: ${added.text}`)
  }
  return other
}

const lists = [
  'incidents',
  'tasks',
  'alerts',
  'approvals',
  'devices',
  'users',
  'mailboxes',
  'connectors',
  'audit',
  'policies',
  'settings',
  'start',
  'reports',
]
/** The story is what an incident begins with. */
const tabs = ['tasks', 'alerts', 'assets', 'evidence', 'activity']

/** The screens as they are before there is anything: the lists, and an incident that says nothing. */
export function listBareScreens(tenant: string, incidentId: string): readonly string[] {
  return [
    '/t/all/incidents',
    '/t/all/tasks',
    '/t/all/tasks?tab=history',
    `/t/${tenant}/tasks?tab=history`,
    ...lists.map((screen) => `/t/${tenant}/${screen}`),
    `/t/${tenant}/incidents/${incidentId}`,
    ...[...tabs, 'report'].map((tab) => `/t/${tenant}/incidents/${incidentId}/${tab}`),
  ]
}

/** The address of every screen. */
export function listScreens(
  tenant: string,
  { incidentId, taskId, alertId, deviceId, runId }: Given,
): readonly string[] {
  return [
    ...listBareScreens(tenant, incidentId),
    `/t/${tenant}/incidents?q=nothing-has-this-name`,
    `/t/${tenant}/incidents?panel=values&preview=${incidentId}`,
    `/t/${tenant}/incidents?sel=999999`,
    `/t/${tenant}/incidents/${incidentId}/tasks/${taskId}`,
    `/t/${tenant}/alerts/${alertId}`,
    `/t/${tenant}/runs/${runId}`,
    `/t/${tenant}/devices/${deviceId}`,
    `/t/${tenant}/users/${user}`,
    `/t/${tenant}/mailboxes/${user}`,
    `/t/${tenant}/incidents/999999`,
    '/t/nobody/incidents',
  ]
}

/** The routes of the portal, as its router has them. */
export function listRoutes(): readonly string[] {
  const text = readFileSync(new URL('../../src/portal/app/routes.tsx', import.meta.url), 'utf8')
  return [...text.matchAll(/'(\/t\/[^']+)'/g)].map(([, route = '']) => route)
}

/** Routes of the portal that none of these addresses leads to. */
export function findUnvisited(addresses: readonly string[]): readonly string[] {
  const paths = addresses.map((address) => new URL(address, 'https://portal.example').pathname)
  return listRoutes().filter((route) => {
    const form = new RegExp(`^${route.replaceAll(/\$[a-z]+/g, '[^/]+')}$`)
    return !paths.some((path) => form.test(path))
  })
}
