import type { TestContext } from 'node:test'
import type { Connector, Inspection, Order, Progress, Resolution } from '../../src/connectors/connector.ts'
import { createRegistry, type Registry } from '../../src/connectors/registry.ts'
import { type Clock, randomIds, systemClock } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import { startWorker, type Worker } from '../../src/jobs/worker.ts'
import { completeEntity } from '../../src/model/graph-validate.ts'
import type { RoleName } from '../../src/model/permissions.ts'
import { defaultPolicy, type SafetyPolicy } from '../../src/model/safety/policy.ts'
import { responseHandlers } from '../../src/respond/engine/handlers.ts'
import { createTask, type NewTask } from '../../src/respond/plan.ts'
import { replacePolicy } from '../../src/respond/safety/policies.ts'
import type { Store } from '../../src/store/db.ts'
import { type Execution, readExecutionsOfTask } from '../../src/store/executions.ts'
import { allocateIncidentIds, insertIncidents, readIncident, type StoredIncident } from '../../src/store/incidents.ts'
import type { Actor } from '../../src/store/record.ts'
import { type Approval, readApprovalOf } from '../../src/store/safety/approvals.ts'
import { readTask, type StoredTask } from '../../src/store/tasks.ts'
import { onEnd } from './cleanup.ts'

/** An outside system of the tests: does what its script says and counts what it was asked. */
export interface FakeSystem {
  readonly connector: Connector
  /** Orders begun, by execution id: more than one for the same id is an effect doubled. */
  readonly effects: Map<string, number>
  readonly orders: Order[]
  /** What the next calls answer; the last one is repeated. */
  answers: ((order: Order) => Progress)[]
}

/** The tests' device. */
export const device = 'web-07'

/** Done, with an observed proof. */
export function succeed(order: Order): Progress {
  return {
    outcome: 'done',
    changed: true,
    before: { isolated: order.actionType === 'unIsolateDevice' },
    after: { isolated: order.actionType === 'isolateDevice' },
    proof: {
      level: 'observed',
      method: 'test',
      observedAt: systemClock.now(),
      digest: `sha256:${'0'.repeat(64)}`,
      checks: [],
    },
  }
}

/** A system that knows {@link device} and can isolate it. */
export function createFakeSystem(): FakeSystem {
  const effects = new Map<string, number>()
  const orders: Order[] = []
  const system: FakeSystem = {
    effects,
    orders,
    answers: [succeed],
    connector: {
      name: 'fake',
      capabilities: async () => [{ actionType: 'isolateDevice', available: true, reason: null }],
      resolve: async (_tenantId, actionType, identifier) => resolveFake(actionType, identifier),
      start: async (order) => {
        orders.push(order)
        effects.set(order.executionId, 1)
        return next(system)(order)
      },
      attach: async (order) => (effects.has(order.executionId) ? next(system)(order) : null),
      check: async (order) => next(system)(order),
      cancel: async () => ({ outcome: 'cancelled' }),
      planUndo: ({ actionType }) =>
        actionType === 'isolateDevice'
          ? { possible: true, actionType: 'unIsolateDevice', parameters: {} }
          : { possible: false, reason: `${actionType} cannot be taken back` },
      inspect: async () => seenFake,
    },
  }
  return system
}

const seenFake: Inspection = {
  readAt: systemClock.now(),
  online: true,
  lastSeenAt: systemClock.now(),
  already: false,
  state: { isolated: false },
  refusal: null,
  connections: { known: true, observedAt: systemClock.now(), total: 1, listed: ['tcp 10.0.0.5:22 -> 10.0.0.9:5000'] },
}

function next(system: FakeSystem): (order: Order) => Progress {
  const [first = succeed] = system.answers
  if (system.answers.length > 1) system.answers.shift()
  return first
}

function resolveFake(actionType: string, identifier: string): Resolution[] {
  if (identifier !== device && identifier !== 'twins') return []
  const one = (key: string): Resolution => ({
    target: { kind: 'device', key, displayName: identifier, identifier },
    supported: actionType !== 'restrictAppExecution',
    reason: actionType === 'restrictAppExecution' ? 'the fake has no execution guard' : null,
  })
  return identifier === 'twins' ? [one('device-a'), one('device-b')] : [one('device-1')]
}

/** The response engine over a store, with a fake outside system and running jobs. */
export interface Engine {
  readonly deps: {
    readonly store: Store
    readonly clock: Clock
    readonly ids: typeof randomIds
    readonly registry: Registry
  }
  readonly system: FakeSystem
  readonly worker: Worker
  readonly expert: Actor
  readonly customer: Actor
  /** Two who may approve. */
  readonly approvers: readonly [Actor, Actor]
  readonly admin: Actor
  giveIncident(): Promise<string>
  giveTask(overrides?: Partial<NewTask>): Promise<StoredTask>
  readTask(id: string): Promise<StoredTask>
  readIncident(id: string): Promise<StoredIncident>
  executionsOf(taskId: string): Promise<Execution[]>
  approvalOf(executionId: string): Promise<Approval>
  /** Puts a policy in force: the default one with these sections. */
  setPolicy(sections: Partial<SafetyPolicy>): Promise<void>
  /** Waits until the task's newest execution fulfils `done`. */
  settled(taskId: string, done?: (execution: Execution) => boolean): Promise<Execution>
}

export const tenantId = '11111111-1111-4111-8111-111111111111'

/** Who is told of what is another suite's. */
const tellNobody = async (): Promise<undefined> => undefined

/** Starts the engine; stopped with the test. */
export function startEngine(t: TestContext, store: Store, clock: Clock = systemClock): Engine {
  const system = createFakeSystem()
  const registry = createRegistry([system.connector], { strictGraph: false })
  const deps = { store, clock, ids: randomIds, registry }
  const log = createLog('silent')
  const worker = startWorker({ store, clock, log, handlers: { ...responseHandlers(deps), 'tell-people': tellNobody } })
  onEnd(t, () => worker.stop())
  const expert = person('expert', 'Ada')
  const engine: Engine = {
    deps,
    system,
    worker,
    expert,
    customer: person('customer', 'Bo'),
    approvers: [person('approver', 'Cy'), person('approver2', 'Di')],
    admin: person('admin', 'Eve'),
    giveIncident: () => giveIncident(store),
    giveTask: async (overrides) =>
      createTask(deps, expert, {
        incidentId: overrides?.incidentId ?? (await engine.giveIncident()),
        displayName: 'Isolate web-07',
        description: 'It talks to a known bad address.',
        actionType: 'isolateDevice',
        source: 'defenderExpertsGuidedResponse',
        responseAction: {
          '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction',
          identifierValue: device,
          isolationType: 'full',
        },
        ...overrides,
      }),
    readTask: async (id) => present(await readTask(store.read, tenantId, id)),
    readIncident: async (id) => present(await readIncident(store.read, tenantId, id)),
    executionsOf: (taskId) => readExecutionsOfTask(store.read, tenantId, taskId),
    approvalOf: async (executionId) => present(await readApprovalOf(store.read, tenantId, executionId)),
    setPolicy: async (sections) => {
      await replacePolicy(deps, engine.admin, { ...defaultPolicy, ...sections }, null)
    },
    settled: async (taskId, done = (execution) => execution.finishedAt !== null) => {
      const deadline = Date.now() + 60_000
      for (;;) {
        const [newest] = await engine.executionsOf(taskId)
        if (newest && done(newest)) return newest
        if (Date.now() > deadline) throw new Error(`execution stayed ${newest?.state}: ${newest?.reason}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
  }
  return engine
}

/** Everybody of the tests, by id. */
const people: Readonly<Record<string, RoleName>> = {
  expert: 'expert',
  customer: 'responder',
  approver: 'approver',
  approver2: 'approver',
  admin: 'admin',
}

/** One of them as an actor. */
export function person(id: string, name: string): Actor {
  return { tenantId, id, kind: 'user', name }
}

/**
 * Writes everybody into a store, as if they had been created there.
 * @param suffix makes their ids differ from those of other tenants
 */
export async function givePeople(store: Store, tenant: string = tenantId, suffix?: string): Promise<void> {
  const created_at = systemClock.now()
  const rows = Object.entries(people).map(([name, role]) => {
    const id = suffix === undefined ? name : `${name}-${suffix}`
    return { tenant_id: tenant, id, name, role, created_at, disabled_at: null }
  })
  await store.transaction(async (tx) => {
    await tx
      .insertInto('users')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  })
}

/** An incident to attach tasks to, and everybody who works on it. */
export async function giveIncident(store: Store): Promise<string> {
  await givePeople(store)
  return store.transaction(async (tx) => {
    const [id = ''] = await allocateIncidentIds(tx, 1)
    const now = systemClock.now()
    const {
      recommendedActions: _a,
      recommendedHuntingQueries: _q,
      incidentWebUrl: _w,
      alerts: _n,
      ...doc
    } = completeEntity(
      'incident',
      { id, tenantId, displayName: 'Test incident', status: 'active', severity: 'high' },
      now,
    )
    const incident = { doc, firstActivityAt: now, lastActivityAt: now, alertCount: 0, personSet: [], version: 0 }
    await insertIncidents(tx, [incident])
    return id
  })
}

function present<T>(value: T | null): T {
  if (value === null) throw new Error('the row is missing')
  return value
}
