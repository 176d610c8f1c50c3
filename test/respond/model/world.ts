import type { Registry } from '../../../src/connectors/registry.ts'
import { createRegistry } from '../../../src/connectors/registry.ts'
import type { Ids } from '../../../src/io/clock.ts'
import type { ActionType } from '../../../src/model/actions.ts'
import type { ExecutionState } from '../../../src/model/execution-state.ts'
import type { IncidentTaskStatus } from '../../../src/model/generated.ts'
import { completeEntity } from '../../../src/model/graph-validate.ts'
import { defaultPolicy, type SafetyPolicy } from '../../../src/model/safety/policy.ts'
import { responseHandlers } from '../../../src/respond/engine/handlers.ts'
import { createTask } from '../../../src/respond/plan.ts'
import { replacePolicy } from '../../../src/respond/safety/policies.ts'
import type { Store } from '../../../src/store/db.ts'
import { allocateIncidentIds, insertIncidents } from '../../../src/store/incidents.ts'
import type { Actor } from '../../../src/store/record.ts'
import { givePeople } from '../../support/engine.ts'
import { createFakeTarget, type FakeTarget } from '../../support/fake-target.ts'
import { createHandClock, createSeededIds, createStepper, type HandClock, type Stepper } from '../../support/stepper.ts'

/** The tasks every sequence plays with, by name. */
export const taskNames = ['isolateA', 'isolateB', 'releaseA', 'guarded'] as const

/** One of them. */
export type TaskName = (typeof taskNames)[number]

/** What each task wants: two incidents contend for one host, and the other host is behind four eyes. */
export const plans: Readonly<Record<TaskName, { host: string; incident: 0 | 1; actionType: ActionType }>> = {
  isolateA: { host: 'host-1', incident: 0, actionType: 'isolateDevice' },
  isolateB: { host: 'host-1', incident: 1, actionType: 'isolateDevice' },
  releaseA: { host: 'host-1', incident: 0, actionType: 'unIsolateDevice' },
  guarded: { host: 'host-2', incident: 0, actionType: 'isolateDevice' },
}

/** The real thing: store, engine and target, moved by hand. */
export interface World {
  readonly store: Store
  readonly clock: HandClock
  readonly ids: Ids
  readonly registry: Registry
  readonly target: FakeTarget
  readonly stepper: Stepper
  readonly tenantId: string
  readonly taskIds: Readonly<Record<TaskName, string>>
  actor(id: string): Actor
}

/** What was last seen of an execution. */
export interface SeenExecution {
  readonly id: string
  readonly task: TaskName
  readonly kind: 'run' | 'undo'
  readonly undoes: string | null
  readonly actionType: string
  readonly state: ExecutionState
  readonly handle: string | null
  readonly requestedBy: string
}

/** What was last seen of a task. */
export interface SeenTask {
  readonly status: IncidentTaskStatus
  readonly actionStatus: string
  readonly reopened: boolean
  readonly modified: string
}

/** The abstract state: what everybody can see, as it was after the last command. */
export interface Model {
  paused: boolean
  /** Newest first. */
  executions: readonly SeenExecution[]
  tasks: Readonly<Record<TaskName, SeenTask>>
  /** Isolations that nobody has released, by execution. */
  readonly holds: Map<string, { readonly task: TaskName; readonly host: string }>
  /** The first answer to each request key. */
  readonly answers: Map<string, { readonly task: TaskName; readonly answer: string; readonly atMs: number }>
  /** Executions that once had to be approved. */
  readonly guarded: Set<string>
  /** How often each command was run and each state was seen to be reached, for the report. */
  readonly counts: Map<string, number>
  readonly reached: Map<string, number>
}

/** The policy of the model: no budgets, and four eyes for one host. */
const policy: SafetyPolicy = {
  ...defaultPolicy,
  budgets: [],
  assetGroups: [{ name: 'guarded', ids: [], names: ['host-2'], tags: [], critical: false }],
  fourEyes: {
    approvalHours: 24,
    rules: [
      { name: 'guarded', actionTypes: null, assetGroup: 'guarded', minTier: null, approvals: 1 },
      { name: 'tier 3', actionTypes: null, assetGroup: null, minTier: 3, approvals: 1 },
    ],
  },
}

/** A tenant of its own for one sequence. */
export async function createWorld(store: Store, seed: number): Promise<World> {
  const clock = createHandClock()
  const ids = createSeededIds(seed)
  const tenantId = ids.guid()
  const target = createFakeTarget(clock, ['host-1', 'host-2'])
  const registry = createRegistry([target.connector], { strictGraph: false })
  const deps = { store, clock, ids, registry }
  // Jobs that the sequence before left behind belong to its own hosts.
  await store.transaction((tx) => tx.deleteFrom('jobs').execute())
  const actor = (id: string): Actor => ({ tenantId, id: `${id}-${seed}`, kind: 'user', name: id })
  await givePeople(store, tenantId, String(seed))
  await replacePolicy(deps, actor('admin'), policy, null)
  const incidents = await giveIncidents(store, tenantId, clock.now())
  const taskIds: Partial<Record<TaskName, string>> = {}
  for (const name of taskNames) {
    const { host, incident, actionType } = plans[name]
    const task = await createTask(deps, actor('expert'), {
      incidentId: incidents[incident] ?? '',
      displayName: name,
      description: '',
      actionType,
      source: 'defenderExpertsGuidedResponse',
      responseAction:
        actionType === 'isolateDevice'
          ? {
              '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction',
              identifierValue: host,
              isolationType: 'full',
            }
          : {
              '@odata.type': '#microsoft.graph.security.unIsolateDeviceIncidentTaskResponseAction',
              identifierValue: host,
            },
    })
    taskIds[name] = task.doc.id
  }
  // In half of the sequences hosts take their time from the start.
  target.prompt = seed % 2 === 0
  const stepper = createStepper({ store, clock }, responseHandlers(deps))
  return { ...deps, target, stepper, tenantId, taskIds: taskIds as Record<TaskName, string>, actor }
}

async function giveIncidents(store: Store, tenantId: string, now: string): Promise<string[]> {
  return store.transaction(async (tx) => {
    const ids = await allocateIncidentIds(tx, 2)
    const incidents = ids.map((id) => {
      const whole = completeEntity(
        'incident',
        { id, tenantId, displayName: id, status: 'active', severity: 'high' },
        now,
      )
      const { recommendedActions: _a, recommendedHuntingQueries: _q, incidentWebUrl: _w, alerts: _n, ...doc } = whole
      return { doc, firstActivityAt: now, lastActivityAt: now, alertCount: 0, personSet: [], version: 0 }
    })
    await insertIncidents(tx, incidents)
    return ids
  })
}

/** The abstract state before the first command. */
export function createModel(): Model {
  const task: SeenTask = { status: 'open', actionStatus: 'notStarted', reopened: false, modified: '' }
  return {
    paused: false,
    executions: [],
    tasks: { isolateA: task, isolateB: task, releaseA: task, guarded: task },
    holds: new Map(),
    answers: new Map(),
    guarded: new Set(),
    counts: new Map(),
    reached: new Map(),
  }
}
