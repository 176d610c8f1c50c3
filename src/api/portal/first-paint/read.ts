import { listPlaces, openVisit, type Place } from '../../../access/members/visit.ts'
import { readOwnSession } from '../../../access/sessions.ts'
import type { AccessDeps } from '../../../access/tenants.ts'
import { type Permission, rolePermissions } from '../../../model/permissions.ts'
import { type Attention, readAttention } from '../../../notify/people/attention.ts'
import { type IncidentTab, incidentTabs } from '../../../portal/shown/screens.ts'
import { readIncident, type StoredIncident } from '../../../store/incidents.ts'
import { listTasksOfIncident, type TaskDoc } from '../../../store/tasks.ts'
import type { Call } from '../../route.ts'

/** Who looks, and in which of the tenants they may work in. */
export interface Reader {
  readonly place: Place
  /** How many tenants they may work in. */
  readonly places: number
}

/** What the address of an incident or of its task leads to. */
export interface IncidentFacts {
  readonly reader: Reader
  readonly incident: StoredIncident
  /** Oldest first. */
  readonly tasks: readonly TaskDoc[]
  readonly attention: Attention
  readonly tab: IncidentTab
  readonly taskId: string | null
}

const mayRead: readonly Permission[] = ['SecurityIncident.Read.All', 'SecurityIncident.ReadWrite.All']
const maxTasks = 100

/**
 * Reads what the address of an incident leads to, for the person of the request's session.
 * @returns null when nobody is signed in, the tenant is absent or not theirs, or it has no such incident: the same for all of these
 */
export async function readIncidentFacts(deps: AccessDeps, call: Call): Promise<IncidentFacts | null> {
  const { tenant = '', screen, id = '', tab, item } = call.params
  if (screen !== 'incidents' || id === '' || tab === 'report' || (item !== undefined && tab !== 'tasks')) return null
  const reader = await readReader(deps, call, tenant)
  if (reader === null || !rolePermissions[reader.place.user.role].some((held) => mayRead.includes(held))) return null
  const tenantId = reader.place.tenant.id
  const { read } = deps.store
  const incident = await readIncident(read, tenantId, id)
  if (incident === null) return null
  const [tasks, attention] = await Promise.all([
    listTasksOfIncident(read, tenantId, id, maxTasks),
    readAttention(read, tenantId, id),
  ])
  const shown = incidentTabs.find(([key]) => key === tab)?.[0] ?? 'story'
  const taskId = shown === 'tasks' ? (item ?? null) : null
  return { reader, incident, tasks: tasks.map(({ doc }) => doc), attention, tab: shown, taskId }
}

/** The person of the session in the tenant that the address names. To read in another tenant than one's own is a visit there. */
async function readReader(deps: AccessDeps, call: Call, key: string): Promise<Reader | null> {
  const session = await readOwnSession(deps, call)
  if (session === undefined) return null
  const places = await listPlaces(deps, session)
  const wanted = key.toLowerCase()
  const place = places.find(({ tenant }) => tenant.id === wanted || tenant.code === wanted)
  if (place === undefined) return null
  if (place.tenant.id !== session.tenantId) await openVisit(deps, call, session, place.tenant.id)
  return { place, places: places.length }
}
