import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { closeTurns } from '../../src/portal/shown/name-text.ts'
import { waitUntil } from '../support/answers.ts'
import type { Cordon } from '../support/cordon.ts'
import { enrolDevice } from '../support/device.ts'
import type { Tenant } from '../support/given.ts'
import { fittingAction } from '../support/given.ts'
import { signInPerson } from '../support/person.ts'
import { settle } from './axe.ts'
import { browserTest } from './browser.ts'
import { type Given, giveSecondTenant, listScreens } from './screens.ts'

const source = readFileSync(new URL('isolation.js', import.meta.url), 'utf8')

/**
 * A name as somebody would have it who wants “exe.jpg” to be read: it turns all that follows it. Before that it ends what it stands in, and
 * after it begins what would take the end of that.
 */
const name = 'in\u2069\u202egpj.exe\u2066'
/** As it stands in the page's text, and as it stands where nothing else is in the line. */
const forms = [closeTurns(name), name]

/** Screens on which it must stand, from the first address of each on. */
const named = ['incidents', 'tasks', 'alerts', 'users', 'mailboxes', 'audit', 'incidents/assets', 'incidents/activity']

/** One of everything, under that name wherever a stranger can choose one. */
async function giveNamed(cordon: Cordon, tenant: Tenant): Promise<Given> {
  const device = await enrolDevice(cordon, tenant.id, 'web-07')
  const created = '2026-01-01T00:00:00.0000000Z'
  const incidentId = await tenant.incident({
    displayName: name,
    status: 'awaitingAction',
    assignedTo: name,
    summary: name,
    customTags: [name],
    comments: [{ comment: name, createdByDisplayName: name, createdDateTime: created }],
  })
  const { client } = await signInPerson(cordon, tenant.id, 'admin', name)
  await client.post(`/beta/security/incidents/${incidentId}/comments`, { comment: `Written by ${name}` })
  await client.post(`/api/v1/incidents/${incidentId}/acknowledge`)
  const graph = '#microsoft.graph.security.'
  const alertId = await tenant.alert(incidentId, {
    title: name,
    description: name,
    productName: name,
    assignedTo: name,
    evidence: [
      { '@odata.type': `${graph}fileEvidence`, fileDetails: { fileName: name, filePath: name } } as never,
      { '@odata.type': `${graph}userEvidence`, userAccount: { userPrincipalName: name } } as never,
      { '@odata.type': `${graph}deviceEvidence`, hostName: name } as never,
    ],
  })
  for (const kind of ['device', 'user', 'mailbox'] as const) await tenant.knows(kind, name)
  const taskId = await tenant.task(incidentId, {
    displayName: name,
    description: name,
    createdByDisplayName: name,
    responseAction: fittingAction('isolateDevice', device.id),
  })
  const failed = await tenant.task(incidentId, { displayName: name, status: 'failed', actionStatus: 'completed' })
  const runId = await tenant.execution(failed, 'failed', { connector: 'cordon-agent', saying: name })
  return { incidentId, taskId, alertId, deviceId: device.id, runId }
}

browserTest(
  'a name that turns the direction of what follows it moves nothing beside it, on any screen',
  async ({ cordon, tenant, enter }) => {
    const { page, open } = await enter('admin', { width: 1440, height: 900 })
    await giveSecondTenant(cordon, 'admin')
    const given = await giveNamed(cordon, tenant)
    const moved: string[] = []
    const met: string[] = []

    for (const address of [
      ...listScreens(tenant.id, given),
      ...['device', 'user', 'mailbox'].map(
        (kind) => `/t/${tenant.id}/${kind === 'mailbox' ? 'mailboxes' : `${kind}s`}/${encodeURIComponent(name)}`,
      ),
      `/t/${tenant.id}/incidents?q=${encodeURIComponent(name)}`,
    ]) {
      await open(address)
      await settle(page)
      await page.evaluate(source)
      const screen = address.replace(/^\/t\/[^/]+\/|\/?(\?.*)?$/g, '').replace(/\/[^/]+/, '')
      const found = await waitUntil(
        () => page.evaluate<{ seen: number; moved: string[] }>(`isolation.findMoved(${JSON.stringify(forms)})`),
        ({ seen }) => seen > 0 || met.includes(screen) || !named.includes(screen),
      )
      moved.push(...found.moved.map((line) => `${address}: ${line}`))
      if (found.seen > 0) met.push(screen)
    }

    await open(`/t/${tenant.id}/incidents/${given.incidentId}`)
    await settle(page)
    const title = await page.title()

    for (const screen of named) assert.ok(met.includes(screen), `the name stands nowhere on ${screen}`)
    assert.deepEqual(moved, [])
    assert.match(title, /^\u2068[^\u2068]*INC-\d+ in\ufffd\u202egpj\.exe\u2066\u2069\u2069 - /)
  },
)
