import { DecodeError, type Decoder, decode, integer, list, object, parseJson, text } from '../../protocol/decode.ts'
import { type StateDirectory, stateFiles, writeState } from '../state.ts'
import type { RunningProcess } from './processes.ts'

/** How far back the memory of programs reaches. @source design actions.md 7.6 */
export const SEEN_DAYS = 7
const DAY_MS = 86_400_000
/** The programs seen last; a host that starts ever new ones must not fill its state directory. */
const MAX_SEEN = 5_000
const MAX_PATH = 4_096

/** A program that ran on this host. */
export interface SeenProgram {
  readonly path: string
  /** Day it was last seen running, in days since 1970, UTC. */
  readonly day: number
}

const decodeSeen: Decoder<readonly SeenProgram[]> = list(
  object<SeenProgram>({ path: text(MAX_PATH), day: integer(0, 10_000_000) }),
  MAX_SEEN,
)

/** The programs that were seen running in the last {@link SEEN_DAYS} days, the newest first. A damaged file is forgotten: nothing is decided by it. */
export function readSeen(state: StateDirectory, nowMs: number): readonly SeenProgram[] {
  const content = state.read(stateFiles.programsSeen)
  if (content === undefined) return []
  const oldest = Math.floor(nowMs / DAY_MS) - SEEN_DAYS
  try {
    return decode(decodeSeen, parseJson(content, 32 * 1024 * 1024)).filter(({ day }) => day >= oldest)
  } catch (error) {
    if (error instanceof DecodeError) return []
    throw error
  }
}

/** Remembers what runs now; the file is written only when that changes it. */
export function noteSeen(state: StateDirectory, running: readonly RunningProcess[], nowMs: number): void {
  const day = Math.floor(nowMs / DAY_MS)
  const known = readSeen(state, nowMs)
  const current = new Set(known.filter((one) => one.day === day).map(({ path }) => path))
  const paths = running.map(({ executable }) => executable.toString('utf8')).filter((path) => path.length <= MAX_PATH)
  const fresh = [...new Set(paths)].filter((path) => !current.has(path))
  if (fresh.length === 0) return
  const renewed = new Set(fresh)
  const rest = known.filter(({ path }) => !renewed.has(path))
  writeState(state, stateFiles.programsSeen, [...fresh.map((path) => ({ path, day })), ...rest].slice(0, MAX_SEEN))
}
