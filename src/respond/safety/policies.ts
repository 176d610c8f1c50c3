import type { Clock, Ids } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import { dateExclusions } from '../../model/safety/consent.ts'
import type { FieldFault } from '../../model/safety/fields.ts'
import { judgeSignIn } from '../../model/safety/fresh-sign-in.ts'
import type { SafetyPolicy } from '../../model/safety/policy.ts'
import { readPolicy } from '../../model/safety/read-policy.ts'
import type { Store, Tx } from '../../store/db.ts'
import { readUndelivered } from '../../store/executions.ts'
import type { NewJob } from '../../store/jobs.ts'
import { type Actor, recordChange } from '../../store/record.ts'
import { readPolicyForUpdate, type StoredPolicy, writePolicy } from '../../store/safety/policies.ts'
import { runJob } from '../outcome.ts'
import { type AcceptedVersions, requireVersion } from '../precondition.ts'

/** What changing the policy needs. */
export interface PolicyDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
}

/**
 * Puts a new policy in the place of a tenant's present one. It holds for everything that is handed over from the commit on; switching
 * the kill switch off wakes what waited.
 * @param value the whole policy as JSON from outside
 * @param accepted versions it may replace; whoever has not read the present one must not undo what somebody else just changed
 * @returns the policy as stored; the present one, when it says the same
 * @throws CordonError BadRequest naming every field that is wrong; PreconditionFailed; StaleSignIn
 */
export async function replacePolicy(
  deps: PolicyDeps,
  actor: Actor,
  value: unknown,
  accepted: AcceptedVersions,
): Promise<StoredPolicy> {
  const read = readPolicy(value)
  if (!read.ok) throw describeFaults(read.faults)
  return deps.store.transaction((tx) => change(deps, tx, actor, accepted, () => read.value))
}

/**
 * Switches the kill switch of a tenant: while it is on nothing is handed over to any target. What was handed over before goes on.
 * @param reason shown to everybody who wonders; null when it is switched off
 * @throws CordonError Conflict when the stored policy cannot be understood; it must be replaced first; StaleSignIn to switch it off
 */
export async function pauseDispatch(
  deps: PolicyDeps,
  actor: Actor,
  paused: boolean,
  reason: string | null,
): Promise<StoredPolicy> {
  const dispatch = { paused, reason: paused ? reason : null }
  const edit = (policy: SafetyPolicy | null): SafetyPolicy => ({ ...requirePolicy(policy), dispatch })
  return deps.store.transaction((tx) => change(deps, tx, actor, null, edit))
}

/**
 * Switches managed response of a tenant: while it is paused experts only propose. What waits for its turn becomes a guided task at once;
 * what was handed over goes on.
 * @throws CordonError Conflict when the stored policy cannot be understood; then nothing is run anyway
 */
export async function pauseManagedResponse(deps: PolicyDeps, actor: Actor, paused: boolean): Promise<StoredPolicy> {
  const edit = (policy: SafetyPolicy | null): SafetyPolicy => {
    const { managedResponse, ...rest } = requirePolicy(policy)
    return { ...rest, managedResponse: { ...managedResponse, paused } }
  }
  return deps.store.transaction((tx) => change(deps, tx, actor, null, edit))
}

function requirePolicy(policy: SafetyPolicy | null): SafetyPolicy {
  if (policy !== null) return policy
  const text =
    'The safety policy cannot be read, so nothing is handed over anyway. Put a new one in its place: PUT /api/v1/policies.'
  throw new CordonError('Conflict', text)
}

async function change(
  deps: PolicyDeps,
  tx: Tx,
  actor: Actor,
  accepted: AcceptedVersions,
  edit: (policy: SafetyPolicy | null) => SafetyPolicy,
): Promise<StoredPolicy> {
  const present = await readPolicyForUpdate(tx, actor.tenantId)
  requireVersion(present.version, accepted)
  const now = deps.clock.now()
  const policy = dateExclusions(present.policy, edit(present.policy), now)
  const sections = listChanges(present.policy, policy)
  if (sections.length === 0) return { ...present, policy }
  // To stop everything nobody is asked anything.
  const isStop = sections.join() === 'dispatch' && policy.dispatch.paused
  const stale =
    present.policy === null || isStop ? null : judgeSignIn(present.policy, actor.signedInAtMs, deps.clock.nowMs())
  if (stale !== null) throw new CordonError(stale.refused, stale.reason)
  const stored = await writePolicy(tx, actor.tenantId, present, policy, { at: now, name: actor.name })
  await recordChange(tx, {
    at: now,
    actor,
    audit: {
      action: 'updatePolicy',
      objectType: 'policy',
      objectId: actor.tenantId,
      decision: 'allowed',
      before: present.policy,
      after: policy,
      details: { version: stored.version, sections, dispatch: policy.dispatch },
    },
    jobs: movesWaiting(present.policy, policy) ? await wakeAll(deps, tx, actor.tenantId) : [],
  })
  return stored
}

/** True when what waits may begin now, or must be asked for consent again. */
function movesWaiting(before: SafetyPolicy | null, after: SafetyPolicy): boolean {
  // Under one that nobody could read nothing was handed over either.
  const resumes = (before?.dispatch.paused ?? true) && !after.dispatch.paused
  return resumes || (after.managedResponse.paused && before?.managedResponse.paused !== true)
}

async function wakeAll(deps: PolicyDeps, tx: Tx, tenantId: string): Promise<NewJob[]> {
  const waiting = await readUndelivered(tx, tenantId)
  return waiting.map((execution) => runJob(deps.ids.guid(), execution.id))
}

/** The sections that say something else now, by name. */
function listChanges(before: SafetyPolicy | null, after: SafetyPolicy): string[] {
  const old = new Map<string, unknown>(Object.entries(before ?? {}))
  return Object.entries(after)
    .filter(([section, content]) => JSON.stringify(content) !== JSON.stringify(old.get(section)))
    .map(([section]) => section)
}

/** At most this many faults stand in the message; each is a detail of its own besides. */
const maxNamed = 5

function describeFaults(faults: readonly FieldFault[]): CordonError {
  const texts = faults.map(({ path, problem }) => `${path === '' ? 'the policy' : path} ${problem}`)
  const rest = texts.length > maxNamed ? `; and ${texts.length - maxNamed} more` : ''
  const target = faults[0]?.path
  return new CordonError('BadRequest', `The policy was not changed: ${texts.slice(0, maxNamed).join('; ')}${rest}.`, {
    ...(target === undefined || target === '' ? {} : { target }),
    details: faults.map(({ path, problem }) => ({ target: path, message: problem })),
  })
}
