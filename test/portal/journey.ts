import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { recordJourney } from '../support/journeys.ts'
import type { Person } from './browser.ts'

/** What a journey may cost. @source design portal 2 */
export interface Budget {
  readonly clicks: number
  /** Waits that Cordon causes. They are printed and not asserted: the machine may have other things to do. */
  readonly seconds: number
}

/**
 * Walks a journey and counts what it costs. A click is one pointer activation or one key command; typing costs none. The clock runs from
 * each of them until what the person waits for is seen, and stands still while a person reads or types and while a host works.
 */
export interface Journey {
  /** Opens the link of a message: one click. */
  follow(person: Person, path: string): Promise<void>
  press(control: Locator): Promise<void>
  key(page: Page, keys: string): Promise<void>
  /** Waits for what Cordon owes the person. */
  see(...what: readonly Locator[]): Promise<void>
  clicks(): number
  /** Seconds waited so far. */
  seconds(): number
  /** Ends it: its row goes to the table, its clicks must be within the budget. */
  end(note?: string): void
}

/** Begins a journey. @param name its number and what is done, `J1 approve a guided task` */
export function beginJourney(t: TestContext, name: string, budget: Budget): Journey {
  let clicks = 0
  let waitedMs = 0
  let sinceMs: number | null = null
  const activate = async (act: () => Promise<unknown>): Promise<void> => {
    clicks += 1
    sinceMs = performance.now()
    await act()
  }
  return {
    follow: ({ open }, path) => activate(() => open(path)),
    press: (control) => activate(() => control.click()),
    key: (page, keys) => activate(() => page.keyboard.press(keys)),
    see: async (...what) => {
      const fromMs = sinceMs ?? performance.now()
      for (const one of what) await one.waitFor()
      waitedMs += performance.now() - fromMs
      sinceMs = null
    },
    clicks: () => clicks,
    seconds: () => waitedMs / 1_000,
    end: (note = '') => {
      const seconds = waitedMs / 1_000
      t.diagnostic(
        `${name}: ${clicks} of at most ${budget.clicks} clicks, system ${seconds.toFixed(1)} s of ${budget.seconds} s ${note}`.trim(),
      )
      recordJourney({ name, clicks, maxClicks: budget.clicks, seconds, maxSeconds: budget.seconds, note })
      assert.ok(clicks <= budget.clicks, `${name} took ${clicks} clicks, ${budget.clicks} are allowed`)
    },
  }
}
