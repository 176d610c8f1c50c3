import type { Connector, Order, Progress } from '../../src/connectors/connector.ts'
import type { Clock } from '../../src/io/clock.ts'
import { Crash } from './stepper.ts'

/** What the next hand-over meets. */
export type Weather =
  | 'fair'
  /** Not reachable; nothing arrived. */
  | 'busy'
  /** The connection broke: before it arrived, or after. */
  | 'lostBefore'
  | 'lostAfter'
  /** The engine's process dies: before the order arrived, or after. */
  | 'crashBefore'
  | 'crashAfter'
  | 'refuses'
  | 'fails'

/** Where the target has an order. */
export type Place =
  | 'waiting'
  | 'delivered'
  | 'done'
  | 'unproved'
  | 'silent'
  | 'refused'
  | 'failed'
  | 'cancelled'
  | 'expired'

interface Taken {
  readonly order: Order
  place: Place
}

/** An outside system with hosts, that does each order once and counts what it did. */
export interface FakeTarget {
  readonly connector: Connector
  /** What the next hand-over meets; fair again after it. */
  weather: Weather
  /** Hosts that are away: orders wait for them. */
  readonly away: Set<string>
  /** While false, hosts take orders and wait with them until they are told to finish. */
  prompt: boolean
  /** How often each execution had its effect. */
  readonly effects: ReadonlyMap<string, number>
  /** How often an order was handed over, by execution. */
  readonly starts: ReadonlyMap<string, number>
  /** Where each execution's order stands. */
  placeOf(executionId: string): Place | undefined
  /** A host takes what waits for it. */
  deliver(executionId: string): boolean
  /** A host that has taken an order does it, does it without proof, or is never heard of again. */
  finish(executionId: string, how: Extract<Place, 'done' | 'unproved' | 'silent' | 'failed'>): boolean
  /** Tasks that hold a host isolated. */
  holdersOf(host: string): readonly string[]
  /** Whether a host is isolated. */
  isIsolated(host: string): boolean
}

/** The next look at an order that was handed over, in seconds. */
const lookAfter = 1_000

/** Everything the target knows. */
interface State {
  readonly clock: Clock
  readonly fake: Pick<FakeTarget, 'weather' | 'away' | 'prompt'>
  readonly taken: Map<string, Taken>
  readonly effects: Map<string, number>
  readonly starts: Map<string, number>
  readonly holders: Map<string, Set<string>>
}

/** Makes one with hosts of these names, each its own key. */
export function createFakeTarget(clock: Clock, hosts: readonly string[]): FakeTarget {
  const settings: Pick<FakeTarget, 'weather' | 'away' | 'prompt'> = { weather: 'fair', away: new Set(), prompt: true }
  const state: State = {
    clock,
    fake: settings,
    taken: new Map(),
    effects: new Map(),
    starts: new Map(),
    holders: new Map(hosts.map((host) => [host, new Set<string>()])),
  }
  const { taken, holders } = state
  return Object.assign(settings, {
    effects: state.effects,
    starts: state.starts,
    placeOf: (id: string) => taken.get(id)?.place,
    deliver: (id: string) => deliver(state, taken.get(id)),
    finish: (id: string, how: Place) => {
      const entry = taken.get(id)
      if (entry === undefined || (entry.place !== 'delivered' && entry.place !== 'silent')) return false
      finish(state, entry, how)
      return true
    },
    holdersOf: (host: string) => [...(holders.get(host) ?? [])],
    isIsolated: (host: string) => isIsolated(state, host),
    connector: createConnector(state, hosts),
  })
}

function createConnector(state: State, hosts: readonly string[]): Connector {
  const { clock, taken, fake } = state
  const look = (order: Order): Progress | null => {
    const entry = taken.get(order.executionId)
    return entry ? describe(state, entry) : null
  }
  return {
    name: 'fake',
    capabilities: async () => [],
    resolve: async (_tenantId, _actionType, identifier) =>
      hosts
        .filter((host) => host === identifier)
        .map((host) => ({
          target: { kind: 'device' as const, key: host, displayName: host, identifier },
          supported: true,
          reason: null,
        })),
    start: async (order) => start(state, order),
    attach: async (order) => look(order),
    check: async (order) => {
      const progress = look(order)
      if (progress === null) throw new Error('checked before it was handed over')
      return progress
    },
    cancel: async (order) => {
      const entry = taken.get(order.executionId)
      if (entry?.place === 'waiting') entry.place = 'cancelled'
      return look(order) ?? { outcome: 'cancelled' }
    },
    planUndo: ({ actionType }) =>
      actionType === 'isolateDevice'
        ? { possible: true, actionType: 'unIsolateDevice', parameters: { onlyOwnHold: true } }
        : { possible: true, actionType: 'isolateDevice', parameters: { isolationType: 'full' } },
    inspect: async ({ target }) => ({
      readAt: clock.now(),
      online: !fake.away.has(target.key),
      lastSeenAt: null,
      already: isIsolated(state, target.key),
      state: { isolated: isIsolated(state, target.key) },
      refusal: null,
      connections: { known: false, reason: 'The fake has none.' },
    }),
  }
}

function isIsolated({ holders }: State, host: string): boolean {
  return (holders.get(host)?.size ?? 0) > 0
}

function deliver(state: State, entry: Taken | undefined): boolean {
  const { fake, clock } = state
  if (entry?.place !== 'waiting' || fake.away.has(entry.order.target.key)) return false
  // Later than its deadline no host begins.
  entry.place = clock.now() > entry.order.notAfter ? 'expired' : 'delivered'
  if (fake.prompt && entry.place === 'delivered') finish(state, entry, 'done')
  return true
}

function finish({ effects, holders }: State, entry: Taken, how: Place): void {
  entry.place = how
  if (how !== 'done' && how !== 'unproved') return
  const { order } = entry
  effects.set(order.executionId, (effects.get(order.executionId) ?? 0) + 1)
  const held = holders.get(order.target.key)
  if (order.actionType === 'isolateDevice') held?.add(order.taskId)
  else if (order.parameters.onlyOwnHold === true) held?.delete(order.taskId)
  else held?.clear()
}

/** The order arrives. */
function take(state: State, order: Order, place: Place): Taken {
  const entry: Taken = { order, place }
  state.taken.set(order.executionId, entry)
  if (place === 'waiting') deliver(state, entry)
  return entry
}

function start(state: State, order: Order): Progress {
  const { fake, taken, starts } = state
  const { weather } = fake
  fake.weather = 'fair'
  const known = taken.get(order.executionId)
  if (known) return describe(state, known)
  starts.set(order.executionId, (starts.get(order.executionId) ?? 0) + 1)
  switch (weather) {
    case 'busy':
      return fail('transient', 'Busy')
    case 'lostBefore':
      return fail('ambiguous', 'NoAnswer')
    case 'lostAfter':
      take(state, order, 'waiting')
      return fail('ambiguous', 'NoAnswer')
    case 'crashBefore':
      throw new Crash('before the order arrived')
    case 'crashAfter':
      take(state, order, 'waiting')
      throw new Crash('after the order arrived')
    case 'refuses':
      return describe(state, take(state, order, 'refused'))
    case 'fails':
      return describe(state, take(state, order, 'failed'))
    case 'fair':
      return describe(state, take(state, order, 'waiting'))
  }
}

function describe(state: State, { order, place }: Taken): Progress {
  const handle = order.executionId
  const isolated = isIsolated(state, order.target.key)
  switch (place) {
    case 'waiting':
      return { outcome: 'accepted', delivered: false, handle, checkAfterSeconds: lookAfter }
    case 'delivered':
      return { outcome: 'accepted', delivered: true, handle, checkAfterSeconds: lookAfter }
    case 'silent':
      return fail('ambiguous', 'ContactLost')
    case 'refused':
      return { outcome: 'refused', code: 'DisabledByOwner', detail: 'no' }
    case 'failed':
      return fail('permanent', 'Broken')
    case 'cancelled':
      return { outcome: 'cancelled' }
    case 'expired':
      return { outcome: 'expired' }
    case 'done':
    case 'unproved': {
      const proof = place === 'unproved' ? null : observe(state.clock)
      return { outcome: 'done', changed: true, before: { isolated: !isolated }, after: { isolated }, proof }
    }
  }
}

function observe(clock: Clock): NonNullable<Extract<Progress, { outcome: 'done' }>['proof']> {
  const digest = `sha256:${'0'.repeat(64)}`
  return { level: 'observed', method: 'fake', observedAt: clock.now(), digest, checks: [] }
}

function fail(failureClass: 'transient' | 'ambiguous' | 'permanent', code: string): Progress {
  return { outcome: 'failure', failureClass, code, detail: code }
}
