import { CordonError } from '../model/errors.ts'
import { DecodeError, decode } from '../protocol/decode.ts'
import { decodeHeartbeat, type Heartbeat } from '../protocol/messages.ts'
import { dropHolds, writeAgentFacts } from '../store/agents.ts'
import { recordChange } from '../store/record.ts'
import type { CommandDeps } from './commands.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Device } from './identity/authenticate.ts'
import { catchUp } from './rules.ts'

/** What taking heartbeats in needs. */
export interface HeartbeatDeps extends CommandDeps {
  readonly together: GroupCommit
}

/**
 * Takes a heartbeat in: what the host says about itself, and what it found tampered with or met of an indicator, which goes into the audit
 * log. What the host has missed of rules is queued for it.
 * @throws CordonError BadRequest
 */
export async function acceptHeartbeat(deps: HeartbeatDeps, device: Device, message: unknown): Promise<void> {
  const heartbeat = readHeartbeat(message)
  const { host, state, bootId, journalDepth, time } = heartbeat
  await deps.together.run(device.id, async (tx) => {
    await writeAgentFacts(tx, device.id, {
      hostname: host.hostname,
      fqdn: host.fqdn,
      machine_id: host.machineId,
      os: host.os,
      agent_version: heartbeat.agentVersion,
      facts: JSON.stringify({ time, bootId, journalDepth, host, state }),
      ...(heartbeat.capabilities === undefined ? {} : { capabilities: JSON.stringify(heartbeat.capabilities) }),
    })
    if (heartbeat.tamper.length === 0) return
    // Whoever stood before the host has decided: nothing keeps or renews what the code has ended.
    if (heartbeat.tamper.some(isRelease)) {
      for (const family of ['isolation', 'restriction']) await dropHolds(tx, device.id, family)
    }
    await recordChange(tx, {
      at: deps.clock.now(),
      actor: { tenantId: device.tenantId, id: device.id, kind: 'agent', name: device.hostname },
      audit: heartbeat.tamper.map(({ kind, at, detail }) => ({
        action: nameReport(kind),
        objectType: 'agent',
        objectId: device.id,
        decision: 'allowed' as const,
        code: kind,
        reason: detail,
        details: { at },
      })),
      events: [{ change: 'updated', resource: 'agent', objectId: device.id }],
    })
  })
  await catchUp(deps, device)
}

function nameReport(kind: string): string {
  if (isRelease({ kind })) return 'releaseByBreakGlass'
  if (kind === 'ExecutionDenied') return 'reportDeniedExecution'
  return kind.startsWith('Indicator') ? 'reportIndicator' : 'reportTampering'
}

function isRelease({ kind }: { readonly kind: string }): boolean {
  return kind === 'BreakGlassRelease'
}

function readHeartbeat(message: unknown): Heartbeat {
  try {
    return decode(decodeHeartbeat, message)
  } catch (cause) {
    if (cause instanceof DecodeError) throw new CordonError('BadRequest', cause.message, { target: cause.path })
    throw cause
  }
}
