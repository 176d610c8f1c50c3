import { hash } from 'node:crypto'
import type { Clock } from '../../../io/clock.ts'
import type { ActionType } from '../../../model/actions.ts'
import type { Connector, FinishedAction, Inspection, Order, Progress, UndoPlan } from '../../connector.ts'

/** What the connector needs. */
export interface SampleHostDeps {
  readonly clock: Clock
  /** What the made-up host is called, in lower case. */
  readonly hostName: string
  /** True while the tenant has the sample incident. */
  readonly hasSample: (tenantId: string) => Promise<boolean>
}

const does: readonly ActionType[] = ['isolateDevice', 'unIsolateDevice']

/** Long enough to be seen under way. */
const runSeconds = 1

/**
 * The host of the sample incident: it is made up, and every run on it is a dry run. It says what would be done and does nothing, so that a
 * newcomer sees an action from the click to its proof and back. Only tenants that have the sample know it.
 */
export function createSampleHostConnector(deps: SampleHostDeps): Connector {
  const { hostName } = deps
  return {
    name: 'sample-host',
    capabilities: async (tenantId) => {
      const available = await deps.hasSample(tenantId)
      const reason = available ? null : 'The sample incident is not loaded; load it with POST /api/v1/samples.'
      return does.map((actionType) => ({ actionType, available, reason }))
    },
    resolve: async (tenantId, actionType, identifier) => {
      if (identifier.toLowerCase() !== hostName || !(await deps.hasSample(tenantId))) return []
      const target = { kind: 'device', key: `sample:${hostName}`, displayName: hostName, identifier } as const
      const supported = does.includes(actionType)
      return [{ target, supported, reason: supported ? null : `The sample host knows no ${actionType}.` }]
    },
    start: async () => ({ outcome: 'running', handle: 'dry run', checkAfterSeconds: runSeconds, note: 'Dry run.' }),
    // Nothing is ever begun, so that to begin again does nothing again.
    attach: async () => null,
    check: async (order) => describeDryRun(deps, order),
    cancel: async () => ({ outcome: 'cancelled' }),
    planUndo,
    inspect: async ({ actionType }) => inspectSample(deps, actionType),
  }
}

function describeDryRun({ clock }: SampleHostDeps, { actionType }: Order): Progress {
  const isolated = actionType === 'isolateDevice'
  const after = { dryRun: true, isolated }
  return {
    outcome: 'done',
    changed: true,
    before: { dryRun: true, isolated: !isolated },
    after,
    proof: {
      level: 'attested',
      method: 'dry run',
      observedAt: clock.now(),
      digest: `sha256:${hash('sha256', JSON.stringify(after), 'hex')}`,
      checks: [
        {
          name: 'what a host would do',
          want: isolated ? 'cut its connections' : 'open its connections',
          got: 'nothing',
        },
        { name: 'the channel to Cordon', want: 'stays open', got: 'nothing was touched' },
      ],
    },
  }
}

function planUndo({ actionType }: FinishedAction): UndoPlan {
  return actionType === 'isolateDevice'
    ? { possible: true, actionType: 'unIsolateDevice', parameters: {} }
    : { possible: false, reason: 'A release is not taken back; isolate again instead.' }
}

function inspectSample({ clock }: SampleHostDeps, actionType: ActionType): Inspection {
  const now = clock.now()
  return {
    readAt: now,
    online: true,
    lastSeenAt: now,
    already: actionType === 'isolateDevice' ? false : null,
    state: { dryRun: true },
    refusal: null,
    connections: { known: false, reason: 'The sample host is made up. A run is a dry run: nothing is cut off.' },
  }
}
