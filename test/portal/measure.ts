import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { anyDialog, settle } from './axe.ts'
import type { Given } from './screens.ts'

const source = readFileSync(new URL('measure.js', import.meta.url), 'utf8')

/** Asks measure.js, which is in the page from then on. */
export async function ask<T>(page: Page, question: string): Promise<T> {
  if (!(await page.evaluate<boolean>("'measure' in window"))) await page.evaluate(source)
  return page.evaluate<T>(`measure.${question}`)
}

/** Opens the dialogs that decide most, one after the other. */
export async function visitDialogs(
  page: Page,
  open: (path: string) => Promise<void>,
  { tenantId, incidentId, taskId }: Given & { tenantId: string },
  look: (name: string) => Promise<void>,
): Promise<void> {
  const dialogs = [
    ['run', `incidents/${incidentId}/tasks/${taskId}`, /^Review and run/],
    ['by hand', `incidents/${incidentId}/tasks/${taskId}`, /^Done by hand/],
    ['edit', `incidents/${incidentId}`, /^Edit$/],
    ['commands', 'reports', /^Commands/],
    ['view', 'incidents?severity=high', 'Save as a view'],
    ['pause', 'approvals', /^Pause all dispatch/],
    ['channel', 'settings', 'Add a channel'],
  ] as const
  for (const [name, screen, button] of dialogs) {
    await open(`/t/${tenantId}/${screen}`)
    await settle(page)
    await page.getByRole('button', { name: button }).first().click()
    await page.locator(anyDialog).waitFor()
    await settle(page)
    await look(`dialog ${name}`)
  }
}
