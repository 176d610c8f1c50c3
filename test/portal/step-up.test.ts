import assert from 'node:assert/strict'
import { createPasswordHasher } from '../../src/access/credentials/password-hash.ts'
import { setPassword } from '../../src/access/credentials/passwords.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { defaultPolicy } from '../../src/model/safety/policy.ts'
import { enrolDevice } from '../support/device.ts'
import { fittingAction } from '../support/given.ts'
import { ageSessions } from '../support/person.ts'
import { look } from './axe.ts'
import { browserTest, screenOf } from './browser.ts'

const password = 'a very long pass phrase'

browserTest(
  'a session that is older than the policy allows signs in again over the page: the run waits for it and is one run, typed text stays',
  async ({ cordon, tenant, enter }) => {
    const device = await enrolDevice(cordon, tenant.id, 'db-01')
    const incidentId = await tenant.incident({ displayName: 'Web shell on db-01' })
    const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
    const policy = {
      ...defaultPolicy,
      assetGroups: [{ name: 'core', ids: [], names: ['db-*'], tags: [], critical: true }],
      fourEyes: { approvalHours: 1, rules: [] },
      signIn: { freshMinutes: 10 },
    }
    const set = await (await tenant.as('admin')).send('PUT', '/api/v1/policies', JSON.stringify(policy), {
      'Content-Type': 'application/json',
      'If-Match': '*',
    })
    const { page, faults, open } = await enter('admin')
    const { id: userId } = await cordon.store.read
      .selectFrom('users')
      .select('id')
      .where('name', 'like', 'admin %')
      .executeTakeFirstOrThrow()
    const { token_hash: keptSession } = await cordon.store.read
      .selectFrom('sessions')
      .select('token_hash')
      .where('user_id', '=', userId)
      .executeTakeFirstOrThrow()
    const hasher = createPasswordHasher()
    const actor = { tenantId: tenant.id, id: 'test', kind: 'system', name: 'test' } as const
    const access = { store: cordon.store, clock: systemClock, ids: randomIds, hasher }
    await setPassword(access, actor, { userId, password, keptSession })
    await ageSessions(cordon, userId, 11)
    const asked = page.getByRole('alertdialog', { name: 'Sign in again to go on' })
    const document = page.getByLabel('The document')

    await open(screenOf(cordon, 'policies'))
    await document.waitFor()
    const changed = (await document.inputValue()).replace('"freshMinutes": 10', '"freshMinutes": 5')
    await document.fill(changed)
    await page.getByRole('button', { name: 'Review the change' }).click()
    await page.getByRole('button', { name: 'Put it in force' }).click()
    await asked.waitFor()
    const found = await look(page, 'sign in again')
    await page.keyboard.press('Escape')
    await page.getByText('This needs a sign-in of the last 10 min').first().waitFor()
    await page.getByRole('button', { name: 'Not now' }).click()
    const kept = await document.inputValue()
    await open(screenOf(cordon, `incidents/${incidentId}/tasks/${taskId}`))
    await page.getByRole('button', { name: 'Review and run' }).click()
    const dialog = page.getByRole('alertdialog').filter({ hasText: 'Reversible' })
    await dialog.getByLabel(/^Why/).fill('It talks to a known bad address.')
    await dialog.getByLabel(/^Type/).fill(await dialog.locator('label code').innerText())
    await dialog.getByRole('button', { name: /^Isolate/ }).click()
    await asked.getByLabel(/^Password/).fill('some other pass phrase')
    await page.keyboard.press('Enter')
    await asked.getByText('The password is wrong').waitFor()
    const reason = await page.getByLabel(/^Why/).inputValue()
    await asked.getByLabel(/^Password/).fill(password)
    await asked.getByRole('button', { name: 'Sign in' }).click()
    await page.locator(`[data-task-id="${taskId}"][data-action-status="inProgress"]`).waitFor()
    // The card may hear of the run before the dialog has its answer.
    await dialog.waitFor({ state: 'detached' })
    const dialogs = await page.getByRole('alertdialog').count()
    const runs = (await (await tenant.as('reader')).get(`/api/v1/tasks/${taskId}/executions`)).body.value
    await open(screenOf(cordon, 'policies'))
    await document.waitFor()
    await document.fill(changed)
    await page.getByRole('button', { name: 'Review the change' }).click()
    await page.getByRole('button', { name: 'Put it in force' }).click()
    await page.getByText('Nothing is changed.').waitFor()
    const stored = (await (await tenant.as('admin')).get('/api/v1/policies')).body.signIn

    assert.equal(set.status, 200, set.text)
    assert.deepEqual(found, [])
    assert.equal(kept, changed)
    assert.equal(reason, 'It talks to a known bad address.')
    assert.deepEqual([dialogs, runs.length, runs[0].requestedBy.kind], [0, 1, 'user'])
    assert.deepEqual(stored, { freshMinutes: 5 })
    // What the browser itself says of answers that refuse.
    assert.deepEqual(
      faults.filter((fault) => !/status of 403/.test(fault)),
      [],
    )
  },
)
