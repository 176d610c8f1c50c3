import {
  boolean,
  type Decoder,
  decode,
  id,
  integer,
  list,
  nullable,
  object,
  optional,
  parseJson,
  text,
} from '../../../protocol/decode.ts'
import { type StateDirectory, stateFiles, writeState } from '../../state.ts'

/** What we did to an account, and how it was before. */
export interface AccountRecord {
  readonly name: string
  readonly uid: number
  /** As it was before we disabled it first; null when we did not. */
  readonly disabled: { readonly locked: boolean; readonly expires: string; readonly tasks: readonly string[] } | null
  /** Day of the last password change before we asked for a new password; null when we did not. */
  readonly lastChange: string | null
  /** What each task that enabled the account took away from others, so that its undo gives it back to those who still want it. */
  readonly released?: readonly { readonly taskId: string; readonly tasks: readonly string[] }[]
}

/** Releases that are remembered for one account; an older one can no longer be taken back. */
const MAX_RELEASED = 100

const decodeRecords: Decoder<readonly AccountRecord[]> = list(
  object<AccountRecord>({
    name: text(33),
    uid: integer(0, Number.MAX_SAFE_INTEGER),
    disabled: nullable(
      object<NonNullable<AccountRecord['disabled']>>({ locked: boolean, expires: text(20), tasks: list(id, 10_000) }),
    ),
    lastChange: nullable(text(20)),
    released: optional(
      list(
        object<NonNullable<AccountRecord['released']>[number]>({ taskId: id, tasks: list(id, 10_000) }),
        MAX_RELEASED,
      ),
    ),
  }),
  10_000,
)

/** What we did to this very account. One that was made anew under the same name is another. */
export function readRecord(state: StateDirectory, { name, uid }: Pick<AccountRecord, 'name' | 'uid'>): AccountRecord {
  const known = readAll(state).find((record) => record.name === name && record.uid === uid)
  return known ?? { name, uid, disabled: null, lastChange: null }
}

/** Remembers what we did; survives a restart. */
export function writeRecord(state: StateDirectory, record: AccountRecord): void {
  const others = readAll(state).filter(({ name }) => name !== record.name)
  const released = (record.released ?? []).filter(({ tasks }) => tasks.length > 0).slice(-MAX_RELEASED)
  const nothing = record.disabled === null && record.lastChange === null && released.length === 0
  const next = nothing ? others : [...others, { ...record, released }]
  if (next.length === 0) state.remove(stateFiles.accounts)
  else writeState(state, stateFiles.accounts, next)
}

function readAll(state: StateDirectory): readonly AccountRecord[] {
  const content = state.read(stateFiles.accounts)
  return content === undefined ? [] : decode(decodeRecords, parseJson(content, 8 * 1024 * 1024))
}
