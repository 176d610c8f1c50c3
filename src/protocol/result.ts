import {
  boolean,
  type Decoder,
  id,
  integer,
  type JsonObject,
  jsonObject,
  list,
  nullable,
  object,
  oneOf,
  optional,
  sha256Text,
  text,
} from './decode.ts'
import { instant } from './instants.ts'

/** States a host reports for a command. */
export const resultStates = ['received', 'running', 'succeeded', 'partial', 'failed', 'refused', 'expired'] as const

/** One of {@link resultStates}. */
export type ResultState = (typeof resultStates)[number]

/** States of one target of a command. @source design actions.md 11.1 */
export const targetStates = [
  'queued',
  'sent',
  'running',
  'succeeded',
  'already',
  'partial',
  'notFound',
  'unsupported',
  'refused',
  'failed',
  'timedOut',
  'cancelled',
  'expired',
  'unknown',
] as const

/** One of {@link targetStates}. */
export type TargetState = (typeof targetStates)[number]

/** One probe of a proof: what was wanted, what was seen. */
export interface ProofCheck {
  readonly name: string
  readonly want: string
  readonly got: string
  /** Duration in milliseconds, rounded up. */
  readonly ms?: number
}

/** Evidence that the effect is there. @source design actions.md 5.3 */
export interface Proof {
  /** `observed`: read back by another call than the one that caused it. `attested`: the acting system says so. `none`: only sent. */
  readonly level: 'observed' | 'attested' | 'none'
  readonly method: string
  readonly observedAt: string
  /** Who looked, e.g. `agent:d-77`. */
  readonly observedBy?: string
  /** `digestJson` of the result's `after`. */
  readonly digest: string
  readonly checks: readonly ProofCheck[]
}

/** What became of one target. */
export interface TargetResult {
  /** `device:<id>`, `file:<sha256>` ... */
  readonly ref: string
  readonly state: TargetState
  readonly changed: boolean
  readonly code: string | null
  readonly detail: string | null
}

/** Result of a command as the host reports it. @source design actions.md 9.6 */
export interface CommandResult {
  readonly commandId: string
  readonly executionId: string
  readonly epoch: number
  readonly state: ResultState
  readonly startedAt: string
  readonly finishedAt: string
  readonly targets: readonly TargetResult[]
  readonly before: JsonObject | null
  readonly after: JsonObject | null
  readonly proof: Proof | null
  readonly artifacts: readonly JsonObject[]
}

const decodeCheck = object<ProofCheck>({
  name: text(64),
  want: text(200),
  got: text(200),
  ms: optional(integer(0, 86_400_000)),
})

const decodeProof = object<Proof>({
  level: oneOf(['observed', 'attested', 'none']),
  method: text(100),
  observedAt: instant,
  observedBy: optional(text(100)),
  digest: sha256Text,
  checks: list(decodeCheck, 64),
})

const decodeTarget = object<TargetResult>({
  ref: text(300),
  state: oneOf(targetStates),
  changed: boolean,
  code: nullable(text(64, /^[A-Za-z][A-Za-z0-9]*$/)),
  detail: nullable(text(2000)),
})

/** Reads a result message. */
export const decodeResult: Decoder<CommandResult> = object<CommandResult>({
  commandId: id,
  executionId: id,
  epoch: integer(0, Number.MAX_SAFE_INTEGER),
  state: oneOf(resultStates),
  startedAt: instant,
  finishedAt: instant,
  targets: list(decodeTarget, 1000),
  before: nullable(jsonObject(8, 32 * 1024)),
  after: nullable(jsonObject(8, 32 * 1024)),
  proof: nullable(decodeProof),
  artifacts: list(jsonObject(6, 8 * 1024), 100),
})

/** Tells whether a result ends its command; `received` and `running` do not. */
export function isTerminalResult(state: ResultState): boolean {
  return state !== 'received' && state !== 'running'
}
