import { type Permission, rolePermissions } from '../../../model/permissions.ts'
import { writeCount } from '../../../portal/shown/count-text.ts'
import { keepApart } from '../../../portal/shown/name-text.ts'
import { incidentTabs } from '../../../portal/shown/screens.ts'
import { writeJudgement } from '../../../portal/shown/words.ts'
import type { TaskDoc } from '../../../store/tasks.ts'
import { drawFrame } from './frame.ts'
import { html, type Markup } from './markup.ts'
import { createTimeWriter, name, severity, status, type TimeWriter, waitingButton } from './parts.ts'
import type { IncidentFacts } from './read.ts'
import { drawTask } from './task.ts'

/** What a document shows before its scripts run. */
export interface FirstPaint {
  readonly title: string
  readonly body: Markup
}

/** What drawing looks at. */
export interface View extends IncidentFacts {
  readonly may: (permission: Permission) => boolean
  readonly isAuditor: boolean
  readonly write: TimeWriter
  /** Address of the incident. */
  readonly path: string
}

/**
 * Draws an incident as src/portal/app/screens/incident does, whole where reading begins: what it is, what waits, in short what happened. The
 * same elements with the same classes, so that the page takes over where they stand. A phone has another order; the classes say so.
 */
export function drawIncident(facts: IncidentFacts, nowMs: number): FirstPaint {
  const { incident, tasks, taskId, tab, reader } = facts
  const { tenant, user } = reader.place
  const { id } = incident.doc
  const view: View = {
    ...facts,
    may: (permission) => rolePermissions[user.role].includes(permission),
    isAuditor: user.role === 'auditor',
    write: createTimeWriter(nowMs),
    path: `/t/${tenant.id}/incidents/${id}`,
  }
  const waiting = tasks.filter((task) => task.status === 'open')
  const named = tasks.find((task) => task.id === taskId)
  const pending = waiting.find((task) => task.id === taskId) ?? waiting[0]
  const shown = tab === 'tasks' ? (named ?? waiting[0]) : pending
  const main = html`<div class="flex flex-col gap-3 p-4 ${view.isAuditor ? '' : 'max-sm:pb-40'}">
${drawHead(view)}
${shown === undefined ? null : drawAsked(view, shown, named !== undefined)}
${drawFacts(view)}
<div class="sm:hidden">${drawButtons(view, false)}</div>
${tab === 'tasks' || waiting[0] === undefined ? null : drawWaiting(view, waiting[0], waiting.length)}
${drawTabs(view)}
${tab === 'story' ? drawSummary(view) : null}
</div>`
  const count = waiting.length > 0 ? `${waiting.length} pending - ` : ''
  return {
    title: `${keepApart(`${count}INC-${id} ${nameOf(view)}`)} - ${keepApart(tenant.name)} - Cordon`,
    body: drawFrame(reader, 'incidents', main),
  }
}

function nameOf({ incident: { doc } }: View): string {
  return doc.displayName || `Incident ${doc.id}`
}

function drawHead(view: View): Markup {
  const { id, severity: how, status: state, assignedTo } = view.incident.doc
  return html`<header><div class="flex flex-wrap items-start justify-between gap-2"><h1 tabindex="-1" class="outline-none">${name(nameOf(view))}</h1><div class="max-sm:hidden">${drawButtons(view, true)}</div></div>
<p class="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-meta text-ink-2"><code>INC-${id}</code>${severity(how)}${status(state)}<span>${assignedTo ? name(assignedTo) : 'no owner'}</span></p>
${drawAttention(view)}</header>`
}

const maxNamed = 5

function drawAttention({ attention: { seenBy, acknowledgedBy, escalation }, write }: View): Markup {
  const more = seenBy.length - maxNamed
  const seen = seenBy
    .slice(0, maxNamed)
    .map((one, index) => html`<span>${index === 0 ? '' : ', '}${name(one.name)} ${write(one.at, true)}</span>`)
  const taken =
    acknowledgedBy === null
      ? 'not acknowledged'
      : html`acknowledged by ${name(acknowledgedBy.name)} ${write(acknowledgedBy.at, true)}`
  const next =
    escalation === null ? null : html`<span>escalates ${write(escalation.at)} (step ${escalation.step})</span>`
  return html`<p class="mt-1 flex min-h-8 flex-wrap content-start gap-x-3 text-meta text-ink-2 sm:min-h-4"><span>${seenBy.length === 0 ? 'Seen by nobody' : 'Seen by '}${seen}${more > 0 ? ` and ${more} more` : ''}</span><span>${taken}</span>${next}</p>`
}

function drawButtons(view: View, isWide: boolean): Markup {
  const { may, isAuditor, path, attention, incident, reader } = view
  const { status: state, redirectIncidentId, assignedTo } = incident.doc
  const own = reader.place.user.name
  const isOpen = state !== 'resolved' && redirectIncidentId === null
  const canTake = isOpen && (attention.acknowledgedBy?.name !== own || assignedTo !== own)
  const take = { kind: 'primary', off: may('SecurityIncident.ReadWrite.All') ? null : 'Needs a responder.' } as const
  const edit = { off: may('SecurityIncident.ReadWrite.All') ? null : 'Needs a responder.' }
  const propose = { off: may('Cordon.Expert') ? null : 'Only experts propose tasks.' }
  const merge = { off: may('SecurityData.Manage.All') ? null : 'Only experts merge incidents.' }
  return html`<p class="flex flex-wrap gap-2">${isAuditor || !isWide || !canTake ? null : waitingButton('Acknowledge', take)}<a href="${path}/report" class="button">Report</a>${isAuditor ? null : [waitingButton('Edit', edit), waitingButton('Propose a task', propose), redirectIncidentId === null ? waitingButton('Merge', merge) : null]}</p>`
}

/** The task that the address names or that waits: above all the rest on a phone, in its tab on a wide window. */
function drawAsked(view: View, task: TaskDoc, isNamed: boolean): Markup {
  const isTasks = view.tab === 'tasks'
  const heading = isNamed ? 'Asked for' : isTasks ? 'Waiting' : 'Waits for you'
  return html`<section${isTasks ? html` aria-label="${heading}"` : null} class="space-y-3 ${isTasks ? 'sm:order-last' : 'sm:hidden'}"><h2 class="text-ink-2">${heading}</h2>${drawTask(view, task, isNamed || !isTasks)}</section>`
}

function drawFacts({ incident: { doc }, reader, write }: View): Markup {
  const merged = doc.redirectIncidentId
  const link =
    merged === null
      ? null
      : html`<p class="box mt-2 p-3">This incident was merged into <a href="/t/${reader.place.tenant.id}/incidents/${merged}">INC-${merged}</a>.</p>`
  return html`<p class="flex flex-wrap items-center gap-x-3 gap-y-1 text-meta text-ink-2"><span title="${doc.classification} / ${doc.determination}">${writeJudgement(doc.classification, doc.determination)}</span>${[...doc.customTags, ...doc.systemTags].map((tag) => html`<span class="badge">${name(tag)}</span>`)}<span>opened ${write(doc.createdDateTime)}</span></p>${link}`
}

function drawWaiting({ path }: View, first: TaskDoc, count: number): Markup {
  const says = writeCount(count, 'task waits for you', 'tasks wait for you')
  return html`<p class="box flex flex-wrap items-center gap-3 p-3 max-sm:hidden"><span>${says}: ${name(first.displayName)}</span><a href="${path}/tasks/${encodeURIComponent(first.id)}" class="button button-primary">Look at it</a></p>`
}

function drawTabs({ path, tab }: View): Markup {
  const links = incidentTabs.map(([key, word]) => {
    const look = key === tab ? 'border-b-2 border-accent font-semibold text-ink' : 'text-ink-2'
    const current = key === tab ? html` aria-current="page"` : null
    return html`<a href="${path}/${key}" class="min-h-7 px-3 py-1 no-underline ${look}"${current}>${word}</a>`
  })
  return html`<nav aria-label="Incident" class="flex flex-wrap gap-1 border-b border-line">${links}</nav>`
}

function drawSummary({ incident: { doc, alertCount }, tasks }: View): Markup {
  const words = doc.summary || doc.description
  const counts = `${alertCount} ${alertCount === 1 ? 'alert' : 'alerts'}, ${tasks.length} ${tasks.length === 1 ? 'task' : 'tasks'}`
  return html`<div class="grid gap-4 lg:grid-cols-2"><section class="box p-4"><h2>Summary</h2><p class="mt-1 max-w-[72ch] whitespace-pre-wrap">${words ? name(words) : 'Nobody has written a summary yet.'}</p><p class="mt-2 text-meta text-ink-2">${counts}</p></section></div>`
}
