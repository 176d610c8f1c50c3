import { canonicalEntry, hashEntry } from '../../src/store/audit-entry.ts'
import type { AuditRow } from '../../src/store/schema.ts'
import type { Log } from './given.ts'

/** A number from 0 up to but not `below`; the same seed gives the same numbers. */
export type Random = (below: number) => number

/** @source Mulberry32, a public-domain generator */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Somebody who owns the database changes a log. The name says what he did, for the failure message. */
export interface Tampering {
  readonly name: string
  readonly log: Log
}

/** How well he covers it up: not at all, with numbers without gaps, or with every hash from there on made anew. */
const covers = ['plain', 'renumbered', 'rehashed'] as const

const columns = [
  'tenant_id',
  'at',
  'actor_id',
  'actor_kind',
  'actor_name',
  'action',
  'object_type',
  'object_id',
  'decision',
  'code',
  'reason',
  'request_id',
  'client_request_id',
  'before_digest',
  'after_digest',
  'details',
  'hash',
] as const satisfies readonly (keyof AuditRow)[]

/** One way to tamper, drawn at random. */
export function tamper(log: Log, random: Random): Tampering {
  const rows = log.rows.map((row) => ({ ...row }))
  const at = random(rows.length)
  const cover = covers[random(covers.length)] ?? 'plain'
  switch (random(8)) {
    case 0:
    case 1:
      return flip(log, rows, at, cover === 'rehashed', random)
    case 2: {
      const count = 1 + random(Math.min(3, rows.length - at))
      rows.splice(at, count)
      return finish(log, rows, at, cover, `dropped ${count} from ${at + 1}`)
    }
    case 3: {
      const forged = { ...pick(rows, random(rows.length)), action: 'forged', seq: at + 1 }
      rows.splice(at, 0, forged)
      return finish(log, rows, at, cover, `added one at ${at + 1}`)
    }
    case 4:
      return swap(log, rows, at, cover, random)
    case 5: {
      const left = rows.slice(0, at)
      return finish(log, left, at, cover, `truncated after ${at}`)
    }
    case 6: {
      const other = pick(rows, (at + 1 + random(rows.length - 1)) % rows.length)
      rows[at] = { ...other, seq: at + 1 }
      return finish(log, rows, at, cover, `put a copy of ${other.seq} in the place of ${at + 1}`)
    }
    default:
      return breakHead(log, random)
  }
}

function flip(log: Log, rows: AuditRow[], at: number, isRehashed: boolean, random: Random): Tampering {
  const column = columns[random(columns.length)] ?? 'action'
  const row = pick(rows, at)
  const name = `flipped a bit of ${column} of ${at + 1}`
  if (random(20) === 0) {
    rows[at] = { ...row, seq: row.seq ^ (1 << random(20)) }
    return { name: `changed the number of ${at + 1}`, log: { rows, head: log.head } }
  }
  rows[at] = { ...row, [column]: flipBit(row[column], random) }
  return finish(log, rows, at, isRehashed && column !== 'hash' ? 'rehashed' : 'plain', name)
}

/** One bit of the bytes as they are stored; what is no text any more reads as the database driver reads it. */
export function flipBit(text: string | null, random: Random): string | null {
  if (text === null) return 'x'
  if (text === '' || random(20) === 0) return text === '' ? 'x' : ''
  const bytes = Buffer.from(text)
  const place = random(bytes.length)
  bytes[place] = (bytes[place] ?? 0) ^ (1 << random(8))
  return bytes.toString('utf8')
}

function swap(log: Log, rows: AuditRow[], at: number, cover: (typeof covers)[number], random: Random): Tampering {
  const other = (at + 1 + random(rows.length - 1)) % rows.length
  const [one, two] = [pick(rows, at), pick(rows, other)]
  const name = `swapped ${at + 1} and ${other + 1}`
  if (cover === 'plain' && random(2) === 0) {
    // As a database would that gives them in another order.
    rows[at] = two
    rows[other] = one
    return { name: `${name} with their numbers`, log: { rows, head: log.head } }
  }
  rows[at] = { ...two, seq: one.seq }
  rows[other] = { ...one, seq: two.seq }
  return finish(log, rows, Math.min(at, other), cover, name)
}

function breakHead(log: Log, random: Random): Tampering {
  if (log.head === null) throw new TypeError('the log has no head')
  const { head } = log
  const size = Math.max(0, head.size - 3 + random(6))
  if (size !== head.size) return { name: `set the head to ${size}`, log: { ...log, head: { ...head, size } } }
  if (random(4) === 0) return { name: 'removed the head', log: { ...log, head: null } }
  const hash = flipBit(head.hash, random) ?? ''
  return { name: 'flipped a bit of the head', log: { ...log, head: { ...head, hash } } }
}

function finish(log: Log, rows: AuditRow[], from: number, cover: (typeof covers)[number], what: string): Tampering {
  const name = `${what}, ${cover}`
  if (cover === 'plain') return { name, log: { rows, head: log.head } }
  let previous = from === 0 ? null : (rows[from - 1]?.hash ?? null)
  const covered = rows.map((row, index) => {
    const numbered = { ...row, seq: index + 1 }
    if (index < from || cover !== 'rehashed') return numbered
    previous = hashEntry(canonicalEntry(numbered, previous))
    return { ...numbered, hash: previous }
  })
  const last = covered.at(-1)
  const isLess = cover === 'renumbered' && last === undefined
  const tenantId = log.head?.tenant_id ?? ''
  const head = last && !isLess ? { tenant_id: tenantId, size: last.seq, hash: last.hash } : null
  return { name, log: { rows: covered, head } }
}

function pick(rows: readonly AuditRow[], at: number): AuditRow {
  const row = rows[at]
  if (row === undefined) throw new RangeError(`there is no entry ${at + 1}`)
  return row
}
