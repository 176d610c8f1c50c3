import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

/** Axe itself, as its builder for this driver brings it. */
const source = readFileSync(
  createRequire(import.meta.resolve('@axe-core/playwright')).resolve('axe-core/axe.min.js'),
  'utf8',
)
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Fewer rules than this apply to no page of the portal: an empty page would pass. */
const fewestRules = 10

/** How a page is looked at; what is absent stays as it is. */
export interface Light {
  readonly theme: 'light' | 'dark' | 'forced'
  /** CSS pixels. */
  readonly width: number
}

/** What axe leaves to a person, was looked at by one, and is well. */
const reviewed: readonly Reviewed[] = [
  {
    rule: 'color-contrast',
    key: 'nonBmp',
    why: 'a mark of one sign beside the word that says the same; its colour is a token whose contrast tokens.test.ts computes',
  },
  ...['elmPartiallyObscuring', 'elmPartiallyObscured'].map((key) => ({
    rule: 'color-contrast',
    key,
    in: ['dialog', 'narrow'] as const,
    why: 'a dialog that is higher than the window scrolls, and so does a wide table on a phone: what is at the edge is seen in part, and whole at 1440 px',
  })),
  {
    rule: 'color-contrast',
    html: /^<text [^>]*class="story-/,
    why: 'words in the picture of the story, in the tokens --text and --text-2 on --surface, whose contrast tokens.test.ts computes; axe cannot tell what is below them',
  },
  {
    rule: 'aria-hidden-focus',
    key: 'focusable-modal-open',
    in: ['dialog'],
    why: 'what is behind a dialog is hidden while that keeps the focus; reach.test.ts walks through one by Tab',
  },
]

interface Reviewed {
  readonly rule: string
  /** What axe calls the reason, or the check that it could not decide. */
  readonly key?: string
  /** What the element begins with. */
  readonly html?: RegExp
  /** Only there. */
  readonly in?: readonly ('dialog' | 'narrow')[]
  readonly why: string
}

/** Any dialog of the portal. */
export const anyDialog = '[role=dialog], [role=alertdialog]'

/** Turns the page to that theme and width. */
export async function turnTo(page: Page, { theme, width }: Light): Promise<void> {
  await page.emulateMedia({
    colorScheme: theme === 'dark' ? 'dark' : 'light',
    forcedColors: theme === 'forced' ? 'active' : 'none',
  })
  await page.setViewportSize({ width, height: 900 })
  // What the page itself does about another theme, it does with the next frame.
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
}

/** Waits until the first answers are painted. */
export async function settle(page: Page): Promise<void> {
  await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
}

/** A rule with the places where it does not hold, or where axe cannot tell. */
interface Finding {
  readonly id: string
  readonly nodes: readonly {
    readonly html: string
    readonly any: readonly CheckResult[]
    readonly all: readonly CheckResult[]
    readonly none: readonly CheckResult[]
  }[]
}

interface Findings {
  readonly rules: number
  readonly violations: readonly Finding[]
  readonly incomplete: readonly Finding[]
}

/**
 * In the page: what axe finds. Its builder would put axe into the page anew each time, which then begins cold, and bring back every element
 * that is well: twice the time.
 */
const run = `axe.run({ runOnly: { type: 'tag', values: ${JSON.stringify(tags)} }, resultTypes: ['violations', 'incomplete'] }).then(
  ({ passes, violations, incomplete }) => ({ rules: passes.length, violations, incomplete }),
)`

/** What axe finds on the page as it is, one line each: what is wrong, and what it leaves to a person and nobody has reviewed. */
export async function look(page: Page, where: string): Promise<string[]> {
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(source)
  const found = await page.evaluate<Findings>(run)
  if (found.rules < fewestRules) return [`${where}: only ${found.rules} rules were looked at`]
  const here = [
    ...((await page.locator(anyDialog).count()) > 0 ? ['dialog'] : []),
    ...((page.viewportSize()?.width ?? 0) < 600 ? ['narrow'] : []),
  ]
  const isReviewed = (rule: string, html: string, { id, data }: CheckResult): boolean => {
    const key = data instanceof Object && 'messageKey' in data ? data.messageKey : id
    return reviewed.some(
      (one) =>
        one.rule === rule &&
        (one.key ?? key) === key &&
        (one.html ?? /./).test(html) &&
        (one.in?.some((place) => here.includes(place)) ?? true),
    )
  }
  const open = found.incomplete.map((rule) => ({
    ...rule,
    nodes: rule.nodes.filter(
      ({ any, all, none, html }) => ![...any, ...all, ...none].some((one) => isReviewed(rule.id, html, one)),
    ),
  }))
  return [...found.violations, ...open]
    .filter(({ nodes }) => nodes.length > 0)
    .map(({ id, nodes }) => `${where}: ${id} at ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`)
}

interface CheckResult {
  readonly id: string
  readonly data: unknown
}

/** The same in several themes and widths. */
export async function lookIn(page: Page, where: string, lights: readonly Light[]): Promise<string[]> {
  const found: string[] = []
  for (const light of lights) {
    await turnTo(page, light)
    found.push(...(await look(page, `${where}, ${light.theme} at ${light.width}`)))
  }
  return found
}
