import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
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
  parseJson,
  text,
} from '../protocol/decode.ts'
import { instant } from '../protocol/instants.ts'
import type { NamedPublicKey } from '../protocol/jws.ts'
import type { IsolationPlan } from './actions/ruleset.ts'

/** Who this host is to its server; written once at enrolment. */
export interface Identity {
  /** `https://host:port`, without a path. */
  readonly server: string
  readonly deviceId: string
  readonly token: string
  readonly commandKeys: readonly NamedPublicKey[]
  readonly pollSeconds: number
  /** Host name the owner chose, or null for the system's own. */
  readonly name: string | null
  readonly enrolledAt: string
  readonly breakGlass: { readonly serial: number; readonly key: string } | null
}

/** The isolation in force as the agent remembers it; the kernel has the last word. */
export interface IsolationRecord {
  readonly commandId: string
  readonly plan: IsolationPlan
  readonly leaseSeconds: number
  readonly until: string
  /** The boot in which it was loaded: gone rules after another boot are nobody's doing. */
  readonly bootId: string
  /** Listing digest after application; null until it was read back. */
  readonly rulesetSha256: string | null
  /** Probe addresses that answered before the isolation. */
  readonly reachedBefore: readonly string[]
}

/** Names of the files in the state directory. */
export const stateFiles = {
  identity: 'identity.json',
  deviceKey: 'device.key',
  nextKey: 'device.next.key',
  keyAge: 'device-key.json',
  keyWanted: 'rotate-key',
  ca: 'ca.crt',
  policy: 'policy.jws',
  sequence: 'sequence',
  control: 'control.json',
  isolation: 'isolation.json',
  restriction: 'restriction.json',
  guard: 'guard.pid',
  guardSocket: 'guard.sock',
  canary: 'canary',
  breakGlass: 'break-glass.json',
  iocRules: 'ioc-rules.json',
  accounts: 'accounts.json',
  journal: 'journal.jsonl',
  lock: 'agent.lock',
  package: 'package.json',
  vaultKey: 'vault.key',
  vault: 'quarantine',
  scanList: 'scan.list',
  scanFolder: 'scan',
  programsSeen: 'programs-seen.json',
} as const

/** The state directory, readable by its owner only. Writes survive a power cut once they return. */
export interface StateDirectory {
  readonly path: string
  readonly read: (file: string) => string | undefined
  readonly write: (file: string, content: string) => void
  readonly remove: (file: string) => void
}

/** Creates a state directory with mode 0700, unless it is there. */
export function makeStateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}

/** Opens a state directory; nothing is created before the first write. */
export function openStateDirectory(path: string): StateDirectory {
  return {
    path,
    read: (file) => readIfThere(join(path, file)),
    write: (file, content) => writeDurably(path, file, content),
    remove: (file) => {
      rmSync(join(path, file), { force: true })
      syncPath(path)
    },
  }
}

const endpoint = object<{ address: string; port: number }>({ address: text(64), port: integer(1, 65_535) })

const decodePlan = object<IsolationPlan>({
  mode: oneOf(['full', 'selective']),
  control: list(endpoint, 64),
  allow4: list(text(64), 1000),
  allow6: list(text(64), 1000),
  egress: list(text(64), 4096),
  dhcp4: list(text(64), 64),
})

const decodeIdentity = object<Identity>({
  server: text(300),
  deviceId: id,
  token: text(512),
  commandKeys: list(object<NamedPublicKey>({ kid: id, publicKey: text(43) }), 16),
  pollSeconds: integer(1, 300),
  name: nullable(text(253)),
  enrolledAt: instant,
  breakGlass: nullable(
    object<{ serial: number; key: string }>({ serial: integer(0, Number.MAX_SAFE_INTEGER), key: text(256) }),
  ),
})

const decodeIsolation = object<IsolationRecord>({
  commandId: id,
  plan: decodePlan,
  leaseSeconds: integer(1, 366 * 86_400),
  until: instant,
  bootId: text(64),
  rulesetSha256: nullable(text(64)),
  reachedBefore: list(text(64), 64),
})

/** Reads the identity; undefined before enrolment. @throws DecodeError when the file is damaged */
export function readIdentity(state: StateDirectory): Identity | undefined {
  return readJson(state, stateFiles.identity, decodeIdentity)
}

/** Reads what the agent remembers of the isolation in force. @throws DecodeError when the file is damaged */
export function readIsolation(state: StateDirectory): IsolationRecord | undefined {
  return readJson(state, stateFiles.isolation, decodeIsolation)
}

/** Reads the addresses the control channel last used. @throws DecodeError when the file is damaged */
export function readControlAddresses(state: StateDirectory): readonly string[] {
  return readJson(state, stateFiles.control, list(text(64), 64)) ?? []
}

/** Writes a value as JSON. */
export function writeState(state: StateDirectory, file: string, value: unknown): void {
  state.write(file, `${JSON.stringify(value)}\n`)
}

/**
 * Hands out request numbers that rise over restarts, crashes and clock changes. Numbers are reserved in blocks, so that not every
 * request costs a disk write; the wall clock is a second floor in case the directory comes back from a backup.
 */
export function openSequence(state: StateDirectory, nowMs: number): (atLeast?: number) => number {
  const block = 1000
  let next = Math.max(Number(state.read(stateFiles.sequence) ?? 0), nowMs, 1)
  let reserved = next
  return (atLeast = 0) => {
    next = Math.max(next, atLeast)
    if (next >= reserved) {
      reserved = next + block
      state.write(stateFiles.sequence, `${reserved}\n`)
    }
    return next++
  }
}

function readJson<T>(state: StateDirectory, file: string, decoder: Decoder<T>): T | undefined {
  const content = state.read(file)
  return content === undefined ? undefined : decode(decoder, parseJson(content, 4 * 1024 * 1024))
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function writeDurably(directory: string, file: string, content: string): void {
  const temporary = join(directory, `${file}.new`)
  const descriptor = openSync(temporary, 'w', 0o600)
  try {
    writeSync(descriptor, content)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(temporary, join(directory, file))
  syncPath(directory)
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
