import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDateTime } from '../../src/model/edm.ts'
import { fc } from '../support/fast-check.ts'

const anyDate = fc
  .date({ min: new Date('0001-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true })
  .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000))
const ticks = fc.integer({ min: 0, max: 9_999_999 })

function pad(number: number, digits: number): string {
  return String(number).padStart(digits, '0')
}

function canonicalOf(date: Date, tick: number): string {
  return `${date.toISOString().slice(0, 19)}.${pad(tick, 7)}Z`
}

const accepted: readonly [text: string, canonical: string][] = [
  ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.0000000Z'],
  ['2026-01-02T03:04Z', '2026-01-02T03:04:00.0000000Z'],
  ['2026-01-02T03:04:05.123Z', '2026-01-02T03:04:05.1230000Z'],
  ['2026-01-02T03:04:05.1234567Z', '2026-01-02T03:04:05.1234567Z'],
  ['2026-01-02T03:04:05.123456789012Z', '2026-01-02T03:04:05.1234567Z'],
  ['2026-01-02T03:04:05.9999999999Z', '2026-01-02T03:04:05.9999999Z'],
  ['2026-01-02', '2026-01-02T00:00:00.0000000Z'],
  ['2026-01-02T03:04:05+02:00', '2026-01-02T01:04:05.0000000Z'],
  ['2026-01-02T03:04:05 02:00', '2026-01-02T01:04:05.0000000Z'],
  ['2026-01-02T03:04:05-05:30', '2026-01-02T08:34:05.0000000Z'],
  ['2025-12-31T23:30:00.5-01:00', '2026-01-01T00:30:00.5000000Z'],
  ['2026-01-02T03:04:05+00:00', '2026-01-02T03:04:05.0000000Z'],
  ['2026-01-02t03:04:05z', '2026-01-02T03:04:05.0000000Z'],
  ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.0000000Z'],
  ['2000-02-29', '2000-02-29T00:00:00.0000000Z'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.0000000Z'],
  ['0099-12-31T23:00:00-02:00', '0100-01-01T01:00:00.0000000Z'],
  ['9999-12-31T23:59:59.9999999Z', '9999-12-31T23:59:59.9999999Z'],
]

for (const [text, canonical] of accepted) {
  test(`the datetime ${text} is read as ${canonical}`, () => {
    assert.equal(readDateTime(text), canonical)
  })
}

const refused = [
  '',
  'now',
  '2026',
  '2026-01',
  '2026-1-2',
  '2026-01-02T03:04:05',
  '2026-01-02 03:04:05Z',
  '2026-01-02Z',
  '2026-01-02T',
  '2026-01-02T03Z',
  '2026-01-02T03:04:05.Z',
  '2026-01-02T03:04:05.1234567890123Z',
  '2026-01-02T03:04.5Z',
  '2026-01-02T03:04:05+2:00',
  '2026-01-02T03:04:05+0200',
  '2026-01-02T03:04:05+24:00',
  '2026-01-02T03:04:05+02:60',
  '2026-01-02T24:00:00Z',
  '2026-01-02T23:60:00Z',
  '2026-12-31T23:59:60Z',
  '2026-00-10',
  '2026-13-01',
  '2026-01-00',
  '2026-01-32',
  '2026-04-31',
  '2026-02-29',
  '1900-02-29',
  '0000-01-01',
  '0001-01-01T00:30:00+01:00',
  '9999-12-31T23:30:00-01:00',
  '99999-01-01T00:00:00Z',
  '-2026-01-01T00:00:00Z',
  ' 2026-01-02',
  '2026-01-02\n',
  '２０２６-01-02',
]

for (const text of refused) {
  test(`${JSON.stringify(text)} is no datetime`, () => {
    assert.equal(readDateTime(text), null)
  })
}

test('a canonical datetime is read as itself', () => {
  fc.assert(
    fc.property(anyDate, ticks, (date, tick) => {
      const text = canonicalOf(date, tick)

      assert.equal(readDateTime(text), text)
    }),
  )
})

test('the same instant in any offset and with any number of fraction digits is read as one text', () => {
  fc.assert(
    fc.property(
      anyDate,
      ticks,
      fc.integer({ min: -1439, max: 1439 }),
      fc.stringMatching(/^\d{0,5}$/),
      (date, tick, offset, tail) => {
        const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19)
        const sign = offset < 0 ? '-' : '+'
        const hours = pad(Math.trunc(Math.abs(offset) / 60), 2)
        const minutes = pad(Math.abs(offset) % 60, 2)

        const read = readDateTime(`${local}.${pad(tick, 7)}${tail}${sign}${hours}:${minutes}`)

        assert.equal(read, canonicalOf(date, tick))
      },
    ),
  )
})

test('what is read is canonical and orders as text the way it orders in time', () => {
  fc.assert(
    fc.property(anyDate, anyDate, (a, b) => {
      const [x, y] = [readDateTime(a.toISOString()), readDateTime(b.toISOString())]

      assert.ok(x !== null && y !== null)
      assert.match(x, /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{7}Z$/)
      assert.equal(x < y, a.getTime() < b.getTime())
    }),
  )
})

test('no text makes the reader throw or answer with anything but null and canonical text', () => {
  const nearly = fc.stringMatching(/^\d{3,5}-\d\d?-\d\d[Tt ]?[\d:.+\-Zz ]{0,20}$/)
  fc.assert(
    fc.property(fc.oneof(fc.string(), nearly), (text) => {
      assert.match(readDateTime(text) ?? '0001-01-01T00:00:00.0000000Z', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/)
    }),
  )
})
