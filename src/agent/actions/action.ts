import type { JsonObject } from '../../protocol/decode.ts'
import type { AgentPolicy } from '../../protocol/policy.ts'
import type { CommandResult, Proof, TargetState } from '../../protocol/result.ts'
import type { AgentConfig } from '../config.ts'
import type { GuardControl } from '../guard/control.ts'
import type { Clock, Sleep } from '../host/clock.ts'
import type { RunProgram } from '../host/run-program.ts'
import type { Match } from '../rules/processes.ts'
import type { StateDirectory } from '../state.ts'
import type { Endpoint } from './addresses.ts'
import type { PackageChannel } from './package/upload.ts'

/** What heartbeats and control probes report of the isolation. */
export interface IsolatedState {
  readonly isolated: boolean
  readonly until: string | null
}

/** What heartbeats report of the restriction; it counts only while its guard lives. */
export interface RestrictedState {
  readonly restricted: boolean
  readonly restrictedUntil: string | null
}

/** What an action works with. */
export interface ActionDeps {
  readonly run: RunProgram
  readonly clock: Clock
  readonly sleep: Sleep
  readonly state: StateDirectory
  readonly config: AgentConfig
  readonly deviceId: string
  readonly egressHook: boolean
  /** The process that guards the start of programs. */
  readonly guard: GuardControl
  /** Host name of the server, as this host was enrolled with. */
  readonly serverName: string
  /** Ends or reports the processes that rules are about. */
  readonly sweepProcesses: () => Promise<readonly Match[]>
  /** Where collected packages go. */
  readonly packages: PackageChannel
  /** The signed policy in force; undefined when the server never sent one. */
  readonly policy: () => AgentPolicy | undefined
  /** Every address of the control channel. */
  readonly resolveControl: () => Promise<readonly Endpoint[]>
  /** Sends a real message to the server over a new connection to this address. @throws when no answer came */
  readonly probeControl: (address: string, timeoutMs: number, isolation: IsolatedState) => Promise<void>
  /** Empty unless a fault test ends the process at a named place. */
  readonly failpoint: (name: string) => void
}

/** The frame of a command as its action sees it. */
export interface ActionOrder {
  readonly commandId: string
  readonly dryRun: boolean
  readonly leaseSeconds: number
  readonly selfTestSeconds: number
  /** State of the host before this command's first effect, when an earlier run of the agent began it. */
  readonly resumedFrom: JsonObject | null
  /** Must be called, with the observed state, before the first effect. */
  readonly begin: (before: JsonObject) => void
  /** Fires when the agent ends; what was begun is taken up again by its next run. */
  readonly signal: AbortSignal
  /** Tells the server, in a few words, how far a long action has come. */
  readonly progress: (words: string) => void
}

/** What an action did. */
export interface ActionOutcome {
  readonly state: Extract<CommandResult['state'], 'succeeded' | 'partial' | 'failed' | 'refused'>
  readonly target: { readonly state: TargetState; readonly changed: boolean }
  readonly code: string | null
  readonly detail: string | null
  readonly before: JsonObject | null
  readonly after: JsonObject | null
  readonly proof: Proof | null
  /** Things the action brought to light; none without. */
  readonly artifacts?: readonly JsonObject[]
}

/** An outcome without any effect. */
export function describeFailure(
  state: 'failed' | 'refused',
  code: string,
  detail: string,
  observed: { readonly before: JsonObject | null; readonly after: JsonObject | null; readonly proof?: Proof },
): ActionOutcome {
  return {
    state,
    target: { state: code === 'Unsupported' ? 'unsupported' : state, changed: false },
    code,
    detail,
    before: observed.before,
    after: observed.after,
    proof: observed.proof ?? null,
  }
}
