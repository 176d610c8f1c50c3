import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { contractPath, generate } from '../../tools/generate/generate.ts'

const root = join(import.meta.dirname, '../..')
const contract = readFileSync(join(root, contractPath), 'utf8')
const run = promisify(execFile)

test('the checked-in generated files are what the contract gives', () => {
  const files = generate(contract)

  assert.deepEqual([...files.keys()].sort(), ['src/api/graph/metadata.generated.ts', 'src/model/generated.ts'])
  for (const [path, content] of files) {
    assert.equal(readFileSync(join(root, path), 'utf8'), content, `${path} is stale; run: npm run generate`)
  }
})

test('generating twice gives the same bytes', () => {
  assert.deepEqual(generate(contract), generate(contract))
})

test('--check passes on a fresh tree and fails with the file and the remedy on a stale one', async (t) => {
  const copy = mkdtempSync(join(tmpdir(), 'cordon-generate-'))
  t.after(() => rmSync(copy, { recursive: true }))
  for (const path of [
    'tools/generate',
    'spec',
    'src/model/generated.ts',
    'src/api/graph/metadata.generated.ts',
    'package.json',
  ]) {
    cpSync(join(root, path), join(copy, path), { recursive: true })
  }
  const check = () => run(process.execPath, [join(copy, 'tools/generate/main.ts'), '--check'])
  const fresh = await check()
  appendFileSync(join(copy, 'src/model/generated.ts'), '// edited by hand\n')

  const stale = await check().catch((error: unknown) => error)

  assert.match(fresh.stdout, /fit/)
  assert.ok(stale instanceof Error && 'code' in stale && 'stderr' in stale)
  assert.equal(stale.code, 1)
  assert.match(String(stale.stderr), /src\/model\/generated\.ts.*npm run generate/)
})

const faults: readonly [name: string, from: string, to: string, message: RegExp][] = [
  [
    'an unknown attribute',
    '<EntityType Name="incident"',
    '<EntityType Nam="x" Name="incident"',
    /unknown attribute Nam/,
  ],
  ['an unknown type', 'Type="self.incidentStatus"', 'Type="self.incidentState"', /unknown type self\.incidentState/],
  ['an unknown term', 'Term="Cordon.Writable"', 'Term="Cordon.Writeable"', /unknown term Cordon\.Writeable/],
  [
    'a term where it does not apply',
    'Term="Cordon.IgnoredInPatch" String="comment"',
    'Term="Cordon.Writable"',
    /does not apply/,
  ],
  [
    'a tag with a value',
    'Term="Cordon.EmptyIsNull"',
    'Term="Cordon.EmptyIsNull" String="x"',
    /unknown attribute String/,
  ],
  [
    'a limit that is no number',
    'Term="Cordon.MaxItems" Int="100"',
    'Term="Cordon.MaxItems" Int="many"',
    /is an integer/,
  ],
  [
    'a default that is no member',
    'Term="Cordon.Default" String="active"',
    'Term="Cordon.Default" String="open"',
    /no value of/,
  ],
  [
    'an enum value that stands twice',
    'Name="redirected" Value="64"',
    'Name="redirected" Value="4"',
    /a value stands twice/,
  ],
  ['a property declared twice', 'Name="systemTags"', 'Name="customTags"', /a property is declared twice/],
  ['a type declared twice', 'ComplexType Name="stream"', 'ComplexType Name="fileHash"', /declared twice/],
  [
    'an element that is not closed',
    '</Schema>\n    <Schema Namespace="Cordon"',
    '<Schema Namespace="Cordon"',
    /closes|closed/,
  ],
  ['text between elements', '<Key>', '<Key>text', /unexpected text/],
  ['a document type', '<edmx:Edmx ', '<!DOCTYPE x><edmx:Edmx ', /unexpected text/],
  ['an unknown entity', 'String="comment"', 'String="&comment;"', /unknown entity/],
]

for (const [name, from, to, message] of faults) {
  test(`the generator refuses ${name} and names the line`, () => {
    assert.ok(contract.includes(from), 'the fault has a place to stand')

    const broken = contract.replace(from, to)

    assert.throws(
      () => generate(broken),
      (error: Error) => /^line \d+/.test(error.message) && message.test(error.message),
    )
  })
}
