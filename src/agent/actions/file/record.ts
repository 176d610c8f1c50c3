import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Decoder,
  decode,
  id,
  integer,
  list,
  nullable,
  object,
  oneOf,
  optional,
  parseJson,
  text,
} from '../../../protocol/decode.ts'
import { instant } from '../../../protocol/instants.ts'
import { makeStateDirectory, openStateDirectory, type StateDirectory, stateFiles, writeState } from '../../state.ts'

/**
 * How far one copy has come. `planned`: seen, nothing done; `sealed`: its content is in the vault; `renamed`: its name is free, the file
 * stands beside it under a name of ours; `removed`: gone; `left`: not moved, see the code; `restored`: back in its place. `content`: only
 * its content was kept, there never was a name to give back; `expired`: the vault kept its content long enough.
 */
export type CopyPhase = 'planned' | 'sealed' | 'renamed' | 'removed' | 'left' | 'restored' | 'content' | 'expired'

/** A copy of the file, with everything that brings it back as it was. */
export interface CopyRecord {
  /** Number within the command. */
  readonly item: number
  /** Path without links, as bytes in base64; a name need not be UTF-8. */
  readonly pathBytes: string
  readonly sha1: string
  readonly sha256: string
  readonly sizeBytes: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Nanoseconds since 1970, decimal. */
  readonly accessedNs: string
  readonly modifiedNs: string
  readonly device: string
  readonly inode: string
  /** Names the file had. */
  readonly links: number
  /** Extended attributes, as `readAttributes` gives them; absent before its content is sealed. */
  readonly attributes?: string
  readonly phase: CopyPhase
  /** Why it was left. */
  readonly code: string | null
}

/** A process that was ended. */
export interface KilledRecord {
  readonly pid: number
  readonly start: string
  readonly uid: number
  readonly executable: string
  readonly sha256: string
}

/** Everything the vault knows of one command; written before each of its steps. */
export interface QuarantineRecord {
  readonly commandId: string
  readonly killed: readonly KilledRecord[]
  readonly copies: readonly CopyRecord[]
  /** Since when the vault keeps its content, by the server's clock; absent until that was looked at. */
  readonly keptSince?: string
}

const nanoseconds = text(24, /^-?\d+$/)
const decimal = text(24, /^\d+$/)

const decodeCopy = object<CopyRecord>({
  item: integer(1, 1_000_000),
  pathBytes: text(8192),
  sha1: text(40),
  sha256: text(64),
  sizeBytes: integer(0, Number.MAX_SAFE_INTEGER),
  mode: integer(0, 0xffff),
  uid: integer(0, 0xffffffff),
  gid: integer(0, 0xffffffff),
  accessedNs: nanoseconds,
  modifiedNs: nanoseconds,
  device: decimal,
  inode: decimal,
  links: integer(0, Number.MAX_SAFE_INTEGER),
  attributes: optional(text(1024 * 1024)),
  phase: oneOf(['planned', 'sealed', 'renamed', 'removed', 'left', 'restored', 'content', 'expired']),
  code: nullable(text(64)),
})

const decodeRecord: Decoder<QuarantineRecord> = object<QuarantineRecord>({
  commandId: id,
  killed: list(
    object<KilledRecord>({
      pid: integer(1, Number.MAX_SAFE_INTEGER),
      start: text(24),
      uid: integer(0, 0xffffffff),
      executable: text(4200),
      sha256: text(64),
    }),
    100_000,
  ),
  copies: list(decodeCopy, 100_000),
  keptSince: optional(instant),
})

const RECORD_FILE = 'record.json'

/** The vault's folder of one command. */
export function vaultFolder(state: StateDirectory, commandId: string): string {
  return join(state.path, stateFiles.vault, commandId)
}

/** Reads what the vault knows of a command; undefined when it has nothing of it. @throws DecodeError when the record is damaged */
export function readRecord(state: StateDirectory, commandId: string): QuarantineRecord | undefined {
  const content = openStateDirectory(vaultFolder(state, commandId)).read(RECORD_FILE)
  return content === undefined ? undefined : decode(decodeRecord, parseJson(content, 256 * 1024 * 1024))
}

/** Writes the record of a command durably. */
export function writeRecord(state: StateDirectory, record: QuarantineRecord): void {
  const folder = vaultFolder(state, record.commandId)
  makeStateDirectory(folder)
  writeState(openStateDirectory(folder), RECORD_FILE, record)
}

/** Ids of the commands the vault has something of. */
export function listRecords(state: StateDirectory): readonly string[] {
  const vault = join(state.path, stateFiles.vault)
  return existsSync(vault) ? readdirSync(vault).sort() : []
}

/** A copy's path as bytes. */
export function pathOf(copy: CopyRecord): Buffer {
  return Buffer.from(copy.pathBytes, 'base64')
}

/** A copy's path for people. */
export function shownPath(copy: CopyRecord): string {
  return pathOf(copy).toString('utf8').slice(0, 300)
}
