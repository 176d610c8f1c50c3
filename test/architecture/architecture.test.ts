import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { judge, readAllowed } from './allowed.ts'
import { checkCycles, checkShape, checkSizes, checkWords } from './budgets.ts'
import { checkSides } from './sides.ts'
import { readTree, type Tree, type Violation } from './tree.ts'
import { checkWalls } from './walls.ts'

const root = join(import.meta.dirname, '../..')
const tree = readTree(root, ['src', 'test', 'bench', 'tools'])
const allowed = readAllowed(join(root, 'test/architecture.allow.json'))

const rules: readonly (readonly [name: string, check: (tree: Tree) => Violation[], rules: readonly string[]])[] = [
  ['no import crosses a wall', checkWalls, ['import', 'package', 'read-only-store']],
  ['files, functions and folders keep their size', checkSizes, ['file-length', 'function-length', 'folder-size']],
  ['no file hands on others, and no file carries half the product', checkShape, ['barrel', 'fan-in']],
  ['no value imports run in a circle', checkCycles, ['cycle']],
  ['any, environment, clock and SQL stay in their places', checkWords, ['any', 'environment', 'clock', 'sql']],
  ['the portal names no left and no right, so that it can be turned', checkSides, ['side']],
]

for (const [name, check, names] of rules) {
  test(name, () => {
    const wrong = judge(
      check(tree),
      allowed.filter((entry) => names.includes(entry.rule)),
    )

    assert.deepEqual(wrong, [])
  })
}

test('every exception names a rule there is', () => {
  const known = new Set(rules.flatMap(([, , names]) => names))

  assert.deepEqual(
    allowed.filter((entry) => !known.has(entry.rule)),
    [],
  )
})
