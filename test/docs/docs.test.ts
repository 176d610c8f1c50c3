import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { contractPath, writeContract } from '../../tools/docs/contract.ts'
import { statusCodesPath, writeStatusCodes } from '../../tools/docs/status-codes.ts'
import { listBehaviours } from '../support/behaviour.ts'

const root = join(import.meta.dirname, '../..')
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...globSync('docs/**/*.md', { cwd: root }),
]
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

test('the page of status codes is what the table of errors gives', () => {
  assert.equal(read(statusCodesPath), writeStatusCodes(), 'it is stale; run: node tools/docs/main.ts')
})

test('the page of operations is what specification and code give, and has a row for each', () => {
  const page = writeContract()

  assert.equal(read(contractPath), page, 'it is stale; run: node tools/docs/main.ts')
  const listed = [...page.matchAll(/^\| (\w+)<br>`(\w+ [^`]+)` \|/gm)].map(([, name, path]) => `${name} ${path}`)
  const promised = listBehaviours().map(({ operation, method, path }) => `${operation} ${method} ${path}`)
  assert.deepEqual(listed.sort(), promised.sort())
})

for (const page of pages) {
  test(`every file that ${page} names is there`, () => {
    const named = [...read(page).matchAll(/`((?:src|test|tools|docs|spec|bench)\/[\w./*-]+)`/g)].map(
      (match) => match[1] ?? '',
    )
    const missing = named.filter((path) => !path.includes('...') && !path.includes('<') && isMissing(path))

    assert.deepEqual(missing, [])
  })

  test(`every link of ${page} into the repository leads somewhere`, () => {
    const targets = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] ?? '')

    assert.deepEqual(
      targets.filter((target) => !existsSync(join(root, dirname(page), target))),
      [],
    )
  })
}

test('every function that the walks name stands in the file they name', () => {
  const missing: string[] = []
  const lines = read('docs/architecture.md').split('\n')
  let steps = 0
  for (const line of lines.filter((text) => text.startsWith('|') && text.includes('`src/'))) {
    for (const [, path = '', names = ''] of line.matchAll(/`(src\/[\w./-]+\.ts)`((?:,? `\w+`)+)/g)) {
      steps++
      for (const [, name = ''] of names.matchAll(/`(\w+)`/g)) {
        if (!new RegExp(`function\\*? ${name}\\b|const ${name}\\b`).test(read(path))) missing.push(`${path} ${name}`)
      }
    }
  }

  assert.deepEqual(missing, [])
  assert.ok(steps > 30, `only ${steps} steps were found`)
})

function isMissing(path: string): boolean {
  return path.includes('*') ? globSync(path, { cwd: root }).length === 0 : !existsSync(join(root, path))
}
