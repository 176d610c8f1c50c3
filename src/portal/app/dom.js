/**
 * Makes an element. Children that are strings become text nodes: what comes from an alert is shown as it is and never read as markup.
 * @param {string} tag
 * @param {Record<string, string>} attributes set as they are; callers pass no address that comes from data
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/**
 * Sets an element's text only when it changes, so that a reader's selection survives the refresh.
 * @param {HTMLElement} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text
}

/**
 * @param {Node[]} content
 */
export function showMain(...content) {
  byId('main').replaceChildren(...content)
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found
}

/**
 * Writes an instant in the reader's own time zone; text that is none is shown as it is.
 * @param {string | null | undefined} instant
 */
export function localTime(instant) {
  if (!instant) return ''
  const parsed = new Date(instant)
  return Number.isNaN(parsed.getTime()) ? instant : parsed.toLocaleString()
}
