import type { Task } from './api/wire.ts'

/** Where an incident stands in the portal; the server writes the same address into incidentWebUrl. */
export function incidentPath(tenant: string, id: string, tab?: string): string {
  const path = `/t/${encodeURIComponent(tenant)}/incidents/${encodeURIComponent(id)}`
  return tab === undefined ? path : `${path}/${tab}`
}

/** Where a task stands: on its incident, with the task open. */
export function taskPath(tenant: string, task: Pick<Task, 'id' | 'incident'>): string {
  return `${incidentPath(tenant, task.incident?.id ?? '', 'tasks')}/${encodeURIComponent(task.id)}`
}

/** Where one run or undo stands, whole. */
export function runPath(tenant: string, id: string): string {
  return `/t/${encodeURIComponent(tenant)}/runs/${encodeURIComponent(id)}`
}

/** One of the lists. */
export function screenPath(tenant: string, screen: string): string {
  return `/t/${encodeURIComponent(tenant)}/${screen}`
}

/** Keys of the search part that hold a filter, in the order in which they are written. */
const order = [
  'tab',
  'tenant',
  'status',
  'severity',
  'classification',
  'assigned',
  'tag',
  'source',
  'actionStatus',
  'type',
  'state',
  'q',
  'from',
  'to',
  'actor',
  'action',
  'object',
  'decision',
  'sort',
  'cols',
  'view',
  'panel',
  'preview',
  'sel',
]

/** What stands behind `?`, key by key; several values of one key are a list. */
export type Search = Readonly<Record<string, string | readonly string[]>>

/** Reads the search part of an address: a repeated key is a list. */
export function readSearch(text: string): Search {
  const found: Record<string, string | string[]> = {}
  for (const [key, value] of new URLSearchParams(text)) {
    const before = found[key]
    found[key] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  return found
}

/** Writes the search part in one order, so that equal states have equal addresses. Keys nobody knows are kept, last. */
export function writeSearch(search: Readonly<Record<string, unknown>>): string {
  const parameters = new URLSearchParams()
  const place = (key: string): number => (order.includes(key) ? order.indexOf(key) : order.length)
  for (const key of Object.keys(search).sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1))) {
    const value = search[key]
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '') parameters.append(key, String(one))
    }
  }
  const written = parameters.toString()
  return written === '' ? '' : `?${written}`
}

/** The values of a key, none to several. */
export function valuesOf(search: Search, key: string): readonly string[] {
  const value = search[key]
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

/** The value of a key; empty without. */
export function firstOf(search: Search, key: string): string {
  return valuesOf(search, key)[0] ?? ''
}
