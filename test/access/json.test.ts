import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxJsonDepth, readJson } from '../../src/io/json.ts'
import { findJsonFault } from '../../src/io/json-fault.ts'
import { CordonError } from '../../src/model/errors.ts'
import { fc } from '../support/fast-check.ts'
import { startStopwatch } from '../support/stopwatch.ts'

function refusal(input: Buffer | string): string {
  try {
    readJson(input)
  } catch (cause) {
    assert.ok(cause instanceof CordonError)
    assert.equal(cause.kind, 'BadRequest')
    return cause.message.replace('The body is not acceptable JSON: ', '').replace(/\.$/, '')
  }
  return 'accepted'
}

const refused: readonly [name: string, text: string, reason: string][] = [
  ['empty text', '', 'no value at position 0'],
  ['white space only', ' \n', 'no value at position 2'],
  ['a byte order mark', '\ufeff{}', 'an unexpected character at position 0'],
  ['a comment', '{/* x */}', 'an unexpected character at position 1'],
  ['a trailing comma in an object', '{"a":1,}', 'an unexpected character at position 7'],
  ['a trailing comma in an array', '[1,]', 'an unexpected character at position 3'],
  ['NaN', '{"a":NaN}', 'an unexpected character at position 5'],
  ['Infinity', '[-Infinity]', 'an unexpected character at position 1'],
  ['a leading zero', '[01]', 'an unexpected character at position 2'],
  ['a leading plus', '[+1]', 'an unexpected character at position 1'],
  ['a hexadecimal number', '[0x10]', 'an unexpected character at position 2'],
  ['single quotes', "{'a':1}", 'an unexpected character at position 1'],
  ['a bare name', '{a:1}', 'an unexpected character at position 1'],
  ['text after the value', '{"a":1} x', 'text after the end of the value at position 8'],
  ['two values', '{}{}', 'text after the end of the value at position 2'],
  ['a truncated object', '{"a":1', 'the text ends too early at position 6'],
  ['a truncated string', '{"a":"x', 'a string without its end at position 5'],
  ['a raw control character', '["a\u0001"]', 'a control character in a string at position 3'],
  ['an unknown escape', '["\\x41"]', 'a broken escape at position 2'],
  ['a short unicode escape', '["\\u12"]', 'a broken escape at position 2'],
  ['brackets that do not match', '[1}', 'an unexpected character at position 2'],
  ['a member without a colon', '{"a" 1}', 'an unexpected character at position 5'],
  ['two members of one name', '{"a":1,"b":2,"a":3}', 'a second member of the same name at position 13'],
  ['two members of one name, one escaped', '{"a":1,"\\u0061":2}', 'a second member of the same name at position 7'],
  [
    'two members of one name deep inside',
    '[{"x":[{"a":{},"a":[]}]}]',
    'a second member of the same name at position 15',
  ],
  ['the name __proto__', '{"a":{"__proto__":{}}}', "the name '__proto__' at position 6"],
  ['the name __proto__, escaped', '{"\\u005f_proto__":1}', "the name '__proto__' at position 1"],
  ['a lone high surrogate', '["\\ud83d"]', 'a lone surrogate at position 2'],
  ['a lone low surrogate', '["x\\ude00"]', 'a lone surrogate at position 3'],
  ['two high surrogates', '["\\ud83d\\ud83d"]', 'a lone surrogate at position 2'],
  ['a raw lone surrogate', '["\ud83d"]', 'a lone surrogate at position 2'],
  ['a lone surrogate in a name', '{"\\udc00":1}', 'a lone surrogate at position 2'],
  ['NUL in a string', '["\\u0000"]', 'NUL in a string at position 2'],
  ['NUL in a name', '{"a\\u0000":1}', 'NUL in a string at position 3'],
  ['NUL in a bare string', '"\\u0000"', 'NUL in a string at position 1'],
]
for (const [name, text, reason] of refused) {
  test(`the JSON reader refuses ${name} and says where`, () => {
    assert.equal(refusal(text), reason)
    // A lone surrogate cannot be written as UTF-8 at all.
    if (text.isWellFormed()) assert.equal(refusal(Buffer.from(text)), reason)
  })
}

const accepted: readonly [name: string, text: string][] = [
  ['an object', '{"a":[1,-0.5e+3,true,null,"x"]}'],
  ['a bare value', ' 12 '],
  ['the same name in different objects', '{"a":{"a":1},"b":[{"a":1},{"a":2}]}'],
  ['names equal but for their case', '{"a":1,"A":2}'],
  ['an escaped quote at the end of a string', '{"a":"\\\\","b":"\\""}'],
  ['brackets and commas in strings', '{"a":"}],{","b":"[["}'],
  ['an escaped surrogate pair', '["\\ud83d\\ude00"]'],
  ['a raw surrogate pair', '["😀"]'],
  ['an escaped backslash before a u', '["\\\\u0000"]'],
  ['the name constructor', '{"constructor":1,"toString":2}'],
  ['an empty name', '{"":1}'],
  ['__proto__ as a value', '["__proto__"]'],
]
for (const [name, text] of accepted) {
  test(`the JSON reader accepts ${name}`, () => {
    assert.deepEqual(readJson(text), JSON.parse(text))
    assert.deepEqual(readJson(Buffer.from(text)), JSON.parse(text))
  })
}

test('nesting is accepted up to the limit and refused one level beyond', () => {
  const nest = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  const nestObjects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

  assert.equal(refusal(nest(maxJsonDepth)), 'accepted')
  assert.equal(refusal(nest(maxJsonDepth + 1)), `nesting deeper than ${maxJsonDepth} at position ${maxJsonDepth}`)
  assert.equal(refusal(nestObjects(maxJsonDepth)), 'accepted')
  assert.match(refusal(nestObjects(maxJsonDepth + 1)), /^nesting deeper/)
  assert.match(refusal('['.repeat(1_000_000)), /^the text ends too early/)
})

test('bytes that are not UTF-8 are refused with their position', () => {
  const broken: readonly [number[], number][] = [
    [[0x22, 0x61, 0xff, 0x22], 2],
    [[0x22, 0xc3, 0xa9, 0xc3, 0x22], 3],
    [[0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    [[0x22, 0xc0, 0xaf, 0x22], 1],
    [[0x22, 0xf0, 0x9f, 0x98], 1],
    [[0xfe, 0xff], 0],
  ]

  for (const [bytes, position] of broken) {
    assert.equal(refusal(Buffer.from(bytes)), `a byte sequence is not UTF-8 at position ${position}`)
  }
})

test('an object of many members is read in linear time, and a repeated name among them is found', () => {
  const members = Array.from({ length: 60_000 }, (_, at) => `"n${at}":${at}`)
  const watch = startStopwatch()

  assert.equal(Object.keys(readJson(`{${members.join(',')}}`) as object).length, 60_000)
  assert.match(refusal(`{${members.join(',')},"n7":0}`), /^a second member of the same name/)
  assert.ok(watch.ms() < 2_000)
})

/** The extra rules, written plainly from the parsed value and the text; the reader is held against this. */
function breaksExtraRule(text: string): boolean {
  let breaks = !text.isWellFormed()
  const stack: { names: Set<string> | null }[] = []
  // Strings and structure; numbers and literals do not matter here.
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs
  let previous = ''
  for (const [part] of text.matchAll(token)) {
    const top = stack.at(-1)
    if (part.startsWith('"')) {
      const value: string = JSON.parse(part)
      if (!value.isWellFormed() || value.includes('\u0000')) breaks = true
      if (top?.names && (previous === '{' || previous === ',')) {
        if (value === '__proto__' || top.names.has(value)) breaks = true
        top.names.add(value)
      }
    } else if (part === '{' || part === '[') {
      stack.push({ names: part === '{' ? new Set() : null })
      if (stack.length > maxJsonDepth) breaks = true
    } else if (part === '}' || part === ']') {
      stack.pop()
    }
    previous = part
  }
  return breaks
}

const anyName = fc.oneof(
  fc.constantFrom('a', 'b', '__proto__', 'constructor', '\u0000', '\ud800', 'é', '😀', '"', '\\', ''),
  fc.string(),
)
const anyJson = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('true', 'false', 'null', '0', '-1.5e3'),
    fc.oneof(anyName, fc.string({ unit: 'binary' })).map((text) => JSON.stringify(text)),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
    // Members as pairs, so that names repeat.
    fc
      .array(fc.tuple(anyName, fc.boolean(), tie('value')), { maxLength: 40 })
      .map((members) => `{${members.map(([name, escaped, value]) => `${quote(name, escaped)}:${value}`).join(',')}}`),
  ),
})).value as fc.Arbitrary<string>

function quote(name: string, isEscaped: boolean): string {
  if (!isEscaped) return JSON.stringify(name)
  return `"${[...Array(name.length).keys()].map((at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
}

test('the JSON reader accepts exactly what JSON.parse accepts without the refused classes', () => {
  const property = fc.property(anyJson, (text) => {
    const outcome = refusal(text)
    if (breaksExtraRule(text)) return assert.notEqual(outcome, 'accepted')
    assert.equal(outcome, 'accepted')
    assert.deepEqual(readJson(text), JSON.parse(text))
  })
  fc.assert(property, { numRuns: 2_000 })
})

test('a text that JSON.parse refuses is refused with a position inside it', () => {
  const damaged = fc
    .tuple(anyJson, fc.nat(), fc.constantFrom('', ',', '}', ']', '"', '\\', 'x', '0', ' ', '\u0000', ':'))
    .map(([text, at, put]) => text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + 1))
  const property = fc.property(fc.oneof(damaged, fc.string()), (text) => {
    let isJson = true
    try {
      JSON.parse(text)
    } catch {
      isJson = false
    }
    if (isJson) return
    const fault = findJsonFault(text)
    assert.ok(fault.position >= 0 && fault.position <= text.length)
    // What stands before the fault is a good beginning: the same text cut there fails only because it ends.
    assert.notEqual(refusal(text), 'accepted')
    const cut = findJsonFault(text.slice(0, fault.position))
    assert.match(cut.reason, /^(no value|the text ends too early|a string without its end)$/)
  })
  fc.assert(property, { numRuns: 3_000 })
})
