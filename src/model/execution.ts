import type { TargetKind } from './actions.ts'

/** The thing an execution acts on, resolved once when it is requested and kept with it. */
export interface Target {
  readonly kind: TargetKind
  /** Cordon's own key of the thing, e.g. the agent's device id; executions on one key take turns. */
  readonly key: string
  /** What people call it, e.g. the host name. */
  readonly displayName: string
  /** Text of `identifierValue` as the task names it. */
  readonly identifier: string
  /** Further names, e.g. the full host name. */
  readonly aliases?: readonly string[]
  /** Tags that the system which knows it gives it; never what the thing says of itself. */
  readonly tags?: readonly string[]
}

/** One name of a thing, as tasks, runs and alerts know it: in lower case. */
export interface ThingName {
  readonly kind: string
  readonly value: string
}

/** Longer ones are no names that anybody looks up, and more than an index takes. */
const maxThingName = 400

/** Every name that a target goes by; a file on hosts is about those hosts as well. */
export function namesOfTarget({ kind, key, displayName, identifier, aliases = [] }: Target): readonly ThingName[] {
  // The further names of a file are those of the hosts it lies on.
  const own = kind === 'file' ? [key, displayName, identifier] : [key, displayName, identifier, ...aliases]
  const hosts = kind === 'file' ? aliases.map((value) => ({ kind: 'device', value })) : []
  return keepNames([...own.map((value) => ({ kind, value })), ...hosts])
}

/** Names as they are looked up, each once; what no lookup could find is left out. */
export function keepNames(names: readonly ThingName[]): readonly ThingName[] {
  const kept = new Map<string, ThingName>()
  for (const { kind, value } of names) {
    const name = { kind, value: value.trim().toLowerCase() }
    const isName = name.value !== '' && name.value.length <= maxThingName && !/\p{Cc}/u.test(name.value)
    if (isName && name.value.isWellFormed()) kept.set(`${kind} ${name.value}`, name)
  }
  return [...kept.values()]
}

/** How good the evidence of an effect is: read back from what enforces it, or only stated by the provider. */
export type ProofLevel = 'observed' | 'attested'

/** Evidence of an effect, stored with the execution and shown as it is. */
export interface Proof {
  readonly level: ProofLevel
  /** How it was found out, e.g. `nft-list+probe`. */
  readonly method: string
  readonly observedAt: string
  /** `sha256:` of the canonical JSON of the state after. */
  readonly digest: string
  readonly checks: readonly ProofCheck[]
}

/** One single observation of a proof. */
export interface ProofCheck {
  readonly name: string
  readonly want: string
  readonly got: string
  readonly ms?: number
}

/** What an execution left behind: the state before and after as observed, and the proof of its effect. */
export interface ExecutionResult {
  /** False: the wanted state was already there. */
  readonly changed: boolean
  readonly before: unknown
  readonly after: unknown
  readonly proof: Proof | null
  /** What became of each, where an execution acts on several things; absent for one. */
  readonly targets?: readonly TargetOutcome[]
}

/** What became of one of several targets. @source design actions 11.1, the final ones */
export type TargetState =
  | 'succeeded'
  | 'already'
  | 'notFound'
  | 'unsupported'
  | 'refused'
  | 'failed'
  | 'timedOut'
  | 'unknown'

/** One of the things an execution acted on. */
export interface TargetOutcome {
  /** Stable over retries: `device:<id>`, `mailbox:<address>`. */
  readonly ref: string
  readonly displayName: string
  readonly state: TargetState
  readonly code: string | null
  readonly detail: string | null
}

/** True when nothing is left to do about a target. For a release, what is not there needs no release. */
export function isTargetDone({ state }: TargetOutcome, releases: boolean): boolean {
  return state === 'succeeded' || state === 'already' || (releases && state === 'notFound')
}

/**
 * The outcome of an execution with several targets.
 * @param releases the action takes something back
 * @source design actions 11.2
 */
export function reduceTargets(
  targets: readonly TargetOutcome[],
  releases: boolean,
): 'succeeded' | 'partial' | 'failed' | 'unknown' {
  if (targets.some((target) => target.state === 'unknown')) return 'unknown'
  const done = targets.filter((target) => isTargetDone(target, releases)).length
  return done === targets.length ? 'succeeded' : done === 0 ? 'failed' : 'partial'
}
