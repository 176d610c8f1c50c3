import assert from 'node:assert/strict'
import { createUser } from '../../src/access/users.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { browserTest, screenOf } from './browser.ts'

browserTest(
  'an admin lets somebody of another tenant in, changes their role and removes them by name of the tenant; others see whose right that is',
  async ({ cordon, enter }) => {
    const birch = await cordon.createTenant('birch')
    const access = { store: cordon.store, clock: systemClock, ids: randomIds }
    const id = await createUser(
      access,
      { tenantId: birch, id: 'test', kind: 'system', name: 'test' },
      { name: 'Bo', role: 'reader' },
    )
    const { page, faults, open } = await enter('admin')
    const row = page.locator(`[data-member-id="${id}"]`)
    const dialog = page.getByRole('dialog')

    await open(screenOf(cordon, 'settings'))
    await page.getByText('Nobody of another tenant works here.').waitFor()
    await page.getByRole('button', { name: 'Let somebody in' }).click()
    const admit = dialog.getByRole('button', { name: 'Let them in' })
    await dialog.getByLabel('Their id').fill('bo')
    const off = await admit.getAttribute('aria-disabled')
    await dialog.getByLabel('Their id').fill(randomIds.guid())
    await admit.click()
    await dialog.getByText('There is no such person.').waitFor()
    await dialog.getByLabel('Their id').fill(id)
    await dialog.getByLabel('Role in default').selectOption('expert')
    await admit.click()
    await row.getByText('Bo (birch)').waitFor()
    const listed = await row.innerText()
    await row.getByRole('button', { name: 'Change the role of Bo (birch)' }).click()
    await dialog.getByLabel('Role in default').selectOption('auditor')
    await dialog.getByRole('button', { name: 'Change the role' }).click()
    await row.getByText('as auditor').waitFor()
    await row.getByRole('button', { name: 'Remove Bo (birch)' }).click()
    const question = page.getByRole('alertdialog')
    const remove = question.getByRole('button', { name: 'Remove from default' })
    await remove.waitFor()
    await question.getByRole('button', { name: 'Not now', exact: true }).and(page.locator(':focus')).waitFor()
    await remove.click()
    await row.waitFor({ state: 'detached' })

    const responder = await enter('responder')
    await responder.open(screenOf(cordon, 'settings'))
    const control = responder.page.getByRole('button', { name: 'Let somebody in' })
    await control.waitFor()
    const controlIsOff = await control.getAttribute('aria-disabled')
    await responder.page.getByText('Needs the permission Cordon.Admin; an admin of this tenant grants it').waitFor()
    const auditor = await enter('auditor')
    await auditor.open(screenOf(cordon, 'settings'))
    await auditor.page.getByRole('heading', { name: 'People of other tenants' }).waitFor()

    assert.deepEqual([off, controlIsOff], ['true', 'true'])
    assert.match(listed, /as expert/)
    assert.match(listed, /at home in birch/)
    assert.equal(await auditor.page.getByRole('button', { name: 'Let somebody in' }).count(), 0)
    const expected = faults.filter((fault) => !/404/.test(fault))
    assert.deepEqual([...expected, ...responder.faults, ...auditor.faults], [])
  },
)
