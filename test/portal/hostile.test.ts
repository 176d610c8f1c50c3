import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import type { Cordon } from '../support/cordon.ts'
import type { Tenant } from '../support/given.ts'
import { signInPerson } from '../support/person.ts'
import { browserTest, screenOf } from './browser.ts'
import { payloads } from './payloads.ts'

interface Spread {
  /** One for each payload, with it as its name. */
  readonly named: readonly string[]
  /** The one that has all of them. */
  readonly incidentId: string
  readonly alertId: string
  readonly taskId: string
  readonly runId: string
}

/** What a spreadsheet reckons. */
const isFormula = /^[=+\-@]/
/** An address that nobody is to open by accident. */
const evil = 'https://evil.example/a.b?c=d'

/** Everything a stranger can write, on one incident and in the lists: each payload once in each place. */
async function spread(tenant: Tenant): Promise<Spread> {
  const named: string[] = []
  for (const payload of payloads) {
    const incidentId = await tenant.incident({ displayName: payload, assignedTo: payload, summary: payload })
    await tenant.task(incidentId, { displayName: payload, description: payload, createdByDisplayName: payload })
    named.push(incidentId)
  }
  const created = '2026-01-01T00:00:00.0000000Z'
  const incidentId = await tenant.incident({
    displayName: payloads[0] ?? '',
    description: payloads.join('\n'),
    customTags: payloads.slice(0, 40),
    comments: payloads.map((comment) => ({ comment, createdByDisplayName: comment, createdDateTime: created })),
  })
  let alertId = ''
  for (const payload of payloads) {
    alertId = await tenant.alert(incidentId, {
      title: payload,
      description: payload,
      productName: payload,
      recommendedActions: payload,
      mitreTechniques: [payload],
      evidence: [
        { '@odata.type': '#microsoft.graph.security.fileEvidence', fileDetails: { fileName: payload } } as never,
        {
          '@odata.type': '#microsoft.graph.security.userEvidence',
          userAccount: { userPrincipalName: payload },
        } as never,
        { '@odata.type': '#microsoft.graph.security.urlEvidence', url: evil } as never,
      ],
    })
  }
  let taskId = ''
  for (const payload of payloads.slice(0, 60)) {
    taskId = await tenant.task(incidentId, {
      displayName: payload,
      description: payload,
      createdByDisplayName: payload,
      lastModifiedByDisplayName: payload,
    })
    if (isFormula.test(payload)) await tenant.execution(taskId, 'failed')
  }
  for (const payload of payloads.slice(0, 40)) await tenant.knows('user', payload)
  const runId = await tenant.execution(taskId, 'failed', { saying: payloads.join('\n') })
  return { named, incidentId, alertId, taskId, runId }
}

/** The cells of a file of comma-separated values, row by row. @source RFC 4180 */
function readCells(file: string): string[] {
  const cells = [...file.matchAll(/("(?:[^"]|"")*"|[^",\r\n]*)(?:,|\r\n)/gy)].map(([, cell = '']) => cell)
  return cells.map((cell) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell))
}

/** Text that turns the direction and is not kept apart from what stands around it; a tooltip stands alone. */
const findLoose = `(() => {
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT)
  const loose = []
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode
    if (/[\\u202a-\\u202e]/.test(data) && parentElement.closest('bdi, textarea, pre, title') === null) loose.push(parentElement.outerHTML.slice(0, 120))
  }
  return loose
})()`

interface Parsed {
  readonly path: string
  readonly heading: string
  readonly task: string
  readonly title: string
  /** What no document of ours holds beside the shell's own. */
  readonly strange: readonly string[]
}

const parse = `(all) => all.map(([path, text]) => {
  const parsed = new DOMParser().parseFromString(text, 'text/html')
  const ours = 'script[src^="/assets/"]:empty, link[href^="/assets/"], link[rel=preload][href="/auth/session"], meta[charset], meta[name=viewport], meta[name=csp-nonce]'
  const made = 'script, link, meta, style, img, iframe, object, embed, base, form, input, textarea, select, video, audio, marquee, math, details, svg:not(.tenant-mark)'
  const strange = [...parsed.querySelectorAll(made)].filter((one) => !one.matches(ours)).map((one) => one.outerHTML)
  for (const one of parsed.querySelectorAll('*')) {
    for (const { name, value } of one.attributes) {
      const leads = ['href', 'src', 'action'].includes(name) && !/^[/#]/.test(value)
      if (name.startsWith('on') || name === 'style' || leads) strange.push(one.tagName + ' ' + name + '=' + value)
    }
  }
  const textOf = (selector) => parsed.querySelector(selector)?.textContent ?? ''
  return { path, heading: textOf('main h1'), task: textOf('article h3'), title: parsed.title, strange }
})`

/** Documents as a browser parses them, without running them: on a page of its own, where the portal's policy does not hold. */
function parseAll(page: Page, documents: readonly (readonly [path: string, text: string])[]): Promise<Parsed[]> {
  return page.evaluate<Parsed[]>(`(${parse})(${JSON.stringify(documents)})`)
}

/** The documents of these incidents as the server writes them for somebody who may read them. */
async function readDocuments(cordon: Cordon, ids: readonly string[]): Promise<[path: string, text: string][]> {
  const { cookie } = await signInPerson(cordon, cordon.tenantId, 'responder', 'Ada')
  const documents: [string, string][] = []
  for (const id of ids) {
    const path = screenOf(cordon, `incidents/${id}`)
    documents.push([path, (await cordon.anonymous.get(path, { Cookie: cookie })).text])
  }
  return documents
}

browserTest(
  `${payloads.length} texts of an attacker stay text on every screen: nothing runs, nothing is loaded`,
  async ({ cordon, tenant, enter }, t) => {
    const { named, incidentId, alertId, taskId, runId } = await spread(tenant)
    const { context, page, faults, open } = await enter('admin')
    const blank = await context.newPage()
    const documents = await parseAll(blank, await readDocuments(cordon, named))
    await blank.close()
    const foreign: string[] = []
    page.on('request', (request) => !request.url().startsWith(cordon.url) && foreign.push(request.url()))
    const seen: string[] = []
    const screens = ['', '/tasks', '/alerts', '/assets', '/evidence', '/activity', '/report', `/tasks/${taskId}`].map(
      (tab) => `incidents/${incidentId}${tab}`,
    )
    const everywhere = ['/t/all/incidents', '/t/all/tasks']
    const loose: string[] = []

    for (const screen of [
      'incidents',
      'tasks',
      'alerts',
      `alerts/${alertId}`,
      `runs/${runId}`,
      'audit',
      'users',
      `users/${encodeURIComponent(payloads[0]?.toLowerCase() ?? '')}`,
      ...everywhere,
      ...screens,
    ]) {
      await open(screen.startsWith('/') ? screen : screenOf(cordon, screen))
      await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
      await page.waitForTimeout(300)
      for (let turn = 0; turn < 4; turn++) {
        await page.evaluate("document.querySelector('[role=grid] .overflow-y-auto')?.scrollBy(0, 4000)")
        await page.waitForTimeout(60)
      }
      seen.push(await page.locator('main').innerText())
      const made =
        'main :is(script, style, img, iframe, object, embed, base, meta, form:not(search form), video, audio, marquee, math)'
      assert.equal(await page.locator(made).count(), 0, screen)
      assert.equal(await page.locator('main a[href^="javascript:" i], main a[href^="data:" i]').count(), 0, screen)
      assert.equal(await page.evaluate('window.pwned'), undefined, screen)
      loose.push(...(await page.evaluate<string[]>(findLoose)).map((text) => `${screen}: ${text}`))
    }

    const cells: string[] = []
    for (const screen of ['tasks?tab=history', 'audit']) {
      await open(screenOf(cordon, screen))
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Export CSV' }).click(),
      ])
      cells.push(...readCells(readFileSync(await file.path(), 'utf8')))
    }

    // The document alone, as it is until its scripts have come.
    await page.route('**/assets/*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: '' }))
    for (const screen of [`incidents/${incidentId}`, `incidents/${incidentId}/tasks/${taskId}`]) {
      await page.goto(`${cordon.url}${screenOf(cordon, screen)}`)
      await page.locator('article[data-task-id]').waitFor({ state: 'attached' })
      assert.equal(await page.evaluate('window.pwned'), undefined, screen)
    }
    for (const [index, { path, heading, task, title, strange }] of documents.entries()) {
      const payload = (payloads[index] ?? '').replaceAll('\r\n', '\n')
      assert.deepEqual({ heading, task, strange }, { heading: payload, task: payload, strange: [] }, path)
      assert.ok(title.includes(payload.trim().replaceAll(/[\t\n\f\r ]+/g, ' ')), `${path} ${title}`)
    }

    const formulas = payloads.slice(0, 60).filter((payload) => isFormula.test(payload))
    assert.ok(formulas.length >= 2)
    for (const formula of formulas) assert.ok(cells.includes(`'${formula}`), formula)
    assert.deepEqual(
      cells.filter((cell) => isFormula.test(cell)),
      [],
    )
    assert.ok(seen.some((text) => text.includes('hxxps://evil[.]example/a[.]b?c=d')))
    assert.deepEqual(
      seen.filter((text) => text.includes(evil)),
      [],
    )

    const shown = payloads.filter((payload) => seen.some((text) => text.includes(payload.split('\n')[0] ?? '')))
    t.diagnostic(`${shown.length} of ${payloads.length} payloads were seen as text`)
    assert.ok(payloads.length >= 200)
    assert.ok(shown.length >= 180, `${shown.length} shown`)
    assert.deepEqual(loose, [])
    assert.deepEqual(foreign, [])
    assert.deepEqual(faults, [])
  },
)
