import type { AgentAction, CommandDeps } from '../../../agents/commands.ts'
import { findDevices, isPackageFileAllowed, readPresence } from '../../../agents/devices.ts'
import { askDryRun } from '../../../agents/dry-run.ts'
import { findDevicesOfFile, readSighting } from '../../../agents/evidence/sightings.ts'
import { instantOf, msOf } from '../../../io/clock.ts'
import type { TargetOutcome } from '../../../model/execution.ts'
import type { FileHashes } from '../../../protocol/bodies/stopAndQuarantineFile.ts'
import type { CommandResult } from '../../../protocol/result.ts'
import type { FinishedAction, Inspection, Look, Order, Resolution, UndoPlan } from '../../connector.ts'

/** A host polls at least this often; three beats missed make it offline. @source design reliability P14 */
const onlineMs = 90_000
const questionSeconds = 15

/**
 * The file of a digest on the host that the task names, or on those that alerts have named together with it. Key of the target is
 * `<digest>@<device id>`, so that the same file on two hosts does not wait for itself.
 */
export async function resolveFile(
  deps: CommandDeps,
  tenantId: string,
  identifier: string,
  parameters: Readonly<Record<string, unknown>>,
): Promise<readonly Resolution[]> {
  const hash = identifier.toLowerCase()
  const { deviceId } = parameters
  const devices =
    typeof deviceId === 'string' && deviceId !== ''
      ? await findDevices(deps, tenantId, deviceId)
      : await findDevicesOfFile(deps, tenantId, hash)
  const unusable = readHashes(hash) === undefined ? 'a file is named by its sha1 or sha256' : null
  return devices.map(({ id, hostname, fqdn, obstacle }) => {
    const reason = unusable ?? obstacle('stopAndQuarantineFile')
    const displayName = `${hash.slice(0, 12)}... on ${hostname}`
    const aliases = [id, hostname, ...(fqdn === null ? [] : [fqdn])]
    return {
      target: { kind: 'file' as const, key: `${hash}@${id}`, displayName, identifier, aliases },
      supported: reason === null,
      reason: reason === null ? null : `${hostname}: ${reason}`,
    }
  })
}

/** The agent an order goes to; null for a target that names none. */
export function agentOfFile(key: string): string | null {
  const at = key.indexOf('@')
  return at < 0 ? null : key.slice(at + 1)
}

/** What the host is told: move the file into the vault, or bring back what an earlier execution moved. */
export async function toFileAction(
  deps: CommandDeps,
  order: Pick<Order, 'tenantId' | 'target' | 'parameters' | 'approvals'>,
): Promise<AgentAction | null> {
  const hashes = readHashes(order.target.key.split('@', 1)[0] ?? '')
  if (hashes === undefined) return null
  const actionType = 'stopAndQuarantineFile'
  const { restores } = order.parameters
  if (typeof restores === 'string') return { actionType, file: { mode: 'restore', hashes, executionId: restores } }
  const hash = hashes.sha256 ?? hashes.sha1 ?? ''
  const { path, sizeBytes } = await readSighting(deps, order.tenantId, hash)
  // What an installed package owns takes a tenant that allows it and a second person who agreed.
  const agreed = order.approvals !== null && order.approvals.count > 0
  const allowPackageFiles = agreed && (await isPackageFileAllowed(deps, order.tenantId))
  return {
    actionType,
    file: { mode: 'quarantine', hashes, path, sizeBytes, stopProcesses: true, walk: true, allowPackageFiles },
  }
}

/** What became of each copy, when not all of them were moved. */
export function listFileTargets({ after }: CommandResult): readonly TargetOutcome[] {
  const done = [...readPaths(after?.moved), ...readPaths(after?.restored)].map(({ path }) => describe(path, null))
  const left = readPaths(after?.remaining).map(({ path, code }) => describe(path, code ?? 'Present'))
  const rest = describe('what else the host should show', 'NotEffective')
  const ended = typeof after?.killedTotal === 'number' && after.killedTotal > 0 ? [describe('processes', null)] : []
  return [...ended, ...done, ...(left.length > 0 ? left : [rest])]
}

/** A quarantine is taken back by the execution that its vault items name. */
export function planFileUndo({ parameters, result }: FinishedAction): UndoPlan {
  const actionType = 'stopAndQuarantineFile'
  if (typeof parameters.restores === 'string') {
    return { possible: false, reason: 'The restore of a file is taken back by a new quarantine.' }
  }
  if (result === null) return { possible: true, actionType, parameters }
  const after = typeof result.after === 'object' && result.after !== null ? { ...result.after } : {}
  const items = 'moved' in after && Array.isArray(after.moved) ? after.moved : []
  const named: unknown = items.find((item: unknown) => readText(item, 'vaultId') !== null && isNamed(item))
  const restores = readText(named, 'vaultId')?.split('/', 1)[0]
  return restores === undefined
    ? { possible: false, reason: 'No file was moved, so there is none to bring back; ended processes stay ended.' }
    : { possible: true, actionType, parameters: { ...parameters, restores } }
}

/** Looks at a host before a file is quarantined there: who runs it, and where it is known to stand. */
export async function inspectFile(deps: CommandDeps, look: Look): Promise<Inspection> {
  const agentId = agentOfFile(look.target.key)
  const presence = agentId === null ? null : await readPresence(deps, look.tenantId, agentId)
  const lastSeenAt = presence?.lastSeenAt ?? null
  const isHeard = lastSeenAt !== null && deps.clock.nowMs() - msOf(lastSeenAt) < onlineMs
  const online = isHeard && presence?.revoked === false
  const action = online ? await toFileAction(deps, { ...look, approvals: null }) : null
  const answer = agentId === null || action === null ? null : await ask(deps, look, agentId, action)
  const refused = answer?.state === 'refused' || answer?.state === 'failed' ? answer.targets[0] : undefined
  return {
    readAt: deps.clock.now(),
    online,
    lastSeenAt,
    already: null,
    state: answer?.before ?? null,
    refusal: refused === undefined ? null : { code: refused.code ?? 'Refused', detail: refused.detail ?? '' },
    connections: { known: false, reason: 'A quarantine ends processes, and with them whatever connections they have.' },
  }
}

function ask(deps: CommandDeps, look: Look, agentId: string, action: AgentAction): Promise<CommandResult | null> {
  return askDryRun(deps, {
    tenantId: look.tenantId,
    agentId,
    taskId: look.taskId,
    epoch: 0,
    notAfter: instantOf(deps.clock.nowMs() + questionSeconds * 1000),
    actor: { id: 'preview', kind: 'system' },
    reason: `preview of incidentTask ${look.taskId}`,
    action,
    leaseSeconds: null,
    approvals: null,
  })
}

function readHashes(hash: string): FileHashes | undefined {
  if (/^[0-9a-f]{64}$/.test(hash)) return { sha256: hash }
  return /^[0-9a-f]{40}$/.test(hash) ? { sha1: hash } : undefined
}

function describe(path: string, code: string | null): TargetOutcome {
  return { ref: `file:${path}`, displayName: path, state: code === null ? 'succeeded' : 'failed', code, detail: null }
}

function readPaths(value: unknown): readonly { readonly path: string; readonly code: string | null }[] {
  if (!Array.isArray(value)) return []
  return value.map((item: unknown) => ({ path: readText(item, 'path') ?? '', code: readText(item, 'code') }))
}

function readText(value: unknown, name: string): string | null {
  if (typeof value !== 'object' || value === null) return null
  const found = Object.entries(value).find(([key]) => key === name)?.[1]
  return typeof found === 'string' ? found : null
}

function isNamed(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'named' in value && value.named === true
}
