import { element, setText } from './dom.js'

/** @import { Api, Task } from './api.js' */

const taskStates = new Set(['open', 'inProgress', 'completed', 'failed', 'notRelevant'])
const actionStates = new Set(['notStarted', 'inProgress', 'partiallyCompleted', 'completed', 'failed'])

/**
 * True while an execution of the task may still change something.
 * @param {Task} task
 */
export function isRunning(task) {
  return task.actionStatus === 'inProgress' || task.status === 'inProgress'
}

/**
 * Why the button is off, or null. The server decides in the end; this only spares a press that cannot succeed.
 * @param {Task} task
 * @returns {string | null}
 */
export function disabledReason(task) {
  if (!taskStates.has(task.status) || !actionStates.has(task.actionStatus)) return 'The state is not known here.'
  if (task.actionType === 'text') return 'A task for people; there is nothing to execute.'
  if (task.actionStatus === 'inProgress') return 'It is running.'
  if (task.status === 'completed' || task.status === 'notRelevant') return 'The task is closed; reopen it first.'
  return null
}

/**
 * A card that follows its task through refreshes. `status` and `actionStatus` are both shown, and neither is derived from the other.
 * @param {Api} api
 * @param {Task} task
 * @param {() => void} refresh called after a press, accepted or not
 * @returns {{ node: HTMLElement, update: (task: Task) => void }}
 */
export function makeTaskCard(api, task, refresh) {
  const title = element('h3')
  const what = element('p', { class: 'muted' })
  const status = element('span', { class: 'chip', 'data-field': 'status' })
  const actionStatus = element('span', { class: 'chip', 'data-field': 'actionStatus' })
  const button = /** @type {HTMLButtonElement} */ (element('button', { type: 'button' }, 'Execute'))
  const reason = element('span', { class: 'muted' })
  const lastRun = element('p', { class: 'muted', 'data-field': 'lastRun' })
  const problem = element('p', { class: 'error', role: 'alert' })
  const node = element(
    'article',
    { class: 'card', 'data-task': task.id },
    title,
    what,
    element('p', { 'aria-live': 'polite' }, status, actionStatus),
    element('p', {}, button, ' ', reason),
    lastRun,
    problem,
  )
  let isSending = false
  let shownRunOf = ''
  /** @param {Task} now */
  const showLastRun = async (now) => {
    const key = `${now.actionStatus} ${now.lastModifiedDateTime}`
    if (now.actionStatus === 'notStarted' || key === shownRunOf) return
    shownRunOf = key
    setText(lastRun, await readLastRun(api, now.id))
  }
  /** @param {Task} now */
  const update = (now) => {
    setText(title, now.displayName)
    const target = now.responseAction?.identifierValue
    setText(what, [now.actionType, target, now.source, now.description].filter(Boolean).join(' · '))
    setText(status, `Task: ${now.status}`)
    setText(actionStatus, `Action: ${now.actionStatus}`)
    const off = disabledReason(now)
    button.disabled = isSending || off !== null
    setText(reason, off ?? '')
    void showLastRun(now)
  }
  button.addEventListener('click', async () => {
    isSending = true
    button.disabled = true
    setText(problem, '')
    try {
      await api.post(`/beta/security/incidentTasks/${encodeURIComponent(task.id)}/executeResponseAction`)
    } catch (cause) {
      setText(problem, cause instanceof Error ? cause.message : String(cause))
    }
    isSending = false
    refresh()
  })
  update(task)
  return { node, update }
}

/**
 * The newest execution in one line: its state and, when it went wrong, why.
 * @param {Api} api
 * @param {string} taskId
 * @returns {Promise<string>}
 */
async function readLastRun(api, taskId) {
  try {
    const [newest] = (await api.get(`/api/v1/tasks/${encodeURIComponent(taskId)}/executions`)).value
    if (newest === undefined) return ''
    return [`Last run: ${newest.state}`, newest.reason].filter(Boolean).join(' · ')
  } catch (cause) {
    return `Last run: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}
