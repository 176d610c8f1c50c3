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
}
