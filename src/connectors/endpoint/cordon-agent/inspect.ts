import type { CommandDeps } from '../../../agents/commands.ts'
import { type Presence, readPermittedAddresses, readPresence } from '../../../agents/devices.ts'
import { askDryRun } from '../../../agents/dry-run.ts'
import { instantOf, msOf } from '../../../io/clock.ts'
import type { ActionType } from '../../../model/actions.ts'
import type { CommandResult } from '../../../protocol/result.ts'
import type { Connections, Inspection, Look } from '../../connector.ts'

/** A host polls at least this often; three beats missed make it offline. @source design reliability P14 */
const onlineMs = 90_000
const questionSeconds = 15
const maxListed = 50

/**
 * Looks at a host before it is isolated, restricted or released: what it last said of itself, and, when it is online, what it says it would
 * do, which it finds out without effect.
 */
export async function inspectDevice(deps: CommandDeps, look: Look): Promise<Inspection> {
  const presence = await readPresence(deps, look.tenantId, look.target.key)
  const lastSeenAt = presence?.lastSeenAt ?? null
  const online = presence !== null && !presence.revoked && isRecent(deps, lastSeenAt)
  const answer = online ? await ask(deps, look) : null
  const { already, state } = isRestriction(look.actionType)
    ? describeRestriction(look, presence, answer)
    : describeIsolation(look, presence, answer)
  return {
    readAt: deps.clock.now(),
    online,
    lastSeenAt,
    already,
    state,
    refusal: readRefusal(answer),
    connections: readConnections(look, online, answer),
  }
}

/** Actions of the execution guard. */
export function isRestriction(actionType: ActionType): actionType is 'restrictAppExecution' | 'unRestrictAppExecution' {
  return actionType === 'restrictAppExecution' || actionType === 'unRestrictAppExecution'
}

type Standing = Pick<Inspection, 'already' | 'state'>

function describeIsolation({ actionType }: Look, presence: Presence | null, answer: CommandResult | null): Standing {
  const isolated = readFlag(answer, 'isolated') ?? presence?.isolated ?? null
  if (isolated === null) return { already: null, state: null }
  const until = isolated ? (presence?.until ?? null) : null
  return { already: isolated === (actionType === 'isolateDevice'), state: { isolated, until } }
}

/** `programs` is what the host says it would deny of what it sees; absent when it did not answer. */
function describeRestriction({ actionType }: Look, presence: Presence | null, answer: CommandResult | null): Standing {
  const restricted = readFlag(answer, 'restricted') ?? presence?.restricted ?? null
  if (restricted === null) return { already: null, state: null }
  const until = restricted ? (presence?.restrictedUntil ?? null) : null
  const programs = answer?.before?.programs
  const state = { restricted, until, ...(programs === undefined ? {} : { programs }) }
  return { already: restricted === (actionType === 'restrictAppExecution'), state }
}

function isRecent(deps: CommandDeps, at: string | null): boolean {
  return at !== null && deps.clock.nowMs() - msOf(at) < onlineMs
}

async function ask(deps: CommandDeps, look: Look): Promise<CommandResult | null> {
  const { tenantId, taskId, actionType, target, parameters } = look
  const asks = actionType === 'isolateDevice' || actionType === 'unIsolateDevice' || isRestriction(actionType)
  if (!asks) return null
  const permitted = parameters.isolationType === 'selective' ? await readPermittedAddresses(deps, tenantId) : undefined
  return askDryRun(deps, {
    tenantId,
    agentId: target.key,
    taskId,
    epoch: 0,
    notAfter: instantOf(deps.clock.nowMs() + questionSeconds * 1000),
    actor: { id: 'preview', kind: 'system' },
    reason: `preview of incidentTask ${taskId}`,
    action: actionType === 'isolateDevice' ? { actionType, permitted } : { actionType },
    leaseSeconds: null,
    approvals: null,
  })
}

function readFlag(answer: CommandResult | null, name: 'isolated' | 'restricted'): boolean | null {
  const flag = answer?.before?.[name]
  return typeof flag === 'boolean' ? flag : null
}

function readRefusal(answer: CommandResult | null): Inspection['refusal'] {
  if (answer === null || answer.state === 'succeeded') return null
  const [target] = answer.targets
  return { code: target?.code ?? 'AgentError', detail: target?.detail ?? `the host answered ${answer.state}` }
}

function readConnections(look: Look, online: boolean, answer: CommandResult | null): Connections {
  if (look.actionType !== 'isolateDevice') return { known: false, reason: 'This action cuts no connection.' }
  if (!online) return { known: false, reason: 'The host is offline; nobody can ask it.' }
  if (answer === null) return { known: false, reason: 'The host did not answer in time.' }
  const found = answer.before?.connections
  if (typeof found === 'object' && found !== null && 'total' in found && 'listed' in found) {
    const { total, listed } = found
    if (typeof total === 'number' && Array.isArray(listed)) {
      const texts = listed.filter((line) => typeof line === 'string').slice(0, maxListed)
      return { known: true, observedAt: answer.finishedAt, total, listed: texts }
    }
  }
  return { known: false, reason: 'The agent of this host does not say.' }
}
