import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { medianOf } from '../random.ts'
import { fetchToken, openClient, send } from '../tls-client.ts'
import type { Stage } from './stage.ts'
import { readVitals } from './vitals.ts'

/** What an incident with very many alerts does in a browser. Times in milliseconds; medians of several cold openings. */
export interface IncidentFigures {
  /** From the call of the address until its story is drawn and a tab answers. */
  readonly interactiveMs: number
  /** From the answer with the alerts to the drawn story. */
  readonly storyMs: number
  readonly longestTaskMs: number
  readonly nodes: number
}

const openings = 5
const changes = 50

/** Opens the large incident cold, several times. */
export async function measureIncident(stage: Stage): Promise<IncidentFigures> {
  const found: IncidentFigures[] = []
  for (let opening = 0; opening < openings; opening++) found.push(await openOnce(stage))
  return {
    interactiveMs: medianOf(found.map(({ interactiveMs }) => interactiveMs)),
    storyMs: medianOf(found.map(({ storyMs }) => storyMs)),
    longestTaskMs: medianOf(found.map(({ longestTaskMs }) => longestTaskMs)),
    nodes: Math.max(...found.map(({ nodes }) => nodes)),
  }
}

async function openOnce({ freshPage, address, seen }: Stage): Promise<IncidentFigures> {
  const page = await freshPage()
  await page.goto(address(`incidents/${seen.largeId}`))
  await waitInPage(page, 'window.vitals.storyDrawn > 0')
  const picture = page.getByRole('group', { name: 'Attack story, picture' })
  const nodes = await picture.locator('[data-entity-id]').count()
  await page.keyboard.press('2')
  await page.getByRole('link', { name: 'Tasks', exact: true }).and(page.locator('[aria-current=page]')).waitFor()
  const { storyDrawn, alertsCame, longestTask } = await readVitals(page)
  await page.context().close()
  return { interactiveMs: storyDrawn, storyMs: storyDrawn - alertsCame, longestTaskMs: longestTask, nodes }
}

/** From the answer that a change is stored to its words on an open page, change by change. */
export async function measureLive({ freshPage, address, seen, server }: Stage): Promise<number[]> {
  const page = await freshPage()
  // The first one is of this tenant, whatever their number.
  const id = '1'
  await page.goto(address(`incidents/${id}`))
  await page.locator('[data-live=live]').waitFor()
  const client = openClient(server.url, readFileSync(join(seen.dataDir, 'tls/ca.crt'), 'utf8'))
  try {
    const token = await fetchToken(client, { ...seen, incidentIds: [], activeIds: [] })
    const took: number[] = []
    for (let change = 1; change <= changes; change++) {
      const displayName = `Name ${change} of ${Date.now()}`
      const shown = waitInPage(
        page,
        `document.querySelector('main h1')?.textContent === ${JSON.stringify(displayName)}`,
      )
      const stored = send(client, token, 'PATCH', `/beta/security/incidents/${id}`, { displayName })
      const [storedAt, shownAt] = await Promise.all([stored, shown].map((done) => done.then(() => performance.now())))
      took.push((shownAt ?? 0) - (storedAt ?? 0))
    }
    return took
  } finally {
    client.close()
    await page.context().close()
  }
}

/** Waits in the page, looking with every frame: asking from outside would wait between its questions. */
async function waitInPage(page: Page, condition: string): Promise<void> {
  await page.evaluate(
    `new Promise((done) => { const look = () => (${condition} ? done() : requestAnimationFrame(look)); look() })`,
  )
}
