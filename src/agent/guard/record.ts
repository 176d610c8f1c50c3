import { boolean, decode, id, integer, list, nullable, object, parseJson, text } from '../../protocol/decode.ts'
import { instant, parseInstantMs } from '../../protocol/instants.ts'
import type { Clock } from '../host/clock.ts'
import { type StateDirectory, stateFiles, writeState } from '../state.ts'
import type { NoexecMount } from './mounts.ts'

/** The restriction as agent and guard remember it; without a record the guard ends. */
export interface RestrictionRecord {
  readonly commandId: string
  readonly leaseSeconds: number
  readonly until: string
  /** The boot in which it was applied: a guard that is gone after another boot is nobody's doing. */
  readonly bootId: string
  /** The self-test has passed; before, the command decides what becomes of it. */
  readonly tested: boolean
  /** Mount points whose programs are guarded; empty: every local file system. */
  readonly mounts: readonly string[]
  /** What the host's owner and the tenant allow beside the programs of packages. */
  readonly allow: readonly string[]
  /** What the second layer has closed, and how it was before. */
  readonly noexec: readonly NoexecMount[]
  /** The agent's own program that must be able to start; null before there is one. */
  readonly canary: string | null
}

const decodeRecord = object<RestrictionRecord>({
  commandId: id,
  leaseSeconds: integer(1, 366 * 86_400),
  until: instant,
  bootId: text(64),
  tested: boolean,
  mounts: list(text(4096), 1000),
  allow: list(text(4096), 10_000),
  noexec: list(object<NoexecMount>({ mountPoint: text(4096), device: text(32), options: text(4096) }), 10_000),
  canary: nullable(text(4096)),
})

/** Reads the restriction in force; undefined without one. @throws DecodeError when the file is damaged */
export function readRestriction(state: StateDirectory): RestrictionRecord | undefined {
  const content = state.read(stateFiles.restriction)
  return content === undefined ? undefined : decode(decodeRecord, parseJson(content, 8 * 1024 * 1024))
}

/** Remembers a restriction, before anything of it is done. */
export function writeRestriction(state: StateDirectory, record: RestrictionRecord): void {
  writeState(state, stateFiles.restriction, record)
}

/**
 * Milliseconds a restriction has left; 0 or less when it is over. A clock that stands before the lease began gives it the whole lease, as
 * with an isolation.
 */
export function leftMs(clock: Pick<Clock, 'nowMs'>, { until, leaseSeconds }: RestrictionRecord): number {
  return Math.min(parseInstantMs(until) - clock.nowMs(), leaseSeconds * 1000)
}
