import type { CommandDeps } from '../../../agents/commands.ts'
import { findOtherHolds, releaseHold } from '../../../agents/devices.ts'
import { actionKinds } from '../../../model/actions.ts'
import type { PermittedAddresses } from '../../../protocol/body.ts'
import { digestJson } from '../../../protocol/canonical.ts'
import type { FinishedAction, Order, Progress, UndoPlan } from '../../connector.ts'
import { isAccountAction, planAccountUndo } from './accounts.ts'
import { planFileUndo } from './files.ts'

/** An undo drops only its own hold: while another task holds the host isolated or restricted it stays so, and the outcome says for whom. */
export async function keepForOthers(deps: CommandDeps, order: Order): Promise<Progress | null> {
  const state = nameHeld(order.actionType)
  if (state === null || order.parameters.onlyOwnHold !== true) return null
  const holders = await findOtherHolds(deps, order, actionKinds[order.actionType].family)
  if (holders.length === 0) return null
  await releaseHold(deps, order.target.key, order.taskId)
  const after = { [state]: true, heldByTasks: holders }
  const got = `${holders.length}: the host stays ${state} for them`
  return {
    outcome: 'done',
    changed: false,
    before: { [state]: true },
    after,
    proof: {
      level: 'attested',
      method: 'hold-record',
      observedAt: deps.clock.now(),
      digest: digestJson(after),
      checks: [{ name: 'otherHolds', want: '0', got }],
    },
  }
}

/** What a release ends, where tasks may hold it. */
function nameHeld(actionType: Order['actionType']): 'isolated' | 'restricted' | null {
  if (actionType === 'unIsolateDevice') return 'isolated'
  return actionType === 'unRestrictAppExecution' ? 'restricted' : null
}

/** How to take a finished action back on its host, or why that cannot be. */
export function planUndo(done: FinishedAction): UndoPlan {
  const before = readFields(done.result?.before)
  switch (done.actionType) {
    case 'isolateDevice':
      return { possible: true, actionType: 'unIsolateDevice', parameters: { onlyOwnHold: true } }
    case 'unIsolateDevice': {
      if (before.isolated !== true) return { possible: false, reason: 'The device was not isolated before.' }
      const isolationType = before.mode === 'selective' ? 'selective' : 'full'
      return {
        possible: true,
        actionType: 'isolateDevice',
        parameters: { isolationType, permitted: toPermitted(before.permitted) },
      }
    }
    case 'restrictAppExecution':
      return { possible: true, actionType: 'unRestrictAppExecution', parameters: { onlyOwnHold: true } }
    case 'unRestrictAppExecution':
      if (before.restricted !== true) return { possible: false, reason: 'The device was not restricted before.' }
      return { possible: true, actionType: 'restrictAppExecution', parameters: {} }
    case 'submitIocRule':
      return { possible: true, actionType: 'submitIocRule', parameters: { withdraw: true } }
    case 'stopAndQuarantineFile':
      return planFileUndo(done)
    case 'runAntiVirusScan':
      return { possible: false, reason: 'A scan changes nothing that could be taken back.' }
    case 'collectInvestigationPackage':
      return {
        possible: false,
        reason: 'Collecting changes nothing on the host; the package is deleted after 30 days.',
      }
    default:
      if (isAccountAction(done.actionType)) return planAccountUndo(done.actionType, done)
      return { possible: false, reason: `${done.actionType} cannot be taken back by the agent of this version.` }
  }
}

/** The networks a host reported as open, in the form of an order. */
function toPermitted(networks: unknown): PermittedAddresses {
  const texts = Array.isArray(networks) ? networks.filter((network) => typeof network === 'string') : []
  return {
    ipv4_net: texts.filter((network) => !network.includes(':')),
    ipv6_net: texts.filter((network) => network.includes(':')),
  }
}

/** The networks an order names as open; undefined when it names none. */
export function readPermitted(value: unknown): PermittedAddresses | undefined {
  const fields = readFields(value)
  if (!Array.isArray(fields.ipv4_net) || !Array.isArray(fields.ipv6_net)) return undefined
  return toPermitted([...fields.ipv4_net, ...fields.ipv6_net])
}

function readFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
