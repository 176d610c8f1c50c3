import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { waitUntil } from '../support/answers.ts'
import { enrolDevice, makeResult } from '../support/device.ts'
import { fittingAction } from '../support/given.ts'
import { browserTest, screenOf } from './browser.ts'

browserTest(
  'the report holds timeline, evidence, tasks and proof, prints black on white from a dark screen, and is saved as Markdown',
  async ({ cordon, tenant, enter }) => {
    const device = await enrolDevice(cordon, tenant.id, 'web-07')
    const incidentId = await tenant.incident({
      displayName: 'Web shell <b>on</b> web-07',
      summary: 'Line one\nLine two',
    })
    await tenant.alert(incidentId, {
      title: 'Shell [x](javascript:alert(1))',
      createdDateTime: '2026-11-21T02:14:07.7433333Z',
      evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'web-07' } as never],
    })
    const taskId = await tenant.task(incidentId, { responseAction: fittingAction('isolateDevice', device.id) })
    const responder = await tenant.as('responder')
    await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
    const [command] = await waitUntil(
      () => device.fetch(),
      (commands) => commands.length > 0,
    )
    assert.ok(command)
    await device.acknowledge(command.commandId)
    await device.report(makeResult(command))
    await waitUntil(
      async () => (await responder.get(`/beta/security/incidentTasks/${taskId}`)).body.actionStatus,
      (status) => status === 'completed',
    )
    const { page, open, faults } = await enter('auditor', { dark: true })

    await open(screenOf(cordon, `incidents/${incidentId}`))
    await page.getByRole('link', { name: 'Report', exact: true }).click()
    await page.getByRole('heading', { name: /^Incident \d+: Web shell/ }).waitFor()
    const whole = await page.locator('article').innerText()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as Markdown' }).click(),
    ])
    const markdown = readFileSync(await download.path(), 'utf8')
    await page.emulateMedia({ media: 'print' })
    const printed = await page.evaluate(
      "(() => ({ ink: getComputedStyle(document.querySelector('article')).color, paper: getComputedStyle(document.documentElement).backgroundColor, hidden: ['nav', '#app header', '.no-print'].map((each) => getComputedStyle(document.querySelector(each)).display) }))()",
    )
    const pdf = await page.pdf()

    for (const part of [
      '2026-11-21T02:14:07.7433333Z',
      'web-07',
      'succeeded',
      'Proof, observed',
      'Line one\nLine two',
    ]) {
      assert.ok(whole.includes(part), part)
    }
    assert.equal(download.suggestedFilename(), `incident-${incidentId}.md`)
    assert.match(markdown, /^# Incident \d+\\: Web shell &lt;b&gt;on&lt;\\\/b&gt; web\\-07$/m)
    assert.match(
      markdown,
      /\| 2026-11-21T02:14:07\.7433333Z \| \w+ \| Shell \\\[x\\\]\\\(javascript\\:alert\\\(1\\\)\\\) \|/,
    )
    assert.match(markdown, /^Proof, observed\\: /m)
    assert.deepEqual(printed, {
      ink: 'rgb(0, 0, 0)',
      paper: 'rgb(255, 255, 255)',
      hidden: ['none', 'none', 'none'],
    })
    assert.equal(pdf.subarray(0, 5).toString(), '%PDF-')
    assert.deepEqual(faults, [])
  },
)
