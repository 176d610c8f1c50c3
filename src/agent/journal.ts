import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import {
  DecodeError,
  type Decoder,
  decode,
  id,
  integer,
  type JsonObject,
  jsonObject,
  nullable,
  object,
  oneOf,
  optional,
  parseJson,
  text,
} from '../protocol/decode.ts'
import { instant } from '../protocol/instants.ts'
import { type CommandResult, decodeResult } from '../protocol/result.ts'

/** What happened to a command; a line of the journal each. `delivered` means the server will not ask for the result again. */
export type JournalEvent = 'received' | 'acknowledged' | 'running' | 'done' | 'delivered'

/** Everything the journal knows of one command. */
export interface JournalEntry {
  readonly commandId: string
  readonly executionId: string
  readonly family: string
  readonly seq: number
  readonly epoch: number
  /** Number of the line that recorded the reception. */
  readonly line: number
  readonly state: 'received' | 'running' | 'done'
  /** The server knows that the command is recorded here. Without that, only what the server let begin by itself may take effect. */
  readonly acknowledged: boolean
  readonly delivered: boolean
  /** The signed command, kept until it is done. */
  readonly jws: string | null
  /** State of the host before the first effect; null before `running`. */
  readonly before: JsonObject | null
  readonly result: CommandResult | null
}

/** Append-only record of commands; every method returns after the line is on disk. */
export interface Journal {
  readonly find: (commandId: string) => JournalEntry | undefined
  readonly entries: () => readonly JournalEntry[]
  /** Highest number received in a family; 0 when none. */
  readonly highestSeq: (family: string) => number
  /** Highest epoch received of an execution; 0 when none. */
  readonly highestEpoch: (executionId: string) => number
  readonly receive: (command: CommandKey, jws: string) => JournalEntry
  readonly acknowledge: (commandId: string) => void
  readonly begin: (commandId: string, before: JsonObject) => void
  readonly finish: (command: CommandKey, result: CommandResult) => void
  readonly deliver: (commandId: string) => void
  /** Lines that could not be read; more than 0 means somebody or something damaged the file. */
  readonly damagedLines: number
  readonly close: () => void
}

/** The parts of a command the journal orders by. */
export interface CommandKey {
  readonly commandId: string
  readonly executionId: string
  readonly family: string
  readonly seq: number
  readonly epoch: number
}

const COMPACT_ABOVE_LINES = 5_000
const KEEP_DELIVERED = 500

interface JournalLine {
  readonly n: number
  readonly at: string
  readonly event: JournalEvent
  readonly commandId: string
  readonly command?: Omit<CommandKey, 'commandId'>
  readonly jws?: string
  readonly before?: JsonObject | null
  readonly result?: CommandResult
}

const decodeLine: Decoder<JournalLine> = object<JournalLine>({
  n: integer(1, Number.MAX_SAFE_INTEGER),
  at: instant,
  event: oneOf(['received', 'acknowledged', 'running', 'done', 'delivered']),
  commandId: id,
  command: optional(
    object<Omit<CommandKey, 'commandId'>>({
      executionId: id,
      family: text(32),
      seq: integer(0, Number.MAX_SAFE_INTEGER),
      epoch: integer(0, Number.MAX_SAFE_INTEGER),
    }),
  ),
  jws: optional(text(65_536)),
  before: optional(nullable(jsonObject(8, 65_536))),
  result: optional(decodeResult),
})

/** A journal read into memory. */
interface LoadedJournal {
  readonly known: Map<string, JournalEntry>
  readonly lastLine: number
  readonly lines: number
  readonly damagedLines: number
  /** Bytes up to the end of the last whole line. */
  readonly wholeBytes: number
}

/** Reads the entries of a journal that another process may be writing. */
export function readJournal(path: string): readonly JournalEntry[] {
  return existsSync(path) ? [...loadJournal(readFileSync(path, 'utf8')).known.values()] : []
}

/** How many lines a journal has, and how many of them cannot be read. Another process may be writing it. */
export function countDamage(path: string): { readonly lines: number; readonly damaged: number } {
  if (!existsSync(path)) return { lines: 0, damaged: 0 }
  const { lines, damagedLines } = loadJournal(readFileSync(path, 'utf8'))
  return { lines, damaged: damagedLines }
}

/**
 * Opens a journal file, creating it with mode 0600. A last line without its end (power cut) is cut off: it was never acted upon. Old
 * answered commands are dropped when the file has grown long.
 * @param now gives the instant that stands in new lines
 */
export function openJournal(path: string, now: () => string): Journal {
  let descriptor = openSync(path, 'a+', 0o600)
  const loaded = loadJournal(readFileSync(path, 'utf8'))
  const { known, damagedLines } = loaded
  let { lastLine } = loaded
  ftruncateSync(descriptor, loaded.wholeBytes)
  if (loaded.lines > COMPACT_ABOVE_LINES) {
    closeSync(descriptor)
    compact(path, known, now())
    descriptor = openSync(path, 'a', 0o600)
  }

  const append = (line: Omit<JournalLine, 'n' | 'at'>): JournalEntry | undefined => {
    const numbered: JournalLine = { n: lastLine + 1, at: now(), ...line }
    writeSync(descriptor, `${JSON.stringify(numbered)}\n`)
    fsyncSync(descriptor)
    lastLine = numbered.n
    applyLine(known, numbered)
    return known.get(line.commandId)
  }
  const highest = (matches: (entry: JournalEntry) => boolean, of: (entry: JournalEntry) => number): number =>
    [...known.values()].reduce((best, entry) => (matches(entry) ? Math.max(best, of(entry)) : best), 0)

  return {
    find: (commandId) => known.get(commandId),
    entries: () => [...known.values()],
    highestSeq: (family) =>
      highest(
        (entry) => entry.family === family,
        ({ seq }) => seq,
      ),
    highestEpoch: (executionId) =>
      highest(
        (entry) => entry.executionId === executionId,
        ({ epoch }) => epoch,
      ),
    receive: (command, jws) => {
      const { commandId } = command
      const entry = append({ event: 'received', commandId, command: withoutId(command), jws })
      if (entry === undefined) throw new Error('a received command is always known')
      return entry
    },
    acknowledge: (commandId) => void append({ event: 'acknowledged', commandId }),
    begin: (commandId, before) => void append({ event: 'running', commandId, before }),
    finish: (command, result) =>
      void append({ event: 'done', commandId: command.commandId, command: withoutId(command), result }),
    deliver: (commandId) => void append({ event: 'delivered', commandId }),
    damagedLines,
    close: () => closeSync(descriptor),
  }
}

function loadJournal(content: string): LoadedJournal {
  const known = new Map<string, JournalEntry>()
  let lastLine = 0
  let damagedLines = 0
  const whole = content.slice(0, content.lastIndexOf('\n') + 1)
  const lines = whole.split('\n').filter((raw) => raw !== '')
  for (const raw of lines) {
    const line = readLine(raw)
    if (line === undefined) damagedLines += 1
    else {
      lastLine = Math.max(lastLine, line.n)
      applyLine(known, line)
    }
  }
  return { known, lastLine, lines: lines.length, damagedLines, wholeBytes: Buffer.byteLength(whole) }
}

// Kept: everything unanswered, the newest answered ones, and per family the command with the highest number (it guards the order).
function compact(path: string, known: Map<string, JournalEntry>, at: string): void {
  const entries = [...known.values()]
  const newest = new Set(entries.filter(({ delivered }) => delivered).slice(-KEEP_DELIVERED))
  const highest = new Map<string, JournalEntry>()
  for (const entry of entries) if (entry.seq > (highest.get(entry.family)?.seq ?? 0)) highest.set(entry.family, entry)
  const temporary = `${path}.new`
  const descriptor = openSync(temporary, 'w', 0o600)
  try {
    for (const entry of entries) {
      if (!entry.delivered || newest.has(entry) || highest.get(entry.family) === entry)
        writeEntry(descriptor, entry, at)
      else known.delete(entry.commandId)
    }
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(temporary, path)
}

function writeEntry(descriptor: number, entry: JournalEntry, at: string): void {
  const { commandId, line: n, before, result, jws } = entry
  const write = (line: Omit<JournalLine, 'n' | 'at' | 'commandId'>): void =>
    void writeSync(descriptor, `${JSON.stringify({ n, at, commandId, ...line })}\n`)
  write({ event: 'received', command: withoutId(entry), ...(jws === null ? {} : { jws }) })
  if (entry.acknowledged) write({ event: 'acknowledged' })
  if (entry.state === 'running' || before !== null) write({ event: 'running', before })
  if (entry.state === 'done' && result !== null) write({ event: 'done', result })
  if (entry.delivered) write({ event: 'delivered' })
}

function readLine(raw: string): JournalLine | undefined {
  try {
    return decode(decodeLine, parseJson(raw, 1024 * 1024))
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function applyLine(known: Map<string, JournalEntry>, line: JournalLine): void {
  const { commandId } = line
  const entry = known.get(commandId) ?? startEntry(line)
  if (entry === undefined) return
  switch (line.event) {
    case 'received':
      known.set(commandId, entry)
      break
    case 'acknowledged':
      known.set(commandId, { ...entry, acknowledged: true })
      break
    case 'running':
      known.set(commandId, { ...entry, state: 'running', before: line.before ?? null })
      break
    case 'done':
      known.set(commandId, { ...entry, state: 'done', result: line.result ?? null, jws: null })
      break
    case 'delivered':
      known.set(commandId, { ...entry, delivered: true })
      break
  }
}

function startEntry(line: JournalLine): JournalEntry | undefined {
  if (line.command === undefined) return undefined
  return {
    commandId: line.commandId,
    ...line.command,
    line: line.n,
    state: 'received',
    acknowledged: false,
    delivered: false,
    jws: line.jws ?? null,
    before: null,
    result: null,
  }
}

function withoutId({ executionId, family, seq, epoch }: CommandKey): Omit<CommandKey, 'commandId'> {
  return { executionId, family, seq, epoch }
}
