import { posix } from 'node:path'
import { findFunctions } from './functions.ts'
import { onlyReexports } from './imports.ts'
import { resolveImport, type Source, type Tree, type Violation } from './tree.ts'

/** @source design house 2.6 */
const maxFileLines = 400
const maxFunctionLines = 70
const maxFolderEntries = 15
const maxImportedShare = 0.25

/** Lists of equals: folders that grow with every connector, source, action or verb. */
const listsOfEquals =
  /^(src\/connectors\/[^/]+|src\/intake\/sources|src\/notify\/channels|src\/store|src\/store\/migrations|src\/agent\/actions|src\/api\/(graph|v1|agent)(\/.*)?|src\/cli)$/

const generated = /(^|\/|\.)generated\.ts$/

/** Files, functions and folders above their size. */
export function checkSizes(tree: Tree): Violation[] {
  const found: Violation[] = []
  for (const source of tree.sources.values()) {
    if (generated.test(source.path)) continue
    if (source.lines > maxFileLines) {
      found.push({ rule: 'file-length', path: source.path, detail: `${source.lines} lines; at most ${maxFileLines}` })
    }
    for (const { name, isArgument, line, lines } of findFunctions(source.tokens)) {
      // The body of a test or of a group of tests is a list, not a function somebody calls.
      if (lines <= maxFunctionLines || (isArgument && source.path.endsWith('.test.ts'))) continue
      const detail = `line ${line}: ${name} has ${lines} lines; at most ${maxFunctionLines}`
      found.push({ rule: 'function-length', path: source.path, detail })
    }
  }
  return [...found, ...checkFolders(tree)]
}

function checkFolders(tree: Tree): Violation[] {
  const entries = new Map<string, Set<string>>()
  for (const path of tree.paths) {
    if (!path.startsWith('src/') || path.endsWith('.test.ts')) continue
    for (let child = path; child.includes('/'); child = posix.dirname(child)) {
      const folder = posix.dirname(child)
      entries.set(folder, (entries.get(folder) ?? new Set()).add(child))
    }
  }
  return [...entries]
    .filter(([folder, children]) => children.size > maxFolderEntries && !listsOfEquals.test(folder))
    .map(([path, children]) => ({
      rule: 'folder-size',
      path,
      detail: `${children.size} entries; at most ${maxFolderEntries}`,
    }))
}

/** Files that hand on what others export, and files half the product hangs on. */
export function checkShape(tree: Tree): Violation[] {
  const found: Violation[] = []
  const importers = new Map<string, number>()
  const sources = [...tree.sources.values()].filter((source) => source.path.startsWith('src/'))
  for (const source of sources) {
    if (onlyReexports(source.tokens)) {
      found.push({ rule: 'barrel', path: source.path, detail: 'only hands on what other files export' })
    }
    for (const target of new Set(listTargets(source))) importers.set(target, (importers.get(target) ?? 0) + 1)
  }
  const most = Math.floor(sources.length * maxImportedShare)
  for (const [path, count] of importers) {
    if (count <= most || /^src\/(model|io)\//.test(path)) continue
    found.push({ rule: 'fan-in', path, detail: `imported by ${count} of ${sources.length} files; at most ${most}` })
  }
  return found
}

function listTargets(source: Source): string[] {
  return source.imports.flatMap((imported) => resolveImport(source.path, imported.specifier) ?? [])
}

/** Groups of files that import each other in a circle by value imports, each reported once. */
export function checkCycles(tree: Tree): Violation[] {
  const state = new Map<string, 'open' | 'done'>()
  const found: Violation[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const source = tree.sources.get(path)
    if (source === undefined || state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      const circle = [...trail.slice(trail.indexOf(path)), path]
      found.push({ rule: 'cycle', path: [...circle].sort()[0] ?? path, detail: circle.join(' -> ') })
      return
    }
    state.set(path, 'open')
    for (const imported of source.imports) {
      if (imported.kind === 'type') continue
      const target = resolveImport(path, imported.specifier)
      if (target !== null) visit(target, [...trail, path])
    }
    state.set(path, 'done')
  }
  for (const path of tree.sources.keys()) visit(path, [])
  return found
}

const beforeType = new Set([':', '<', '|', '&', '=', 'as', '=>', 'is', 'satisfies', 'extends'])

/** Words that belong to one place only: any, the environment, the clock, random ids and SQL. */
export function checkWords(tree: Tree): Violation[] {
  return [...tree.sources.values()]
    .filter((source) => !generated.test(source.path))
    .flatMap((source) => [...findAny(source), ...(source.path.startsWith('src/') ? findMisplaced(source) : [])])
}

/** Tests look into answers of every shape; there the linter asks for a reason each time. */
function findAny(source: Source): Violation[] {
  if (!source.path.endsWith('.ts') || source.path.startsWith('test/')) return []
  return source.tokens
    .filter((token, at) => {
      const [before, after] = [source.tokens[at - 1]?.text ?? '', source.tokens[at + 1]?.text ?? '']
      if (token.kind !== 'word' || token.text !== 'any') return false
      return (
        (beforeType.has(before) || (before === ',' && [',', '>'].includes(after))) && after !== '(' && after !== '.'
      )
    })
    .map((token) => ({ rule: 'any', path: source.path, detail: `line ${token.line}` }))
}

/** Methods of Kysely that begin a statement. */
const statements = new Set([
  'selectFrom',
  'insertInto',
  'updateTable',
  'deleteFrom',
  'replaceInto',
  'mergeInto',
  'executeQuery',
])
const databasePackages = /^(kysely(\/.*)?|pg|node:sqlite)$/

function findMisplaced(source: Source): Violation[] {
  const { path, tokens } = source
  const found: Violation[] = []
  const inStore = path.startsWith('src/store/')
  const mayTellTime = path === 'src/io/clock.ts' || path.startsWith('src/agent/host/') || path.startsWith('src/portal/')
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== 'word') continue
    const next = tokens.slice(at + 1, at + 4).map((other) => other.text)
    const line = `line ${token.line}`
    if (token.text === 'process' && next[0] === '.' && next[1] === 'env' && path !== 'src/io/env.ts') {
      found.push({ rule: 'environment', path, detail: `${line}: process.env` })
    }
    if (!mayTellTime && tellsTime(token.text, next))
      found.push({ rule: 'clock', path, detail: `${line}: ${token.text}` })
    if (!inStore && tokens[at - 1]?.text === '.' && statements.has(token.text)) {
      found.push({ rule: 'sql', path, detail: `${line}: ${token.text}` })
    }
  }
  if (!inStore) {
    for (const imported of source.imports) {
      if (!databasePackages.test(imported.specifier)) continue
      found.push({ rule: 'sql', path, detail: `line ${imported.line}: ${imported.specifier}` })
    }
  }
  return found
}

function tellsTime(word: string, next: readonly string[]): boolean {
  if (word === 'Date') return next[0] === '.' && next[1] === 'now'
  if (word === 'new') return next[0] === 'Date' && (next[1] !== '(' || next[2] === ')')
  return word === 'randomUUID'
}
