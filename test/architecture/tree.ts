import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { type Import, readImports } from './imports.ts'
import { readTokens, type Token } from './tokens.ts'

/** A source file as the rules see it. */
export interface Source {
  /** From the root of the repository: `src/store/db.ts`. */
  readonly path: string
  readonly lines: number
  readonly tokens: readonly Token[]
  readonly imports: readonly Import[]
}

/** The sources under check, and every other file by its path, for the size of folders. */
export interface Tree {
  readonly sources: ReadonlyMap<string, Source>
  readonly paths: readonly string[]
  /** Every source and style sheet as it is written. */
  readonly texts: ReadonlyMap<string, string>
}

/** A rule that a file breaks. */
export interface Violation {
  readonly rule: Rule
  /** A file, or a folder for the rule about folders. */
  readonly path: string
  readonly detail: string
}

/** Names of the rules, as they stand in test/architecture.allow.json. */
export type Rule =
  | 'import'
  | 'package'
  | 'read-only-store'
  | 'cycle'
  | 'fan-in'
  | 'barrel'
  | 'file-length'
  | 'function-length'
  | 'folder-size'
  | 'any'
  | 'environment'
  | 'clock'
  | 'sql'
  | 'side'

const isSource = (path: string): boolean => /\.(ts|tsx|js|mjs)$/.test(path)

/** Makes a tree of files given as text, by their path. */
export function makeTree(files: Readonly<Record<string, string>>): Tree {
  const sources = new Map<string, Source>()
  for (const [path, text] of Object.entries(files)) {
    if (!isSource(path)) continue
    const tokens = readTokens(text)
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
    sources.set(path, { path, lines, tokens, imports: readImports(tokens) })
  }
  const texts = new Map(Object.entries(files).filter(([path]) => isSource(path) || path.endsWith('.css')))
  return { sources, paths: Object.keys(files), texts }
}

/** Reads the folders of the repository that the rules are about. */
export function readTree(root: string, folders: readonly string[]): Tree {
  const files: Record<string, string> = {}
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = posix.join(folder, posix.relative(join(root, folder), join(entry.parentPath, entry.name)))
      files[path] = isSource(path) || path.endsWith('.css') ? readFileSync(join(root, path), 'utf8') : ''
    }
  }
  return makeTree(files)
}

/**
 * The path of a relative import from the root of the repository; null for packages and node: modules. What the build is told about a file
 * stands behind a question mark and is no part of its name.
 */
export function resolveImport(from: string, specifier: string): string | null {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier.replace(/\?.*$/, '')) : null
}
