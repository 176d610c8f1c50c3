import { CordonError } from '../../../model/errors.ts'
import { listEvidenceOfIncident, listHolds } from '../../../store/assets.ts'
import { readIncident } from '../../../store/incidents.ts'
import { listTargetNames } from '../../../store/task-targets.ts'
import { listTasksOfIncident, type StoredTask } from '../../../store/tasks.ts'
import type { AuthorizedHandler } from '../../route.ts'
import type { AssetDeps } from './assets.ts'
import { type Hosts, listHosts } from './hosts.ts'
import { type AssetKind, keepValues, listAssetsIn, type NamedAsset } from './names.ts'
import { findHolding, showTask, targetKindOf } from './shown.ts'

/** The newest alerts and the first tasks of an incident say what it is about. */
const maxAlerts = 500
const maxTasks = 200
const maxHolds = 1_000

/** One thing of an incident, with everything it is called there. */
interface Seen {
  readonly kind: AssetKind
  readonly name: string
  readonly names: Set<string>
  alertCount: number
  /** Of the tasks of the incident that act on it. */
  readonly tasks: Set<string>
}

/**
 * GET /api/v1/incidents/{id}/assets: the devices, users and mailboxes that its newest 500 alerts and its tasks name, what holds each right now,
 * and the task that waits about it.
 */
export function listIncidentAssets(deps: AssetDeps): AuthorizedHandler {
  return async (call) => {
    const { tenantId } = call.caller
    const { read } = deps.store
    const id = call.params.id ?? ''
    const incident = await readIncident(read, tenantId, id)
    if (incident === null) throw new CordonError('NotFound', `incidentId ${id.slice(0, 100)} not found`)
    const [evidence, tasks, holds, hosts] = await Promise.all([
      listEvidenceOfIncident(read, tenantId, Number(incident.doc.id), maxAlerts),
      listTasksOfIncident(read, tenantId, incident.doc.id, maxTasks),
      listHolds(read, tenantId, maxHolds),
      listHosts(read, tenantId, 'device'),
    ])
    const seen = new Assets(hosts)
    for (const one of evidence) seen.noteAlert(listAssetsIn(one))
    const targets = await listTargetNames(
      read,
      tenantId,
      tasks.map(({ doc }) => doc.id),
    )
    for (const { doc } of tasks) {
      for (const kind of ['device', 'user'] as const) {
        const named = targets.filter((one) => one.taskId === doc.id && one.kind === kind).map(({ value }) => value)
        seen.noteTask(doc.id, kind, named)
      }
    }
    const value = seen.list().map((one) => {
      const { kind, name, alertCount } = one
      const deviceId = kind === 'device' ? hosts.find([...one.names]) : null
      const contained = findHolding(holds, kind, [...one.names], deviceId)
      return { kind, name, deviceId, alertCount, contained, waiting: findWaiting(tasks, one) }
    })
    return { status: 200, body: JSON.stringify({ value }) }
  }
}

function findWaiting(tasks: readonly StoredTask[], { tasks: about }: Seen): object | null {
  const waiting = tasks.find(({ doc }) => doc.status === 'open' && about.has(doc.id))
  return waiting === undefined ? null : showTask(waiting)
}

/** Puts together what goes by the same name. Local to one answer. */
export class Assets {
  readonly #seen = new Map<string, Seen>()
  readonly #hosts: Hosts

  constructor(hosts: Hosts) {
    this.#hosts = hosts
  }

  /** What one alert names; counted once for it, however often it does. */
  noteAlert(assets: readonly NamedAsset[]): void {
    const counted = new Set<Seen>()
    for (const { kind, names } of assets) counted.add(this.#note(kind, names))
    for (const one of counted) one.alertCount += 1
  }

  /** What a task acts on. A mailbox goes with its account. */
  noteTask(taskId: string, kind: AssetKind, names: readonly string[]): void {
    const [first] = names
    if (first === undefined) return
    this.#note(kind, names).tasks.add(taskId)
    for (const one of this.#seen.values()) {
      if (targetKindOf(one.kind) === kind && names.some((name) => one.names.has(name))) one.tasks.add(taskId)
    }
  }

  list(): Seen[] {
    return [...new Set(this.#seen.values())].sort((a, b) => b.alertCount - a.alertCount || (a.name < b.name ? -1 : 1))
  }

  #note(kind: AssetKind, given: readonly string[]): Seen {
    const host = kind === 'device' ? this.#hosts.namesOf(this.#hosts.find(given)) : []
    const names = keepValues(kind, [...host, ...given])
    const known = names.map((name) => this.#seen.get(`${kind} ${name}`)).find((one) => one !== undefined)
    const one = known ?? { kind, name: names[0] ?? '', names: new Set(), alertCount: 0, tasks: new Set() }
    for (const name of names) {
      one.names.add(name)
      this.#seen.set(`${kind} ${name}`, one)
    }
    return one
  }
}
