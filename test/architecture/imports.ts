import type { Token } from './tokens.ts'

/** One import of a file, also `export ... from` and `import()`. */
export interface Import {
  readonly specifier: string
  /**
   * `type` when nothing is left of it at run time. `import { type A }` is a value import: with verbatimModuleSyntax the module is still
   * loaded.
   */
  readonly kind: 'value' | 'type'
  /** Names as exported by the other module; `*` for all of it, none for `import 'x'`. Names marked `type` inside are left out. */
  readonly names: readonly string[]
  readonly line: number
}

/** The imports of a source, in order. */
export function readImports(tokens: readonly Token[]): Import[] {
  const found: Import[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]
    if (token?.kind !== 'word' || tokens[at - 1]?.text === '.') continue
    if (token.text === 'import') found.push(...readImport(tokens, at))
    else if (token.text === 'export') found.push(...readReexport(tokens, at))
  }
  return found
}

function readImport(tokens: readonly Token[], start: number): Import[] {
  const next = tokens[start + 1]
  const line = tokens[start]?.line ?? 0
  if (next?.kind === 'string') return [{ specifier: next.text, kind: 'value', names: [], line }]
  if (next?.text === '(') {
    const argument = tokens[start + 2]
    return argument?.kind === 'string' ? [{ specifier: argument.text, kind: 'value', names: ['*'], line }] : []
  }
  if (next?.text === '.' || next === undefined) return []
  return readClause(tokens, start)
}

function readReexport(tokens: readonly Token[], start: number): Import[] {
  const next = tokens[start + 1]?.text === 'type' ? tokens[start + 2] : tokens[start + 1]
  return next?.text === '{' || next?.text === '*' ? readClause(tokens, start) : []
}

/** From `import` or `export` to the string after `from`; nothing when there is no `from`, as in `export { a }`. */
function readClause(tokens: readonly Token[], start: number): Import[] {
  const first = tokens[start + 1]
  // `import type from 'x'` imports a default export called type.
  const isType = first?.text === 'type' && tokens[start + 2]?.text !== 'from'
  const names: string[] = []
  for (let at = isType ? start + 2 : start + 1; at < tokens.length; at++) {
    const token = tokens[at]
    if (token?.text === 'from' && tokens[at + 1]?.kind === 'string') {
      const specifier = tokens[at + 1]?.text ?? ''
      return [{ specifier, kind: isType ? 'type' : 'value', names, line: tokens[start]?.line ?? 0 }]
    }
    if (token?.text === '*') names.push('*')
    else if (token?.text === 'as') at++
    else if (token?.text === 'type' && tokens[at + 1]?.kind === 'word' && tokens[at + 1]?.text !== 'as') at++
    else if (token?.kind === 'word') names.push(token.text)
    else if (token === undefined || !['{', '}', ','].includes(token.text)) return []
    // The end of `export { a }` without `from`.
    if (token?.text === '}' && tokens[at + 1]?.text !== 'from') return []
  }
  return []
}

/** True for a file in which nothing is declared: it only hands on what other files export. */
export function onlyReexports(tokens: readonly Token[]): boolean {
  let depth = 0
  let found = false
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'punctuation' && '})]'.includes(token.text)) depth--
    if (depth === 0 && token.startsLine && token.text !== '}') {
      if (token.text !== 'export' || readReexport(tokens, at).length === 0) return false
      found = true
    }
    if (token.kind === 'punctuation' && '{(['.includes(token.text)) depth++
  }
  return found
}
