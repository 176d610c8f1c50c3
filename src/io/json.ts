import { isUtf8 } from 'node:buffer'
import { CordonError } from '../model/errors.ts'
import { findJsonFault } from './json-fault.ts'

/** Arrays and objects may stand inside each other this deep. */
export const maxJsonDepth = 64

/**
 * Reads one JSON text strictly; every JSON that reaches Cordon from outside comes through here. `JSON.parse` makes the value, one pass over
 * the text adds what it does not refuse: two members of one name, the name `__proto__`, lone surrogates and NUL in strings, nesting
 * deeper than {@link maxJsonDepth}, bytes that are not UTF-8.
 * @param input bytes or text of exactly one JSON value; a byte order mark is refused
 * @throws CordonError BadRequest naming the fault and its position (0-based, in characters; in bytes for broken UTF-8)
 * @source RFC 8259; RFC 7493 (I-JSON) for names and surrogates; design contract 1.6
 */
export function readJson(input: Buffer | string): unknown {
  const text = typeof input === 'string' ? input : decodeText(input)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The engine says where only in prose, and not always; the slow grammar check knows.
    const fault = findJsonFault(text)
    throw notJson(fault.reason, fault.position)
  }
  if (typeof input === 'string' && !text.isWellFormed()) throw notJson('a lone surrogate', findLoneSurrogate(text))
  inspect(text)
  return value
}

function decodeText(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw notJson('a byte sequence is not UTF-8', findBrokenUtf8(bytes))
  return bytes.toString('utf8')
}

/** The first byte that does not belong to a valid sequence: the longest valid prefix, by bisection. */
function findBrokenUtf8(bytes: Buffer): number {
  let valid = 0
  let broken = bytes.length
  while (broken - valid > 1) {
    const middle = (valid + broken) >> 1
    // A cut inside a good sequence would look broken: step back to its first byte.
    let cut = middle
    while (cut > valid && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut--
    if (cut === valid) cut = middle
    if (isUtf8(bytes.subarray(valid, cut))) valid = cut
    else broken = cut
  }
  return valid
}

/** Above this many members of one object a set finds repeated names; below, comparing hashes in a row is faster. */
const linearMembers = 32

/** Names of the objects that are open at one point of the text, innermost last, by hash and by place of their opening and closing quote. */
interface OpenNames {
  readonly hashes: number[]
  readonly starts: number[]
  readonly ends: number[]
  /** Per depth, once an object has grown large. */
  readonly sets: (Set<string> | undefined)[]
}

/** Checks `text`, which is valid JSON, for the extra rules. Every branch relies on that validity. */
function inspect(text: string): void {
  const open: OpenNames = { hashes: [], starts: [], ends: [], sets: [] }
  // Per depth: where the names of that object begin, or -1 for an array.
  const bases: number[] = [-1]
  let depth = 0
  let isName = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x22) {
      if (isName) {
        at = addName(open, bases[depth] ?? 0, depth, text, at)
        isName = false
      } else {
        at = skipString(text, at + 1)
      }
    } else if (code === 0x7b || code === 0x5b) {
      depth++
      if (depth > maxJsonDepth) throw notJson(`nesting deeper than ${maxJsonDepth}`, at)
      isName = code === 0x7b
      bases[depth] = isName ? open.hashes.length : -1
    } else if (code === 0x2c) {
      isName = (bases[depth] ?? -1) >= 0
    } else if (code === 0x7d || code === 0x5d) {
      if (code === 0x7d) {
        open.hashes.length = open.starts.length = open.ends.length = bases[depth] ?? 0
        open.sets[depth] = undefined
      }
      depth--
      isName = false
    }
  }
}

/** @returns the position of the quote that ends the string whose content begins at `start` */
function skipString(text: string, start: number): number {
  for (let at = start; ; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x22) return at
    if (code === 0x5c) {
      at++
      if (text.charCodeAt(at) === 0x75) at = skipUnicodeEscape(text, at + 1)
    }
  }
}

/** @returns the position of the last digit of the escape (or of the pair) whose digits begin at `digits` */
function skipUnicodeEscape(text: string, digits: number): number {
  const unit = Number.parseInt(text.slice(digits, digits + 4), 16)
  if (unit === 0) throw notJson('NUL in a string', digits - 2)
  if (unit < 0xd800 || unit > 0xdfff) return digits + 3
  const low = text.startsWith('\\u', digits + 4) ? Number.parseInt(text.slice(digits + 6, digits + 10), 16) : 0
  if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) throw notJson('a lone surrogate', digits - 2)
  return digits + 9
}

/** @returns the position of the name's closing quote */
function addName(open: OpenNames, base: number, depth: number, text: string, start: number): number {
  const { hashes, starts, ends } = open
  let hash = 0
  let end = start + 1
  for (; ; end++) {
    const code = text.charCodeAt(end)
    if (code === 0x22) break
    if (code === 0x5c) {
      end = skipString(text, end)
      hash = hashOf(nameAt(text, start, end))
      break
    }
    hash = (Math.imul(hash, 31) + code) & 0x3fffffff
  }
  if (hash === prototypeHash && nameAt(text, start, end) === '__proto__') throw notJson("the name '__proto__'", start)
  if (hashes.length - base < linearMembers) {
    for (let i = base; i < hashes.length; i++) {
      if (hashes[i] !== hash) continue
      if (nameAt(text, starts[i] ?? 0, ends[i] ?? 0) === nameAt(text, start, end)) throw repeated(start)
    }
  } else {
    addToSet(open, base, depth, text, start, end)
  }
  hashes.push(hash)
  starts.push(start)
  ends.push(end)
  return end
}

function addToSet(open: OpenNames, base: number, depth: number, text: string, start: number, end: number): void {
  let set = open.sets[depth]
  if (set === undefined) {
    set = new Set()
    for (let i = base; i < open.starts.length; i++) set.add(nameAt(text, open.starts[i] ?? 0, open.ends[i] ?? 0))
    open.sets[depth] = set
  }
  const name = nameAt(text, start, end)
  if (set.has(name)) throw repeated(start)
  set.add(name)
}

function nameAt(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end)
  return raw.includes('\\') ? String(JSON.parse(text.slice(start, end + 1))) : raw
}

function hashOf(name: string): number {
  let hash = 0
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) & 0x3fffffff
  return hash
}

const prototypeHash = hashOf('__proto__')

function repeated(position: number): CordonError {
  return notJson('a second member of the same name', position)
}

function findLoneSurrogate(text: string): number {
  for (let at = 0; at < text.length; at++) {
    const unit = text.codePointAt(at) ?? 0
    if (unit >= 0xd800 && unit <= 0xdfff) return at
    if (unit > 0xffff) at++
  }
  return text.length
}

function notJson(reason: string, position: number): CordonError {
  return new CordonError('BadRequest', `The body is not acceptable JSON: ${reason} at position ${position}.`)
}
