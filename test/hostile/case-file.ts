import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

/** Text, or a recipe for one that is too long or too strange to stand in a file. */
export type Recipe = string | Generator

interface Generator {
  readonly $gen: string
  readonly prefix?: string
  readonly suffix?: string
  readonly unit?: string
  readonly open?: string
  readonly close?: string
  readonly inner?: string
  readonly data?: string
  readonly text?: string
  readonly count?: number
  readonly of?: Recipe
}

/** One hostile request. */
export interface HostileCase {
  readonly id: string
  readonly group: string
  readonly method: string
  readonly path: Recipe
  readonly headers: Readonly<Record<string, Recipe>>
  readonly body: Recipe | null
  /** Bytes to write as they are when the method is RAW. */
  readonly raw?: string
  readonly expectStatus: number
  readonly alsoAccept?: readonly number[]
  /** What else must hold, in words; see checks.ts. */
  readonly check?: string
  readonly why: string
}

/** Thrown where a case names something that does not exist yet. */
export class MissingFixture extends Error {}

/** Reads a list out of `test/fixtures/cases`. */
export function readCases<T>(name: string): T[] {
  return JSON.parse(readFileSync(new URL(`../fixtures/cases/${name}.json`, import.meta.url), 'utf8'))
}

/** Bytes made piece by piece: a body of 50 MiB is never held. */
export interface Bytes {
  readonly length: number
  readonly pieces: () => Iterable<Buffer>
}

/** Bytes that are there already. */
export function wholeBytes(content: string | Buffer): Bytes {
  const buffer = Buffer.from(content)
  return { length: buffer.length, pieces: () => [buffer] }
}

/** The text of a recipe for a path or a header. @param fill puts placeholders into it */
export async function makeText(recipe: Recipe, fill: Fill): Promise<string> {
  if (typeof recipe === 'string') return fill(recipe)
  return Buffer.concat([...(await makeBytes(recipe, fill)).pieces()]).toString('utf8')
}

/** Replaces the placeholders of a text. */
export type Fill = (text: string) => Promise<string>

/** The bytes of a recipe for a body. */
export async function makeBytes(recipe: Recipe, fill: Fill): Promise<Bytes> {
  if (typeof recipe === 'string') return wholeBytes(await fill(recipe))
  const { $gen, prefix = '', suffix = '', unit = '', open = '', close = '', inner = '', count = 0 } = recipe
  switch ($gen) {
    case 'repeat':
      return repeat(await fill(prefix), unit, count, await fill(suffix))
    case 'wrap':
      return wholeBytes(`${await fill(prefix)}${open.repeat(count)}${inner}${close.repeat(count)}${suffix}`)
    case 'base64':
      return wholeBytes(Buffer.from(recipe.data ?? '', 'base64'))
    case 'utf16le':
      return wholeBytes(Buffer.from(recipe.text ?? '', 'utf16le'))
    case 'gzip':
      return gzip(await makeBytes(recipe.of ?? '', fill))
    default:
      return wholeBytes(makeListText($gen, count))
  }
}

function repeat(prefix: string, unit: string, count: number, suffix: string): Bytes {
  const perPiece = Math.max(1, Math.floor(65_536 / unit.length))
  const piece = Buffer.from(unit.repeat(Math.min(perPiece, count)))
  const [head, tail] = [Buffer.from(prefix), Buffer.from(suffix)]
  const unitLength = Buffer.byteLength(unit)
  return {
    length: head.length + unitLength * count + tail.length,
    pieces: function* () {
      yield head
      for (let left = count; left > 0; left -= perPiece)
        yield left >= perPiece ? piece : piece.subarray(0, left * unitLength)
      yield tail
    },
  }
}

/** A gzip stream of several members, each small to make: together they inflate to the whole. */
function gzip(content: Bytes): Bytes {
  const members: Buffer[] = []
  const known = new Map<Buffer, Buffer>()
  for (const piece of content.pieces()) {
    const member = known.get(piece) ?? gzipSync(piece)
    known.set(piece, member)
    members.push(member)
  }
  return { length: members.reduce((sum, member) => sum + member.length, 0), pieces: () => members }
}

function makeListText(name: string, count: number): string {
  if (name !== 'ndjson-same-entity') return JSON.stringify(makeList(name, count))
  return Array.from({ length: count }, (_, at) => JSON.stringify(makeScan(at))).join('\n')
}

function makeScan(at: number): object {
  const evidence = [{ '@odata.type': '#microsoft.graph.security.ipEvidence', ipAddress: '198.51.100.7' }]
  return { title: `Port scan ${at}`, severity: 'low', providerAlertId: `scan-${at}`, evidence }
}

function makeList(name: string, count: number): unknown {
  const items = Array.from({ length: count }, (_, at) => at)
  switch (name) {
    case 'keys':
      return Object.fromEntries(items.map((at) => [`k${at}`, at]))
    case 'tags':
      return { customTags: items.map((at) => `t${at}`) }
    case 'ids':
      return { incidentIds: items.map((at) => String(at + 1)) }
    case 'batch':
      return { requests: items.map((at) => ({ id: String(at), method: 'GET', url: '/security/incidents' })) }
    case 'evidence': {
      const evidence = items.map((at) => ({
        '@odata.type': '#microsoft.graph.security.ipEvidence',
        ipAddress: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`,
      }))
      return { title: 'x', severity: 'low', providerAlertId: 'many', evidence }
    }
    default:
      throw new MissingFixture(`no generator ${name}`)
  }
}
