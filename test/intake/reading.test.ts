import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCsvRows } from '../../src/intake/reading/csv-rows.ts'
import { openJsonValues } from '../../src/intake/reading/json-values.ts'
import { maxRecordBytes, type RawRecord, type RecordReader } from '../../src/intake/reading/record.ts'
import { openRecords } from '../../src/intake/reading/records.ts'
import { aitAds } from '../../src/intake/sources/ait-ads.ts'
import { CordonError } from '../../src/model/errors.ts'
import { fc } from '../support/fast-check.ts'

/** Reads a text in pieces of the given sizes (repeated), or in one. */
function read(reader: RecordReader, text: string | Buffer, sizes: readonly number[] = []): RawRecord[] {
  const bytes = Buffer.from(text)
  const records: RawRecord[] = []
  let start = 0
  for (let turn = 0; start < bytes.length; turn++) {
    const size = sizes.length === 0 ? bytes.length : (sizes[turn % sizes.length] ?? 1)
    records.push(...reader.push(bytes.subarray(start, start + size)))
    start += size
  }
  return [...records, ...reader.end()]
}

function values(records: readonly RawRecord[]): unknown[] {
  return records.map((record) => ('value' in record ? record.value : `line ${record.line}: ${record.error}`))
}

function lines(records: readonly RawRecord[]): number[] {
  return records.map((record) => record.line)
}

test('one object, an array, lines and objects over several lines give the same values with their lines', () => {
  const one = { a: [1, { b: '}]"\\' }] }
  const cases: readonly [string, number[]][] = [
    [JSON.stringify(one), [1]],
    [`\n\n ${JSON.stringify(one)}\n${JSON.stringify(one)}`, [3, 4]],
    [`[${JSON.stringify(one)},\n\n${JSON.stringify(one)}]\n`, [1, 3]],
    [`${JSON.stringify(one, null, 2)}\n${JSON.stringify(one, null, 2)}\n`, [1, 9]],
    [`\uFEFF${JSON.stringify(one)}\r\n\r\n${JSON.stringify(one)}\r\n`, [1, 3]],
    [`${JSON.stringify(one)}${JSON.stringify(one)}`, [1, 1]],
  ]
  for (const [text, expected] of cases) {
    const records = read(openJsonValues(), text)
    assert.deepEqual(lines(records), expected, text)
    for (const value of values(records)) assert.deepEqual(value, one, text)
  }
  for (const text of ['', '\n \n', '[]', '[ ]\n'])
    assert.deepEqual(read(openJsonValues(), text), [], JSON.stringify(text))
})

test('a broken line is reported with its number and the rest is kept', () => {
  const records = read(openJsonValues(), '{"a":1}\n{"title":\n{"a":2}\n\n{"a":3}}\n{"a":4}')

  assert.deepEqual(lines(records), [1, 2, 3, 5, 6])
  assert.deepEqual(
    records.map((record) => 'value' in record),
    [true, false, true, false, true],
  )
})

test('a broken first line does not swallow the good lines after it', () => {
  const records = read(openJsonValues(), '{"title":\n{"a":2}\n{"a":3}')

  assert.deepEqual(values(records).slice(1), [{ a: 2 }, { a: 3 }])
  assert.match(String(values(records)[0]), /^line 1: /)
})

test('what stands wrong in an array is one wrong record each', () => {
  const cases: readonly [string, number][] = [
    ['[{"a":1}, x, {"a":2}]', 3],
    ['[{"a":1}, }, {"a":2}]', 3],
    ['[{"a":1}', 2],
    ['[{"a":1}, {"b":', 2],
    ['[{"a":1}] trailing', 2],
    ['[1, "two", null]', 3],
  ]
  for (const [text, count] of cases) assert.equal(read(openJsonValues(), text).length, count, text)
})

test('bytes that are not UTF-8 and nesting without end cost their own record', () => {
  const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`
  const bytes = Buffer.concat([
    Buffer.from('{"a":1}\n'),
    Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]),
    Buffer.from(`${deep}\n{"a":2}`),
  ])

  const records = read(openJsonValues(), bytes)

  assert.deepEqual(lines(records), [1, 2, 3, 4])
  assert.deepEqual(
    values(records).filter((value) => typeof value === 'object'),
    [{ a: 1 }, { a: 2 }],
  )
})

test('a record that is too long is skipped and reported, in lines, arrays and objects over several lines', () => {
  const long = 'x'.repeat(maxRecordBytes)
  for (const text of [`{"a":"${long}"}\n{"b":1}`, `[{"a":"${long}"},\n{"b":1}]`, `{"b":1}\n{"a":"${long}"}\n{"b":1}`]) {
    const records = read(openJsonValues(), text, [70_000])
    assert.deepEqual(values(records).at(-1), { b: 1 })
    assert.equal(records.filter((record) => 'error' in record && /longer than/.test(record.error)).length, 1)
  }
})

test('rows are read by the header, with commas, quotes and line ends inside of quotes', () => {
  const text = 'a,b\r\n1,2\r\n"x, ""y""","two\nlines"\n,\n\n"",z\n'

  const records = read(openCsvRows(['a', 'b']), text)

  assert.deepEqual(values(records), [
    { a: '1', b: '2' },
    { a: 'x, "y"', b: 'two\nlines' },
    { a: '', b: '' },
    { a: '', b: 'z' },
  ])
  assert.deepEqual(lines(records), [2, 3, 5, 7])
})

test('a quote that never closes, a wrong number of fields, a NUL and broken UTF-8 cost their own row', () => {
  const text = Buffer.concat([Buffer.from('a,b\n"open,1\n1\n1,\0\n1,'), Buffer.from([0xff]), Buffer.from('\n3,4\n')])

  const records = read(openCsvRows(['a', 'b']), text)

  assert.deepEqual(lines(records), [2, 3, 4, 5, 6])
  assert.deepEqual(values(records).at(-1), { a: '3', b: '4' })
  assert.equal(records.filter((record) => 'error' in record).length, 4)
})

test('a header without the columns of the source refuses the file', () => {
  assert.throws(
    () => read(openCsvRows(['time', 'host']), 'time,name\n1,2\n'),
    (cause) => cause instanceof CordonError && cause.kind === 'BadRequest' && /time, host/.test(cause.message),
  )
})

test('a source of rows takes JSON objects too, and numbers equal ones', () => {
  const row = { time: 1, name: 'n', ip: '', host: 'h', short: 's' }
  const csv = 'time,name,ip,host,short\n1,n,,h,s\n1,n,,h,s\n'

  assert.deepEqual(values(read(openRecords(aitAds), `${JSON.stringify(row)}\n${JSON.stringify(row)}`)), [
    { ...row, occurrence: 1 },
    { ...row, occurrence: 2 },
  ])
  assert.deepEqual(values(read(openRecords(aitAds), csv)), [
    { ...row, time: '1', occurrence: 1 },
    { ...row, time: '1', occurrence: 2 },
  ])
  assert.deepEqual(values(read(openRecords(aitAds), JSON.stringify({ ...row, occurrence: 7 }))), [
    { ...row, occurrence: 7 },
  ])
})

test('how the bytes are cut into pieces never changes what is read', () => {
  const piece = fc.oneof(
    fc.json({ maxDepth: 3 }),
    fc.constantFrom(
      '{"a":',
      '}',
      ']',
      '"',
      '\\',
      '{"a":"\\""}',
      '[{"b":2}]',
      '',
      'é😀',
      '"\\u00e9"',
      ',',
      'a,b,c',
      '"q""q",1',
    ),
  )
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.constantFrom('\n', ',\n', ' '),
      sizes,
      fc.boolean(),
      (parts, glue, cut, inArray) => {
        const text = inArray ? `[${parts.join(',')}]` : parts.join(glue)
        assert.deepEqual(read(openJsonValues(), text, cut), read(openJsonValues(), text))
        const csv = `a,b\n${parts.join(glue)}`
        assert.deepEqual(read(openCsvRows(['a', 'b']), csv, cut), read(openCsvRows(['a', 'b']), csv))
      },
    ),
    { numRuns: 300 },
  )
})

test('every JSON value of a list comes out as it went in, whatever the layout', () => {
  const layouts: readonly ((items: readonly unknown[]) => string)[] = [
    (items) => items.map((item) => JSON.stringify(item)).join('\n'),
    (items) => JSON.stringify(items),
    (items) => JSON.stringify(items, null, 1),
    (items) => items.map((item) => JSON.stringify(item, null, 2)).join('\n'),
  ]
  const item = fc.dictionary(
    fc.string({ minLength: 1, maxLength: 3 }).filter((name) => name !== '__proto__'),
    fc.jsonValue({ maxDepth: 2 }),
    {
      minKeys: 1,
      noNullPrototype: true,
    },
  )
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 6 }), fc.constantFrom(...layouts), (items, layout) => {
      const text = layout(items)
      fc.pre(!text.includes('\\u0000') && !text.includes('__proto__'))
      assert.deepEqual(values(read(openJsonValues(), text)), JSON.parse(JSON.stringify(items)))
    }),
    { numRuns: 200 },
  )
})
