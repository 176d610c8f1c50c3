import type { Token } from './tokens.ts'

/** A function of a source: named, method, constructor or arrow. */
export interface FoundFunction {
  /** Its name; `arrow` for an arrow function, whatever it is bound to. */
  readonly name: string
  /** True for an arrow function handed straight to a call. */
  readonly isArgument: boolean
  readonly line: number
  /** Lines from its first to its last token. */
  readonly lines: number
}

const notMethods = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'function', 'return', 'await', 'typeof'])
const closes: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' }

/** The functions of a source with their lengths. */
export function findFunctions(tokens: readonly Token[]): FoundFunction[] {
  const found: FoundFunction[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]
    if (token?.text === 'function' && token.kind === 'word') add(found, tokens, at, readDeclared(tokens, at))
    else if (token?.text === '=>') addArrow(found, tokens, at)
    else if (isMethodName(tokens, at)) add(found, tokens, at, readSignature(tokens, at, at + 1))
  }
  return found
}

function add(
  found: FoundFunction[],
  tokens: readonly Token[],
  start: number,
  read: { readonly name: string; readonly end: number } | null,
): void {
  if (read === null) return
  const line = tokens[start]?.line ?? 0
  found.push({ name: read.name, isArgument: false, line, lines: (tokens[read.end]?.line ?? line) - line + 1 })
}

function readDeclared(tokens: readonly Token[], start: number): { name: string; end: number } | null {
  let at = start + 1
  if (tokens[at]?.text === '*') at++
  return tokens[at]?.kind === 'word' ? readSignature(tokens, at, at + 1) : readSignature(tokens, start, at)
}

/** Reads `(...)`, a return type and a body. @returns null when there is no body: an overload, a type, or no function at all */
function readSignature(tokens: readonly Token[], name: number, next: number): { name: string; end: number } | null {
  let at = tokens[next]?.text === '<' ? skipAngles(tokens, next) : next
  if (tokens[at]?.text !== '(') return null
  at = skipBrackets(tokens, at)
  if (tokens[at]?.text === ':') at = skipType(tokens, at + 1)
  if (tokens[at]?.text !== '{') return null
  return { name: tokens[name]?.text ?? '', end: skipBrackets(tokens, at) - 1 }
}

function isMethodName(tokens: readonly Token[], at: number): boolean {
  const token = tokens[at]
  if (token?.kind !== 'word' || notMethods.has(token.text)) return false
  if (tokens[at + 1]?.text !== '(' && tokens[at + 1]?.text !== '<') return false
  const before = tokens[at - 1]?.text
  return before !== '.' && before !== '?.' && before !== 'function' && before !== 'new' && before !== '*'
}

function addArrow(found: FoundFunction[], tokens: readonly Token[], arrow: number): void {
  const line = tokens[arrow]?.line ?? 0
  const body = tokens[arrow + 1]
  const end = body?.text === '{' ? skipBrackets(tokens, arrow + 1) - 1 : skipExpression(tokens, arrow + 1) - 1
  found.push({
    name: 'arrow',
    isArgument: isArgument(tokens, arrow),
    line,
    lines: (tokens[end]?.line ?? line) - line + 1,
  })
}

function isArgument(tokens: readonly Token[], arrow: number): boolean {
  let start = arrow - 1
  if (tokens[start]?.text === ')') {
    for (let depth = 0; start > 0; start--) {
      if (tokens[start]?.text === ')') depth++
      if (tokens[start]?.text === '(' && --depth === 0) break
    }
  }
  const before = tokens[start - 1]?.text === 'async' ? start - 2 : start - 1
  return ['(', ','].includes(tokens[before]?.text ?? '')
}

/** The index after the bracket that closes the one at `start`. */
function skipBrackets(tokens: readonly Token[], start: number): number {
  const stack: string[] = []
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at]
    if (token?.kind !== 'punctuation') continue
    const closing = closes[token.text]
    if (closing !== undefined) stack.push(closing)
    else if (token.text === stack.at(-1)) stack.pop()
    if (stack.length === 0) return at + 1
  }
  return tokens.length
}

function skipAngles(tokens: readonly Token[], start: number): number {
  let depth = 0
  for (let at = start; at < tokens.length; at++) {
    const text = tokens[at]?.text
    if (text === '<') depth++
    if (text === '>') depth--
    if (depth === 0) return at + 1
  }
  return tokens.length
}

/** The index of the body's `{` after a return type: a brace that follows something a type can end with. */
function skipType(tokens: readonly Token[], start: number): number {
  for (let at = start; at < tokens.length; ) {
    const token = tokens[at]
    const before = tokens[at - 1]
    // A word that begins a line after a whole type is the next statement: there was no body.
    if (token?.kind === 'word' && token.startsLine && at > start && before && canEndType(before)) return at
    if (token?.kind !== 'punctuation') at++
    else if (token.text === '{') {
      if (at > start && before !== undefined && canEndType(before)) return at
      at = skipBrackets(tokens, at)
    } else if (token.text === '(' || token.text === '[') at = skipBrackets(tokens, at)
    else if ([';', ',', ')', ']', '}', '='].includes(token.text)) return at
    else at++
  }
  return tokens.length
}

function canEndType(token: Token): boolean {
  if (token.kind === 'word')
    return !['is', 'keyof', 'typeof', 'readonly', 'extends', 'infer', 'asserts'].includes(token.text)
  return token.kind !== 'punctuation' || [')', ']', '}', '>'].includes(token.text)
}

/** The index after an arrow's expression body: up to what closes or separates it, or a line that begins a new statement. */
function skipExpression(tokens: readonly Token[], start: number): number {
  for (let at = start; at < tokens.length; ) {
    const token = tokens[at]
    if (token === undefined || [')', ']', '}', ',', ';'].includes(token.text)) return at
    if (at > start && token.startsLine && !continues(token, tokens[at - 1])) return at
    at = token.kind === 'punctuation' && token.text in closes ? skipBrackets(tokens, at) : at + 1
  }
  return tokens.length
}

function continues(token: Token, before: Token | undefined): boolean {
  if (before?.kind === 'punctuation' && ![')', ']', '}'].includes(before.text)) return true
  return token.kind === 'punctuation' && !['{', '[', '('].includes(token.text)
}
