/** Makes an element. Text becomes text, never markup. */
export function make(name, attributes, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value)
  made.append(...children)
  return made
}

/** Details whose inside is made when they are first opened: schemas refer to each other without end. */
export function makeLazy(attributes, summary, fill) {
  const body = make('div', { class: 'inside' })
  const details = make('details', attributes, make('summary', {}, ...summary), body)
  const fillOnce = () => {
    if (details.open && body.childNodes.length === 0) body.append(...fill())
  }
  details.addEventListener('toggle', fillOnce)
  return details
}

/** A table with a head. Rows hold lists of nodes and texts. */
export function makeTable(heads, rows) {
  const cells = (kind, values) => values.map((value) => make(kind, {}, ...[value].flat()))
  return make(
    'table',
    {},
    make('thead', {}, make('tr', {}, ...cells('th', heads))),
    make('tbody', {}, ...rows.map((row) => make('tr', {}, ...cells('td', row)))),
  )
}
