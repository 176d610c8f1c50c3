import type { Caller } from '../../../access/authorize.ts'
import { severityOf } from '../../../model/notices/notice.ts'
import type { Permission } from '../../../model/permissions.ts'
import { type ForetellDeps, foretellHearing, type Hearing } from '../../../notify/people/foretell.ts'
import type { Approvers } from '../../../respond/safety/approvers.ts'
import type { Store } from '../../../store/db.ts'
import { readIncident } from '../../../store/incidents.ts'

/** What telling who may approve needs. */
export interface MayApproveDeps extends ForetellDeps {
  readonly store: Pick<Store, 'read'>
}

/** So many are named. */
const maxNamed = 10

/** Whoever takes part in what is decided learns the names of the others, and whoever reads the audit log has them anyway. */
const seesNames: readonly Permission[] = [
  'SecurityIncident.ReadWrite.All',
  'SecurityIncidentTask.TakeAction.ReadWrite.All',
  'Cordon.Approve',
  'Cordon.Audit.Read',
  'Cordon.Admin',
]

/**
 * Who may approve, as an answer says it: how many, whether the caller is one, and for those who may know them the first ten by name, each with
 * when they hear of it; whoever hears at once comes first.
 */
export async function showApprovers(deps: MayApproveDeps, caller: Caller, approvers: Approvers): Promise<object> {
  const { who, you } = approvers
  if (!seesNames.some((permission) => caller.permissions.has(permission))) {
    return { count: who.length, people: null, you }
  }
  const incident = await readIncident(deps.store.read, caller.tenantId, approvers.incidentId)
  const notice = { event: 'approvalRequested', severity: severityOf(incident?.doc.severity ?? '') } as const
  const hearing = await foretellHearing(deps, caller.tenantId, new Set(who.map(({ id }) => id)), notice)
  const heard = who.map(({ id, name, kind }) => ({ id, name, kind, hears: hearing.get(id) ?? unheard }))
  const people = heard.sort((left, right) => rank(left.hears) - rank(right.hears)).slice(0, maxNamed)
  return { count: who.length, people, you }
}

const unheard: Hearing = { state: 'untold', until: null }

function rank({ state }: Hearing): number {
  return ['now', 'later', 'untold'].indexOf(state)
}
