import type { AgentAction, CommandDeps } from '../../../agents/commands.ts'
import { allowsPackageFiles, findDevices, type KnownDevice, readPresence } from '../../../agents/devices.ts'
import { askDryRun } from '../../../agents/dry-run.ts'
import { findDevicesOfFile, readSighting } from '../../../agents/evidence/sightings.ts'
import { instantOf, msOf } from '../../../io/clock.ts'
import type { TargetOutcome } from '../../../model/execution.ts'
import { manyTargetsTag } from '../../../model/safety/verdict.ts'
import type { FileHashes } from '../../../protocol/bodies/stopAndQuarantineFile.ts'
import type { CommandResult } from '../../../protocol/result.ts'
import type { FinishedAction, Inspection, Look, Order, Resolution, UndoPlan } from '../../connector.ts'

/** A host polls at least this often; three beats missed make it offline. @source design reliability P14 */
const onlineMs = 90_000
const questionSeconds = 15

/** More hosts than this at once are a matter for a second person. @source design actions.md 3.2 */
const manyHosts = 10

/**
 * The file of a digest on the host that the task names, or on all those that alerts have named together with it. Key of the target is
 * `<digest>@<device id>,<device id>...`, so that the same file on two hosts does not wait for itself.
 */
export async function resolveFile(
  deps: CommandDeps,
  tenantId: string,
  identifier: string,
  parameters: Readonly<Record<string, unknown>>,
): Promise<readonly Resolution[]> {
  const hash = identifier.toLowerCase()
  const { deviceId } = parameters
  const named = typeof deviceId === 'string' && deviceId !== '' ? deviceId : null
  const devices =
    named === null ? await findDevicesOfFile(deps, tenantId, hash) : await findDevices(deps, tenantId, named)
  const unusable = readHashes(hash) === undefined ? 'a file is named by its sha1 or sha256' : null
  if (devices.length > 1 && named === null) return [resolveOnAll(devices, hash, identifier, unusable)]
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

/** The file on every host that alerts name with it; what one of them cannot do stands in its own outcome. */
function resolveOnAll(
  devices: readonly KnownDevice[],
  hash: string,
  identifier: string,
  unusable: string | null,
): Resolution {
  const ids = devices.map(({ id }) => id).sort()
  const names = devices.map(({ hostname }) => hostname).sort()
  const obstacles = devices.map(({ hostname, obstacle }) => {
    const reason = unusable ?? obstacle('stopAndQuarantineFile')
    return reason === null ? null : `${hostname}: ${reason}`
  })
  const supported = obstacles.some((reason) => reason === null)
  const target = {
    kind: 'file' as const,
    key: `${hash}@${ids.join(',')}`,
    displayName: `${hash.slice(0, 12)}... on ${names.length} hosts: ${names.join(', ')}`.slice(0, 300),
    identifier,
    aliases: devices.flatMap(({ id, hostname, fqdn }) => [id, hostname, ...(fqdn === null ? [] : [fqdn])]),
    ...(ids.length > manyHosts ? { tags: [manyTargetsTag] } : {}),
  }
  return { target, supported, reason: supported ? null : obstacles.join('; ') }
}

/** The hosts an order goes to. */
export function agentsOfFile(key: string): readonly string[] {
  const at = key.indexOf('@')
  return at < 0 ? [] : key.slice(at + 1).split(',')
}

/** The one agent an order goes to; null for a target that names none, or several. */
export function agentOfFile(key: string): string | null {
  const [agentId, ...more] = agentsOfFile(key)
  return agentId === undefined || more.length > 0 ? null : agentId
}

/** What the host is told: move the file into the vault, or bring back what an earlier execution moved. */
export async function toFileAction(
  deps: CommandDeps,
  order: Pick<Order, 'tenantId' | 'target' | 'parameters' | 'approvals'>,
): Promise<AgentAction | null> {
  const hashes = readHashesOf(order.target.key)
  if (hashes === undefined) return null
  const actionType = 'stopAndQuarantineFile'
  const { restores } = order.parameters
  if (typeof restores === 'string') return { actionType, file: { mode: 'restore', hashes, executionId: restores } }
  const hash = hashes.sha256 ?? hashes.sha1 ?? ''
  const { path, sizeBytes } = await readSighting(deps, order.tenantId, hash)
  // What an installed package owns takes a tenant that allows it and a second person who agreed.
  const agreed = order.approvals !== null && order.approvals.count > 0
  const wanted = order.parameters.packageFiles === true
  const allowPackageFiles = wanted && agreed && (await allowsPackageFiles(deps, order.tenantId))
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
export function planFileUndo({ target, parameters, result }: FinishedAction): UndoPlan {
  const actionType = 'stopAndQuarantineFile'
  if (typeof parameters.restores === 'string' || parameters.restoresTask === true) {
    return { possible: false, reason: 'The restore of a file is taken back by a new quarantine.' }
  }
  if (result === null) return { possible: true, actionType, parameters }
  const after = typeof result.after === 'object' && result.after !== null ? { ...result.after } : {}
  const nothing = 'No file was moved, so there is none to bring back; ended processes stay ended.'
  if (agentsOfFile(target.key).length > 1) {
    const hosts = 'hosts' in after && Array.isArray(after.hosts) ? after.hosts : []
    return hosts.some(hasMoved)
      ? { possible: true, actionType, parameters: { ...parameters, restoresTask: true } }
      : { possible: false, reason: nothing }
  }
  const items = 'moved' in after ? listItems(after.moved) : []
  const restores = items.find(({ vaultId, named }) => vaultId !== null && named)?.vaultId?.split('/', 1)[0]
  return restores === undefined
    ? { possible: false, reason: nothing }
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

/** The digest a target names; undefined when it is of another kind. */
export function readHashesOf(key: string): FileHashes | undefined {
  return readHashes(key.split('@', 1)[0] ?? '')
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

/** What a host says it moved: where it is in the vault, and whether it had a name to come back to. */
export function listItems(value: unknown): readonly { readonly vaultId: string | null; readonly named: boolean }[] {
  if (!Array.isArray(value)) return []
  return value.map((item: unknown) => {
    const named = typeof item === 'object' && item !== null && 'named' in item && item.named === true
    return { vaultId: readText(item, 'vaultId'), named }
  })
}

function hasMoved(host: unknown): boolean {
  const isNumber = typeof host === 'object' && host !== null && 'movedTotal' in host
  return isNumber && typeof host.movedTotal === 'number' && host.movedTotal > 0
}
