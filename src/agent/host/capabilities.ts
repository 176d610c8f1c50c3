import type { CommandAction } from '../../protocol/body.ts'
import type { Capability } from '../../protocol/messages.ts'
import { hasPackageLists } from '../actions/file/guards.ts'
import { egressProbe } from '../actions/ruleset.ts'
import { type AgentConfig, defaultConfig } from '../config.ts'
import { findGuardProblem } from '../guard/control.ts'
import { listMissing, readMounts } from '../guard/mounts.ts'
import { findProgram, type RunProgram } from './run-program.ts'
import { findScanProblem } from './scan/scanner.ts'

/** What this host can do, probed without any effect. */
export interface HostCapabilities {
  /** Sent to the server at enrolment and with heartbeats. */
  readonly list: readonly Capability[]
  /** The kernel has the netfilter egress hook, so raw sockets can be covered. */
  readonly egressHook: boolean
}

const inetProbe = `table inet cordon_probe {
  set probe { type nf_proto; flags timeout; elements = { ipv4 timeout 1s } }
  chain probe { type filter hook output priority -200; policy accept; meta nfproto != @probe accept; ct state established accept; }
}
`

/**
 * Asks the kernel, by transactions that are checked and thrown away, whether isolation will work here.
 * @param uid the process's user id
 * @param config what the owner said of signatures and guarded mounts
 */
export async function probeCapabilities(
  run: RunProgram,
  uid: number,
  { clamav, clamd, guard }: Pick<AgentConfig, 'clamav' | 'clamd' | 'guard'> = defaultConfig,
): Promise<HostCapabilities> {
  const [problem, restriction] = await Promise.all([findIsolationProblem(run, uid), findRestrictionProblem(uid, guard)])
  const egressHook = problem === undefined && (await run('nft', ['-c', '-f', '-'], egressProbe)).code === 0
  const isolation: Omit<Capability, 'actionType'> =
    problem === undefined
      ? { supported: true, notes: egressHook ? ['egressHook'] : ['rawSocketsNotCovered'] }
      : { supported: false, reason: problem }
  const scanProblem = uid === 0 ? await findScanProblem(run, { clamav, clamd }) : 'the agent does not run as root'
  return {
    egressHook,
    list: [
      { actionType: 'isolateDevice', ...isolation, ...(isolation.supported ? { modes: ['full', 'selective'] } : {}) },
      { actionType: 'unIsolateDevice', ...isolation },
      {
        actionType: 'submitIocRule',
        ...isolation,
        ...(isolation.supported ? { modes: ['block', 'audit'], notes: ['domainsByHostsFile', 'hashesBySweep'] } : {}),
      },
      describeQuarantine(uid),
      {
        actionType: 'runAntiVirusScan',
        supported: scanProblem === undefined,
        ...(scanProblem === undefined ? { modes: ['quick', 'full'] } : { reason: scanProblem }),
      },
      ...describeAccounts(uid),
      { actionType: 'collectInvestigationPackage', ...asRoot(uid), modes: ['triage'] },
      ...(['restrictAppExecution', 'unRestrictAppExecution'] as const).map((actionType) => ({
        actionType,
        ...(restriction === undefined ? { supported: true } : { supported: false, reason: restriction.slice(0, 500) }),
      })),
    ],
  }
}

function describeQuarantine(uid: number): Capability {
  const actionType = 'stopAndQuarantineFile'
  const notes = hasPackageLists() ? [] : ['packageFilesNotGuarded']
  const missing = (['getfattr', 'setfattr'] as const).find((program) => findProgram(program) === undefined)
  if (missing !== undefined) {
    // Without it a file would come back with fewer attributes than it had, and nobody could tell.
    return { actionType, supported: false, reason: `${missing} is not installed; apt-get install attr` }
  }
  return { actionType, ...asRoot(uid), modes: ['quarantine', 'restore'], notes }
}

function asRoot(uid: number): Pick<Capability, 'supported' | 'reason'> {
  return uid === 0 ? { supported: true } : { supported: false, reason: 'the agent does not run as root' }
}

/** Tells whether an action is among the supported ones. */
export function canDo(capabilities: HostCapabilities, action: CommandAction): boolean {
  return capabilities.list.some(({ actionType, supported }) => actionType === action && supported)
}

/** Whether accounts may be acted on is the tenant's to say, by its signed policy. */
function describeAccounts(uid: number): readonly Capability[] {
  const missing = (['usermod', 'chage'] as const).find((program) => findProgram(program) === undefined)
  const problem = missing === undefined ? undefined : `${missing} is not installed (package passwd)`
  const reason = uid === 0 ? problem : 'the agent does not run as root'
  return (['disableUser', 'enableUser', 'forceUserPasswordReset', 'requireSignIn'] as const).map((actionType) =>
    reason === undefined ? { actionType, supported: true } : { actionType, supported: false, reason },
  )
}

async function findRestrictionProblem(uid: number, guard: readonly string[]): Promise<string | undefined> {
  if (uid !== 0) return 'the agent does not run as root'
  if (!hasPackageLists()) return 'the host has no dpkg database, so nobody knows which programs it was given'
  const missing = listMissing(readMounts(), guard)
  if (missing.length > 0) return `nothing is mounted at ${missing.join(', ')}; correct the line guard of agent.conf`
  return findGuardProblem()
}

async function findIsolationProblem(run: RunProgram, uid: number): Promise<string | undefined> {
  if (uid !== 0) return 'the agent does not run as root'
  const version = await run('nft', ['--version'])
  if (version.code !== 0) return 'nft is not installed (package nftables)'
  const check = await run('nft', ['-c', '-f', '-'], inetProbe)
  return check.code === 0
    ? undefined
    : 'the kernel refuses nftables (nf_tables or conntrack missing, or no CAP_NET_ADMIN)'
}
