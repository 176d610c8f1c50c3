import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { bearWeather } from './browser.ts'

/** In the page: what a person finds on a list and beside it, by the hooks and the controls. */
export const listProbe = `({
  search: location.search,
  pressed: [...document.querySelectorAll('main [aria-pressed=true]')].map((one) => one.textContent),
  checked: [...document.querySelectorAll('aside input:checked')].map((one) => one.closest('label').title),
  counts: [...document.querySelectorAll('aside fieldset')].map((one) => one.innerText),
  chips: [...document.querySelectorAll('main [aria-label^="Remove the filter"]')].map((one) => one.ariaLabel),
  order: document.querySelector('main select')?.value,
  name: document.querySelector('main search [type=search]').value,
  heads: [...document.querySelectorAll('[role=columnheader]')].map((one) => one.textContent),
  rows: [...document.querySelectorAll('[role=grid] [role=row][data-id]')].map((one) => one.dataset.id),
  total: document.querySelector('[role=grid]').getAttribute('aria-rowcount'),
  stop: document.querySelector('[role=grid] [tabindex="0"]').dataset.id,
  panels: [...document.querySelectorAll('aside')].map((one) => [one.ariaLabel, one.querySelector('h3')?.textContent]),
  focused: document.activeElement.textContent,
  title: document.title,
})`

/** Opens the address of a page in another browser of the same person. @param seen waits until the copy shows what the page does */
export async function probeCopy(page: Page, seen: (copy: Page) => Promise<void>): Promise<unknown> {
  const context = page.context()
  const browser = context.browser()
  assert.ok(browser)
  const storageState = await context.storageState()
  const elsewhere = await browser.newContext({ storageState, viewport: page.viewportSize() })
  elsewhere.setDefaultTimeout(60_000)
  const copy = await elsewhere.newPage()
  bearWeather(copy)
  await copy.goto(page.url())
  await seen(copy)
  const found = await copy.evaluate(listProbe)
  await elsewhere.close()
  return found
}

/** What a probe found. Whether the values of a list were all counted in time is the machine's affair. */
export function writeCalm(found: unknown): string {
  const text = JSON.stringify(found, null, 1).replaceAll(/No value\.|Too many to be counted in time: [^"\\]*/g, '')
  return text.replaceAll(/at least (\d+)/g, '$1').replaceAll(/(?:\\n)+"/g, '"')
}
