import type { TestContext } from 'node:test'
import type { Registry } from '../../../src/connectors/registry.ts'
import { createRegistry } from '../../../src/connectors/registry.ts'
import type { Ids } from '../../../src/io/clock.ts'
import { CordonError } from '../../../src/model/errors.ts'
import { defaultPolicy, type SafetyPolicy } from '../../../src/model/safety/policy.ts'
import { responseHandlers } from '../../../src/respond/engine/handlers.ts'
import { requestExecution } from '../../../src/respond/execute.ts'
import { createTask } from '../../../src/respond/plan.ts'
import { replacePolicy } from '../../../src/respond/safety/policies.ts'
import type { Store } from '../../../src/store/db.ts'
import { type Execution, readExecutionsOfTask } from '../../../src/store/executions.ts'
import type { Actor } from '../../../src/store/record.ts'
import { type Approval, readApprovalOf } from '../../../src/store/safety/approvals.ts'
import { readTask, type StoredTask } from '../../../src/store/tasks.ts'
import { giveIncident, givePeople, person, tenantId } from '../../support/engine.ts'
import { createFakeTarget, type FakeTarget } from '../../support/fake-target.ts'
import { testSeed } from '../../support/seed.ts'
import { createHandClock, createSeededIds, createStepper, type HandClock, type Stepper } from '../../support/stepper.ts'

/** A response engine moved by hand, so that a test decides what happens between what. */
export interface Bench {
  readonly store: Store
  readonly clock: HandClock
  readonly ids: Ids
  readonly registry: Registry
  readonly target: FakeTarget
  readonly stepper: Stepper
  readonly customer: Actor
  readonly expert: Actor
  readonly approvers: readonly [Actor, Actor]
  readonly admin: Actor
  task(wants?: {
    host?: string
    actionType?: 'isolateDevice' | 'unIsolateDevice'
    incidentId?: string
  }): Promise<string>
  execute(taskId: string, key?: string | null): Promise<void>
  readTask(taskId: string): Promise<StoredTask>
  /** The task's executions, newest first. */
  executions(taskId: string): Promise<Execution[]>
  newest(taskId: string): Promise<Execution>
  approval(taskId: string): Promise<Approval>
  policy(sections: Partial<SafetyPolicy>): Promise<void>
}

/** Two benches over one store must not give out the same ids. */
let benches = 0

/** Makes one over a store of the test. */
export async function createBench(_t: TestContext, store: Store): Promise<Bench> {
  const clock = createHandClock()
  const ids = createSeededIds(testSeed + ++benches)
  const target = createFakeTarget(clock, ['host-1', 'host-2'])
  const registry = createRegistry([target.connector], { strictGraph: false })
  const deps = { store, clock, ids, registry }
  await givePeople(store)
  const expert = person('expert', 'Ada')
  const admin = person('admin', 'Eve')
  const bench: Bench = {
    ...deps,
    target,
    stepper: createStepper({ store, clock }, responseHandlers(deps)),
    customer: person('customer', 'Bo'),
    expert,
    approvers: [person('approver', 'Cy'), person('approver2', 'Di')],
    admin,
    task: async ({ host = 'host-1', actionType = 'isolateDevice', incidentId } = {}) => {
      const type = `#microsoft.graph.security.${actionType}IncidentTaskResponseAction`
      const action = {
        '@odata.type': type,
        identifierValue: host,
        ...(actionType === 'isolateDevice' ? { isolationType: 'full' } : {}),
      }
      const task = await createTask(deps, expert, {
        incidentId: incidentId ?? (await giveIncident(store)),
        displayName: `${actionType} ${host}`,
        description: '',
        actionType,
        source: 'defenderExpertsGuidedResponse',
        responseAction: action as never,
      })
      return task.doc.id
    },
    execute: (taskId, key = null) => requestExecution(deps, bench.customer, taskId, key),
    readTask: async (taskId) => present(await readTask(store.read, tenantId, taskId)),
    executions: (taskId) => readExecutionsOfTask(store.read, tenantId, taskId),
    newest: async (taskId) => present((await bench.executions(taskId))[0]),
    approval: async (taskId) => present(await readApprovalOf(store.read, tenantId, (await bench.newest(taskId)).id)),
    policy: async (sections) => {
      await replacePolicy(deps, admin, { ...defaultPolicy, ...sections }, null)
    },
  }
  return bench
}

/** A policy that asks for so many people before anything runs. */
export function askFor(approvals: number): Partial<SafetyPolicy> {
  const rule = { name: 'everything', actionTypes: null, assetGroup: null, minTier: null, approvals }
  return { fourEyes: { approvalHours: 24, rules: [rule] } }
}

/** `ok`, or the name and the text of the refusal. */
export async function answerOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (cause) {
    if (cause instanceof CordonError) return `${cause.kind}: ${cause.message}`
    throw cause
  }
}

/** How often each state was recorded for an execution, in order, as the log has it. */
export async function logOf(store: Store, executionId: string): Promise<string[]> {
  const rows = await store.read
    .selectFrom('audit')
    .select('action')
    .where('object_id', '=', executionId)
    .where('action', 'like', 'execution.%')
    .orderBy('seq')
    .execute()
  return rows.map(({ action }) => action.slice('execution.'.length))
}

function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('the row is missing')
  return value
}
