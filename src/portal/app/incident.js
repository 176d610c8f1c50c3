import { element, localTime, setText, showMain } from './dom.js'
import { isRunning, makeTaskCard } from './task-card.js'

/** @import { Alert, Api, Task } from './api.js' */

const busyMs = 2000
const idleMs = 10000

/**
 * One incident with its tasks. Asks again every 2 seconds while something runs, else every 10.
 * @param {Api} api
 * @param {string} incidentId
 */
export async function showIncident(api, incidentId) {
  const id = encodeURIComponent(incidentId)
  const heading = element('h1')
  const facts = element('p')
  const taskList = element('section', { 'aria-label': 'Tasks' })
  const noTasks = element('p', {}, 'There are no tasks.')
  const alertList = element('ul')
  const problem = element('p', { class: 'error', role: 'alert' })
  /** @type {Map<string, ReturnType<typeof makeTaskCard>>} */
  const cards = new Map()
  /** @type {number | undefined} */
  let timer
  // A press asks at once; an answer that set out before it is then old and must not be shown.
  let round = 0

  const refresh = async () => {
    clearTimeout(timer)
    const own = ++round
    let isBusy = false
    try {
      const [incident, tasks] = await Promise.all([api.get(`/beta/security/incidents/${id}`), readTasks(api, id)])
      if (own !== round) return
      setText(problem, '')
      setText(heading, incident.displayName || `Incident ${incident.id}`)
      setText(
        facts,
        `Incident ${incident.id} · ${incident.severity} · ${incident.status} · created ${localTime(incident.createdDateTime)}`,
      )
      for (const task of tasks) showTask(task)
      noTasks.hidden = cards.size > 0
      isBusy = tasks.some(isRunning)
    } catch (cause) {
      if (own !== round) return
      setText(problem, cause instanceof Error ? cause.message : String(cause))
    }
    timer = setTimeout(() => void refresh(), isBusy ? busyMs : idleMs)
  }
  /** @param {Task} task */
  const showTask = (task) => {
    const known = cards.get(task.id)
    if (known) return known.update(task)
    const card = makeTaskCard(api, task, () => void refresh())
    cards.set(task.id, card)
    taskList.append(card.node)
  }
  await refresh()
  showMain(
    heading,
    facts,
    problem,
    element('h2', {}, 'Tasks'),
    noTasks,
    taskList,
    element('h2', {}, 'Alerts'),
    alertList,
  )
  if (cards.size > 0 || heading.textContent !== '') await showAlerts(api, id, alertList)
}

/**
 * @param {Api} api
 * @param {string} id percent-encoded
 * @returns {Promise<Task[]>}
 */
async function readTasks(api, id) {
  const page = await api.get(`/beta/security/incidentTasks?$filter=incidentId eq '${id}'&$orderby=createdDateTime`)
  return page.value
}

/**
 * @param {Api} api
 * @param {string} id percent-encoded
 * @param {HTMLElement} list
 */
async function showAlerts(api, id, list) {
  const page = await api.get(`/v1.0/security/alerts_v2?$filter=incidentId eq '${id}'&$top=50`)
  /** @type {Alert[]} */
  const alerts = page.value
  for (const alert of alerts) {
    const when = element('span', { class: 'muted' }, ` ${alert.severity} · ${localTime(alert.createdDateTime)}`)
    list.append(element('li', {}, alert.title || alert.id, when))
  }
  if (page['@odata.nextLink']) list.append(element('li', { class: 'muted' }, 'Further alerts are not listed here.'))
}
