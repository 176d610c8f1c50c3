import { type CardAction, cardWords, describeCard, modeOf, offBecause } from '../../../portal/shown/card-state.ts'
import { verbOf } from '../../../portal/shown/words.ts'
import type { TaskDoc } from '../../../store/tasks.ts'
import type { View } from './incident.ts'
import { html, type Markup } from './markup.ts'
import { name, status, waitingButton } from './parts.ts'

/** One task with its two states, as src/portal/app/screens/task draws it while nothing is known of its runs and of its target. */
export function drawTask(view: View, task: TaskDoc, isOpen: boolean): Markup {
  const { path, isAuditor, may } = view
  const state = describeCard(task, null, null)
  const isWaiting = task.actionType !== 'text' && ['open', 'failed'].includes(task.status)
  const asks = isOpen && isWaiting && may('SecurityIncidentTask.TakeAction.ReadWrite.All')
  const words = task.description
    ? html`<p class="mt-2 max-w-[72ch] whitespace-pre-wrap">${name(task.description)}</p>`
    : null
  const radius = asks
    ? html`<div class="min-h-98 sm:min-h-60"><p class="mt-3 text-ink-2">Asking the target what it would do …</p></div>`
    : null
  return html`<article tabindex="-1" aria-labelledby="task-${task.id}" data-task-id="${task.id}" data-status="${task.status}" data-action-status="${task.actionStatus}" class="box p-4"><div class="flex flex-wrap items-start justify-between gap-2"><h3 id="task-${task.id}"><a href="${path}/tasks/${encodeURIComponent(task.id)}" class="alone text-ink no-underline">${name(task.displayName)}</a></h3><p class="flex flex-wrap gap-1">${status(task.status, 'Task')}${status(task.actionStatus, 'Action')}</p></div>
${drawTaskFacts(view, task)}${words}<p class="mt-2 font-medium ${state.differs === true ? 'text-danger' : ''}">${state.says}</p>${isAuditor ? null : drawOffers(view, task, state.offers)}${radius}</article>`
}

function drawTaskFacts({ write }: View, task: TaskDoc): Markup {
  const target = targetOf(task)
  const verb = task.actionType === 'text' ? 'For people' : verbOf(task.actionType)
  const by = name(task.createdByDisplayName || 'nobody named')
  return html`<p class="mt-1 flex flex-wrap gap-x-3 text-meta text-ink-2"><span title="${task.actionType}">${verb}</span>${target === '' ? null : html`<code>${name(target)}</code>`}<span title="${task.source}">${modeOf(task.source)}</span><span>proposed by ${by} ${write(task.createdDateTime)}</span></p>`
}

function targetOf({ responseAction }: TaskDoc): string {
  const value = responseAction?.identifierValue
  return typeof value === 'string' ? value : ''
}

function drawOffers({ may }: View, task: TaskDoc, offers: readonly CardAction[]): Markup {
  const rights = {
    execute: may('SecurityIncidentTask.TakeAction.ReadWrite.All'),
    write: may('SecurityIncidentTask.ReadWrite.All'),
    expert: may('Cordon.Expert'),
    approve: may('Cordon.Approve'),
  }
  const buttons = offers.map((action, index) =>
    waitingButton(cardWords[action], {
      kind: index === 0 && action !== 'cancel' ? 'primary' : 'plain',
      label: `${cardWords[action]}: ${task.displayName}`,
      off: offBecause(action, rights),
    }),
  )
  return html`<div class="mt-3 flex flex-wrap gap-2">${buttons}</div>`
}
