import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { judge, readAllowed } from './allowed.ts'
import { checkCycles, checkShape, checkSizes, checkWords } from './budgets.ts'
import { findFunctions } from './functions.ts'
import { readImports } from './imports.ts'
import { checkSides } from './sides.ts'
import { readTokens } from './tokens.ts'
import { makeTree, type Tree, type Violation } from './tree.ts'
import { checkWalls } from './walls.ts'

const found = (check: (tree: Tree) => Violation[], files: Readonly<Record<string, string>>): string[] =>
  check(makeTree(files)).map((violation) => `${violation.rule} ${violation.path}`)

const empty = 'export const a = 1\n'

const crossings: readonly (readonly [from: string, to: string])[] = [
  ['src/model/a.ts', 'src/io/b.ts'],
  ['src/io/a.ts', 'src/store/b.ts'],
  ['src/protocol/a.ts', 'src/io/b.ts'],
  ['src/store/a.ts', 'src/access/b.ts'],
  ['src/jobs/a.ts', 'src/respond/b.ts'],
  ['src/access/a.ts', 'src/jobs/b.ts'],
  ['src/agents/a.ts', 'src/access/b.ts'],
  ['src/connectors/connector.ts', 'src/store/b.ts'],
  ['src/connectors/identity/ldap/index.ts', 'src/connectors/identity/okta/client.ts'],
  ['src/connectors/identity/ldap/index.ts', 'src/connectors/registry.ts'],
  ['src/connectors/identity/ldap/index.ts', 'src/agents/b.ts'],
  ['src/connectors/endpoint/cordon-agent/index.ts', 'src/store/b.ts'],
  ['src/connectors/registry.ts', 'src/connectors/identity/ldap/client.ts'],
  ['src/connectors/registry.ts', 'src/store/b.ts'],
  ['src/intake/a.ts', 'src/respond/b.ts'],
  ['src/notify/a.ts', 'src/intake/b.ts'],
  ['src/respond/a.ts', 'src/connectors/identity/ldap/index.ts'],
  ['src/respond/a.ts', 'src/agents/b.ts'],
  ['src/api/a.ts', 'src/connectors/registry.ts'],
  ['src/api/graph/security/a.ts', 'src/jobs/b.ts'],
  ['src/agent/a.ts', 'src/io/b.ts'],
  ['src/portal/a.ts', 'src/api/b.ts'],
  ['src/store/a.ts', 'src/main.ts'],
  ['src/model/a.ts', 'test/support/b.ts'],
]

for (const [from, to] of crossings) {
  test(`${from} may not import ${to}`, () => {
    const up = '../'.repeat(from.split('/').length - 1)

    assert.deepEqual(found(checkWalls, { [from]: `import { a } from '${up}${to}'\n`, [to]: empty }), [`import ${from}`])
    assert.deepEqual(found(checkWalls, { [from]: `import type { a } from '${up}${to}'\n`, [to]: empty }), [
      `import ${from}`,
    ])
  })
}

const permitted: readonly (readonly [from: string, to: string])[] = [
  ['src/io/a.ts', 'src/model/b.ts'],
  ['src/store/a.ts', 'src/io/b.ts'],
  ['src/store/a.ts', 'src/store/deep/b.ts'],
  ['src/agents/a.ts', 'src/protocol/b.ts'],
  ['src/connectors/registry.ts', 'src/connectors/identity/ldap/index.ts'],
  ['src/connectors/identity/ldap/index.ts', 'src/connectors/identity/ldap/client.ts'],
  ['src/connectors/endpoint/cordon-agent/index.ts', 'src/agents/b.ts'],
  ['src/respond/a.ts', 'src/connectors/registry.ts'],
  ['src/api/a.ts', 'src/respond/b.ts'],
  ['src/agent/a.ts', 'src/protocol/b.ts'],
  ['src/cli/a.ts', 'src/agent/b.ts'],
  ['src/main.ts', 'src/connectors/registry.ts'],
  ['tools/a.ts', 'src/api/b.ts'],
]

for (const [from, to] of permitted) {
  test(`${from} may import ${to}`, () => {
    const up = '../'.repeat(from.split('/').length - 1)

    assert.deepEqual(found(checkWalls, { [from]: `import { a } from '${up || './'}${to}'\n`, [to]: empty }), [])
  })
}

test('the portal’s own pages may use packages and no module of the platform', () => {
  const files = {
    'src/portal/app/a.ts': "import react from 'react'\n",
    'src/portal/app/b.ts': "import { x } from 'node:fs'\n",
    'src/portal/app/c.tsx': "import { x } from 'react'\nexport const a = <b>it</b>\n",
  }

  assert.deepEqual(found(checkWalls, files), ['package src/portal/app/b.ts'])
})

test('model and portal use no module of the platform, and the agent none but that', () => {
  const files = {
    'src/model/a.ts': "import { x } from 'node:fs'\n",
    'src/portal/a.ts': "import react from 'react'\n",
    'src/agent/a.ts': "import { x } from 'node:fs'\nimport { pino } from 'pino'\n",
    'src/store/a.ts': "import { Kysely } from 'kysely'\n",
  }

  assert.deepEqual(found(checkWalls, files), [
    'package src/model/a.ts',
    'package src/portal/a.ts',
    'package src/agent/a.ts',
  ])
})

test('a file in an unknown folder of src has no rules and is refused', () => {
  assert.deepEqual(found(checkWalls, { 'src/helpers/a.ts': empty }), ['import src/helpers/a.ts'])
})

test('an import that names no file is refused, as one without extension', () => {
  const files = { 'src/store/a.ts': "import { b } from './b'\n", 'src/store/b.ts': empty }

  assert.deepEqual(found(checkWalls, files), ['import src/store/a.ts'])
})

test('api calls reading store functions only', () => {
  const files = {
    'src/api/a.ts': "import { type Tx, readTask, insertTask } from '../store/tasks.ts'\n",
    'src/store/tasks.ts': empty,
  }

  assert.deepEqual(found(checkWalls, files), ['read-only-store src/api/a.ts'])
})

test('files over 400 lines are found, generated ones are not', () => {
  const long = 'export const a = 1\n'.repeat(401)
  const files = { 'src/store/a.ts': long, 'src/store/b.ts': long.slice(19), 'src/model/generated.ts': long }

  assert.deepEqual(found(checkSizes, files), ['file-length src/store/a.ts'])
})

const functionForms: readonly (readonly [name: string, head: string, tail: string])[] = [
  ['a function', 'function run(a: string): { b: number } {', '}'],
  ['an exported generic function', 'export async function run<T extends { a: string }>(a: T): Promise<T> {', '}'],
  ['a generator', 'function* run(): Generator<number> {', '}'],
  ['a type guard', 'function isRun(value: unknown): value is string {', '}'],
  ['an anonymous function', 'const run = function (a = { b: 1 }) {', '}'],
  ['a method', 'const o = {\n  async run(a: string): Promise<void> {', '}\n}'],
  ['a constructor', 'class Run {\n  constructor(a: string) {', '}\n}'],
  ['a getter', 'class Run {\n  get a(): string[] {', '}\n}'],
  ['an arrow bound to a name', 'const run = async (a: string): Promise<void> => {', '}'],
  ['an arrow in an object', 'const o = {\n  run: (a) => {', '}\n}'],
  ['an arrow handed to a call', 'call(async (a) => {', '})'],
  ['an arrow with an object as its value', 'const run = (a: string) => ({', '})'],
  ['an arrow with a chain as its value', 'const run = (a: string[]) =>\n  a.map(', ')'],
]

for (const [name, head, tail] of functionForms) {
  test(`${name} over 70 lines is found`, () => {
    const source = (lines: number): string => `${head}\n${'\n'.repeat(lines)}x\n${tail}\nconst after = 1\n`

    assert.deepEqual(found(checkSizes, { 'src/store/a.ts': source(70) }), ['function-length src/store/a.ts'])
    assert.deepEqual(found(checkSizes, { 'src/store/a.ts': source(60) }), [])
  })
}

test('a list of tests is no function, a helper beside it is one', () => {
  const lines = '\n'.repeat(80)
  const files = {
    'test/a.test.ts': `describe('a', () => {${lines}})\n`,
    'test/b.test.ts': `const help = () => {${lines}}\n`,
    'src/store/a.ts': `call(() => {${lines}})\n`,
  }

  assert.deepEqual(found(checkSizes, files), ['function-length test/b.test.ts', 'function-length src/store/a.ts'])
})

test('what looks like a function and is none has no length', () => {
  const source = [
    'interface A { run(a: string): void\n other: (a: string) => void }',
    'declare function over(a: string): void',
    'if (a) { b() }',
    'const x = a ? call(b) : c',
    'for (const y of call(x)) { z() }',
    "const text = 'function hidden() {'",
    'const pattern = /function hidden() {/',
    '// function hidden() {',
  ].join('\n')

  assert.deepEqual(
    findFunctions(readTokens(source)).map(({ name }) => name),
    ['arrow'],
  )
})

test('a folder of more than 15 entries is found, a list of equals is not', () => {
  const files: Record<string, string> = {}
  for (let at = 0; at < 16; at++) {
    files[`src/jobs/a${at}.ts`] = empty
    files[`src/intake/sources/a${at}.ts`] = empty
    files[`src/access/a${at}.${at === 0 ? 'test.ts' : 'ts'}`] = empty
    files[`src/agents/a${at}/b.ts`] = empty
  }

  assert.deepEqual(found(checkSizes, files), ['folder-size src/jobs', 'folder-size src/agents'])
})

test('value imports in a circle are found, type imports close none', () => {
  const circle = {
    'src/store/a.ts': "import { b } from './b.ts'\n",
    'src/store/b.ts': "export { c } from './c.ts'\n",
    'src/store/c.ts': "import './a.ts'\n",
  }
  const broken = { ...circle, 'src/store/c.ts': "import type { a } from './a.ts'\n" }
  const marked = { ...circle, 'src/store/c.ts': "import { type a } from './a.ts'\n" }

  assert.deepEqual(found(checkCycles, circle), ['cycle src/store/a.ts'])
  assert.deepEqual(found(checkCycles, broken), [])
  assert.deepEqual(found(checkCycles, marked), ['cycle src/store/a.ts'])
})

test('a file that only hands on others is found', () => {
  const files = {
    'src/store/index.ts':
      "// all of it\nexport { a } from './a.ts'\nexport {\n  b,\n} from './b.ts'\nexport type * from './c.ts'\n",
    'src/store/a.ts': "import { b } from './b.ts'\nexport { b }\n",
    'src/store/b.ts': "export { c } from './c.ts'\nexport const b = 1\n",
  }

  const barrels = found(checkShape, files).filter((line) => line.startsWith('barrel'))

  assert.deepEqual(barrels, ['barrel src/store/index.ts'])
})

test('a file that more than a quarter of the others import is found outside model and io', () => {
  const files: Record<string, string> = {
    'src/store/all.ts': empty,
    'src/io/all.ts': empty,
    'src/store/some.ts': empty,
  }
  for (let at = 0; at < 17; at++) {
    const some = at < 5 ? "import type { a } from './some.ts'\n" : ''
    const all = at < 6 ? "import type { a } from './all.ts'\n" : ''
    files[`src/store/a${at}.ts`] = `${some}${all}import { a } from '../io/all.ts'\n`
  }

  assert.deepEqual(found(checkShape, files), ['fan-in src/store/all.ts'])
})

const words: readonly (readonly [name: string, path: string, source: string, rule: string | null])[] = [
  ['any as a type', 'src/store/a.ts', 'const a: any = 1', 'any'],
  ['any as an argument of a type', 'tools/a.ts', 'type A = Map<string, any>', 'any'],
  ['a cast to any', 'src/store/a.ts', 'const a = b as any', 'any'],
  ['any of an array', 'bench/a.ts', 'let a: any[] = []', 'any'],
  ['any in a test', 'test/a.test.ts', 'let a: any[] = []', null],
  ['any in a generated file', 'src/model/generated.ts', 'const a: any = 1', null],
  ['any as a name', 'src/store/a.ts', "const b = Promise.any(c); d({ any: 1, e: 'any' })", null],
  ['the environment', 'src/cli/a.ts', 'const a = process.env.HOME', 'environment'],
  ['the environment in io/env.ts', 'src/io/env.ts', 'const a = process.env.HOME', null],
  ['the environment in a test', 'test/a.ts', 'const a = process.env.HOME', null],
  ['Date.now', 'src/respond/a.ts', 'const a = Date.now()', 'clock'],
  ['a date of now', 'src/respond/a.ts', 'const a = new Date()', 'clock'],
  ['a date of now without brackets', 'src/respond/a.ts', 'const a = new Date', 'clock'],
  ['a date of something', 'src/respond/a.ts', 'const a = new Date(ms)', null],
  ['a random id', 'src/agents/a.ts', "import { randomUUID } from 'node:crypto'", 'clock'],
  ['the clock itself', 'src/io/clock.ts', 'const a = Date.now()', null],
  ["the agent's clock", 'src/agent/host/clock.ts', 'const a = Date.now()', null],
  ['a query', 'src/access/a.ts', "db.selectFrom('users')", 'sql'],
  ['a query in the store', 'src/store/a.ts', "db.selectFrom('users')", null],
  ['the query builder', 'src/access/a.ts', "import { sql } from 'kysely'", 'sql'],
  ['the driver', 'src/agents/a.ts', "import { DatabaseSync } from 'node:sqlite'", 'sql'],
]

for (const [name, path, source, rule] of words) {
  test(`${name} in ${path} is ${rule === null ? 'fine' : 'found'}`, () => {
    assert.deepEqual(found(checkWords, { [path]: source }), rule === null ? [] : [`${rule} ${path}`])
  })
}

test('imports are read in every form', () => {
  const source = `
    import a from 'a'
    import * as b from "b"
    import { c, type D, e as f } from './c.ts'
    import type { G } from 'g'
    import 'h'
    export { i } from 'i'
    export * from 'j'
    export type { K } from 'k'
    const l = await import('l')
    const url = import.meta.url
    export { a }
    export const from = 'x'
    const text = "import m from 'm'"
    const template = \`import n from 'n' \${await import('o')}\`
  `

  assert.deepEqual(
    readImports(readTokens(source)).map(({ specifier, kind, names }) => `${kind} ${specifier} ${names.join(' ')}`),
    [
      'value a a',
      'value b *',
      'value ./c.ts c e',
      'type g G',
      'value h ',
      'value i i',
      'value j *',
      'type k K',
      'value l *',
      'value o *',
    ],
  )
})

test('a class or style that means one side is found, also behind a variant; one that follows the language is not', () => {
  const tree = makeTree({
    'src/portal/app/a.tsx': [
      'const a = <p className="ms-2 md:ml-2 text-end" />',
      "const b = <p className={`border-s-2 [&_p]:-left-1 ` + (c ? 'text-left' : 'rounded-e')} />",
      'const d = <p className="mx-2 start-0 inset-x-0 plain left">The right-hand side</p>',
      'const e = <p style={{ marginLeft: 2, marginInlineStart: 2 }} />',
    ].join('\n'),
    'src/portal/app/a.css': 'p { margin-left: 2px; margin-inline: 2px }\n  left: 2px;\n  text-align: right',
    'src/api/a.ts': "const a = 'ml-2'",
  })

  assert.deepEqual(
    checkSides(tree).map(({ path, detail }) => `${path} ${detail}`),
    [
      'src/portal/app/a.tsx line 1: md:ml-2',
      'src/portal/app/a.tsx line 2: [&_p]:-left-1',
      'src/portal/app/a.tsx line 2: text-left',
      'src/portal/app/a.tsx line 4: marginLeft',
      'src/portal/app/a.css line 1: margin-left',
      'src/portal/app/a.css line 2: left',
      'src/portal/app/a.css line 3: right',
    ],
  )
})

test('strings, templates, comments and regular expressions hide nothing and swallow nothing', () => {
  const template = '`$' + '{c(`}`)}`'
  const source = `a('it\\'s // no comment') /* 'x\n */ b(${template}) / 2; d = /[/'"]\\//g; e()`

  assert.deepEqual(
    readTokens(source)
      .filter((token) => token.kind === 'word')
      .map((token) => token.text),
    ['a', 'b', 'c', 'd', 'e'],
  )
})

test('an exception silences its rule in its file only, and must be needed', () => {
  const violations: Violation[] = [
    { rule: 'any', path: 'src/a.ts', detail: 'line 1' },
    { rule: 'any', path: 'src/b.ts', detail: 'line 2' },
  ]
  const allowed = [
    { rule: 'any', path: 'src/a.ts', reason: 'a reason that is long enough' },
    { rule: 'sql', path: 'src/a.ts', reason: 'a reason that is long enough' },
  ]

  const wrong = judge(violations, allowed)

  assert.equal(wrong.length, 2)
  assert.match(wrong[0] ?? '', /^any src\/b\.ts: line 2/)
  assert.match(wrong[1] ?? '', /^sql src\/a\.ts: .*no longer needed/)
})

test('an exception without a reason, or one that stands twice, is refused', (t) => {
  const entry = { rule: 'any', path: 'src/a.ts', reason: 'a reason that is long enough' }

  assert.throws(() => readAllowed(writeList(t, [{ ...entry, reason: '' }])), /reason/)
  assert.throws(() => readAllowed(writeList(t, [entry, entry])), /twice/)
  assert.deepEqual(readAllowed(writeList(t, [entry])), [entry])
})

function writeList(t: TestContext, entries: readonly object[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-allowed-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'allow.json')
  writeFileSync(path, JSON.stringify(entries))
  return path
}
