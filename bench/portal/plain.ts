import { createServer } from 'node:http'

// The least a browser can do for the same list: no framework, no data from anywhere, rows of the same make, those in sight and as many
// beyond. What is measured of it is what the machine itself costs.

const rowHeight = 36
const overscan = 8

const style = `
  body { margin: 0; font: 13px/18px system-ui, sans-serif }
  #box { height: 528px; margin: 220px 16px 0; overflow-y: auto; border: 1px solid }
  #all { position: relative }
  .row { position: absolute; inset: 0 0 auto; display: grid; grid-template-columns: 2.5rem 6.5rem 4rem 1fr 6.5rem 10rem 5rem 8rem 8rem 8rem;
    gap: 12px; align-items: center; height: ${rowHeight}px; padding: 0 12px; border-bottom: 1px solid; contain: strict }
  .row > span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
  .row:focus { outline: 2px solid blue; outline-offset: -2px }
`

/** Runs in the page. */
const script = `
  const [box, all] = [document.getElementById('box'), document.getElementById('all')]
  const total = Number(all.dataset.total), shown = new Map()
  let active = 0
  all.style.height = total * ${rowHeight} + 'px'
  const make = (index) => {
    const row = document.createElement('div')
    row.className = 'row'
    row.tabIndex = index === active ? 0 : -1
    row.dataset.id = index
    row.setAttribute('role', 'row')
    row.style.transform = 'translateY(' + index * ${rowHeight} + 'px)'
    const mark = document.createElement('input')
    mark.type = 'checkbox'
    row.append(document.createElement('span'))
    row.firstChild.append(mark)
    for (const text of ['High', index, 'Multi-stage incident on web-' + index, 'none open', 'Active', '3 alerts', 'no owner', '2026-07-01 10:00:00 UTC', '2026-07-01 10:00:00 UTC']) {
      const cell = document.createElement('span')
      const inner = document.createElement('span')
      inner.textContent = text
      cell.append(inner)
      row.append(cell)
    }
    return row
  }
  const draw = () => {
    const first = Math.max(0, Math.floor(box.scrollTop / ${rowHeight}) - ${overscan})
    const last = Math.min(total - 1, Math.ceil((box.scrollTop + 528) / ${rowHeight}) + ${overscan})
    for (const [index, row] of shown) if ((index < first || index > last) && index !== active) { row.remove(); shown.delete(index) }
    for (let index = first; index <= last; index++) if (!shown.has(index)) { const row = make(index); shown.set(index, row); all.append(row) }
  }
  box.addEventListener('scroll', draw, { passive: true })
  addEventListener('keydown', ({ key, target }) => {
    const step = target.tagName === 'INPUT' ? 0 : { j: 1, k: -1 }[key] ?? 0
    if (step === 0) return
    shown.get(active).tabIndex = -1
    active = Math.max(0, active + step)
    const row = shown.get(active)
    row.tabIndex = 0
    row.focus({ preventScroll: true })
    row.scrollIntoView({ block: 'nearest' })
  })
  draw()
`

/** A page with that list, on loopback. */
export interface PlainPage {
  readonly url: string
  close(): void
}

/** Serves it on a free port. @param rows of the list */
export async function servePlain(rows: number): Promise<PlainPage> {
  const html = `<!doctype html><meta charset=utf-8><title>Plain</title><style>${style}</style><h1>Incidents</h1>
<input type=search aria-label="Filter by name"><div id=box role=grid><div id=all data-total=${rows}></div></div><script>${script}</script>`
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(html)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('the server has no port')
  return { url: `http://127.0.0.1:${address.port}/`, close: () => server.close() }
}
