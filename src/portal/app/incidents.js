import { element, localTime, setText, showMain } from './dom.js'

/** @import { Api, Incident, Session } from './api.js' */

const pageSize = 25

/**
 * The list of incidents, newest first. Counts are asked per row, so that they are exact however long the lists behind them are.
 * @param {Api} api
 * @param {Session} session
 */
export async function showIncidents(api, session) {
  const rows = element('tbody')
  const head = ['Id', 'Severity', 'Status', 'Name', 'Alerts', 'Tasks', 'Created']
  const table = element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...head.map((name) => element('th', { scope: 'col' }, name)))),
    rows,
  )
  const more = element('button', { type: 'button', hidden: '' }, 'More')
  /** @type {string | null} */
  let next = `/v1.0/security/incidents?$top=${pageSize}&$orderby=createdDateTime desc`
  const load = async () => {
    if (next === null) return
    const page = await api.get(next)
    next = toOwnPath(page['@odata.nextLink'])
    more.hidden = next === null
    for (const incident of page.value) rows.append(makeRow(api, session, incident))
  }
  more.addEventListener('click', () => void load())
  await load()
  const content = rows.childElementCount === 0 ? element('p', {}, 'There are no incidents.') : table
  showMain(element('h1', {}, 'Incidents'), content, more)
}

/**
 * @param {Api} api
 * @param {Session} session
 * @param {Incident} incident
 */
function makeRow(api, session, incident) {
  const id = encodeURIComponent(incident.id)
  const name = incident.displayName || `Incident ${incident.id}`
  const link = element('a', { href: `/t/${encodeURIComponent(session.tenant.id)}/incidents/${id}` }, name)
  const alerts = element('td', {}, '…')
  const tasks = element('td', {}, '…')
  void fill(alerts, api.count(`/v1.0/security/alerts_v2/$count?$filter=incidentId eq '${id}'`))
  void fill(tasks, api.count(`/beta/security/incidentTasks/$count?$filter=incidentId eq '${id}'`))
  return element(
    'tr',
    { 'data-incident': incident.id },
    element('td', {}, incident.id),
    element('td', {}, incident.severity),
    element('td', {}, incident.status),
    element('td', { class: 'text' }, link),
    alerts,
    tasks,
    element('td', {}, localTime(incident.createdDateTime)),
  )
}

/**
 * @param {HTMLElement} cell
 * @param {Promise<number>} count
 */
async function fill(cell, count) {
  try {
    setText(cell, String(await count))
  } catch (cause) {
    setText(cell, '?')
    cell.title = String(cause)
  }
}

/**
 * Links of the server are absolute; only one to this very origin is followed.
 * @param {unknown} link
 * @returns {string | null}
 */
function toOwnPath(link) {
  if (typeof link !== 'string') return null
  const url = new URL(link, location.origin)
  return url.origin === location.origin ? url.pathname + url.search : null
}
