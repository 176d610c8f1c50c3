/** One token of a TypeScript or JavaScript source. Comments and white space are left out. */
export interface Token {
  readonly kind: 'word' | 'punctuation' | 'string' | 'template' | 'regex' | 'number'
  /** The source text; of a string its content without quotes. */
  readonly text: string
  /** 1 for the first line. */
  readonly line: number
  /** True when nothing but white space stands before it on its line. */
  readonly startsLine: boolean
}

const word = /[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*/uy
const number = /(?:0[xXbBoO][\da-fA-F_]+n?|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?n?)/y
const punctuation = /=>|\.\.\.|\?\?=|\|\|=|&&=|===|!==|\*\*|\?\?|\?\.(?!\d)|&&|\|\||==|!=|<=|\+\+|--|\+=|-=|\*=|[^\s]/uy
/** Words after which `/` begins a regular expression and `{` a value. */
const operatorWords = new Set(
  'return typeof case in of delete void throw new instanceof await yield else do'.split(' '),
)

/**
 * Splits a source into tokens: just enough of the language to tell code from comments, strings, templates and regular expressions. We
 * read sources ourselves because TypeScript 7 has no stable programming interface.
 * @throws Error when a string, template or comment is not closed
 */
export function readTokens(source: string): Token[] {
  const reader: Reader = { source, at: 0, line: 1, startsLine: true, tokens: [] }
  readUntil(reader, null)
  return reader.tokens
}

interface Reader {
  readonly source: string
  at: number
  line: number
  startsLine: boolean
  readonly tokens: Token[]
}

/** Reads to the end, or to the `}` that closes a template's `${`. */
function readUntil(reader: Reader, closing: '}' | null): void {
  let depth = 0
  while (reader.at < reader.source.length) {
    const char = reader.source[reader.at] ?? ''
    if (skipBlank(reader, char)) continue
    if (closing !== null && char === closing && depth === 0) return
    if (char === '{') depth++
    if (char === '}') depth--
    readOne(reader, char)
  }
  if (closing !== null) throw new Error(`line ${reader.line}: a template is not closed`)
}

function skipBlank(reader: Reader, char: string): boolean {
  const { source } = reader
  if (char === '\n') {
    reader.line++
    reader.startsLine = true
    reader.at++
    return true
  }
  if (/\s/.test(char)) {
    reader.at++
    return true
  }
  if (char !== '/' && !(char === '#' && reader.at === 0)) return false
  const pair = source.slice(reader.at, reader.at + 2)
  if (pair === '//' || pair === '#!') {
    const end = source.indexOf('\n', reader.at)
    reader.at = end < 0 ? source.length : end
    return true
  }
  if (pair !== '/*') return false
  const end = source.indexOf('*/', reader.at + 2)
  if (end < 0) throw new Error(`line ${reader.line}: a comment is not closed`)
  reader.line += countLines(source.slice(reader.at, end))
  reader.at = end + 2
  return true
}

function readOne(reader: Reader, char: string): void {
  if (char === "'" || char === '"') readString(reader, char)
  else if (char === '`') readTemplate(reader)
  else if (char === '/' && beginsRegex(reader.tokens.at(-1))) readRegex(reader)
  else readPlain(reader, char)
}

function readPlain(reader: Reader, char: string): void {
  const [kind, pattern] = /[0-9]/.test(char)
    ? (['number', number] as const)
    : /[\p{ID_Start}$_#]/u.test(char)
      ? (['word', word] as const)
      : (['punctuation', punctuation] as const)
  pattern.lastIndex = reader.at
  const text = pattern.exec(reader.source)?.[0] ?? char
  push(reader, kind, text)
  reader.at += text.length
}

function push(reader: Reader, kind: Token['kind'], text: string): void {
  reader.tokens.push({ kind, text, line: reader.line, startsLine: reader.startsLine })
  reader.startsLine = false
}

function readString(reader: Reader, quote: string): void {
  const { source } = reader
  let end = reader.at + 1
  while (source[end] !== quote) {
    if (source[end] === undefined || source[end] === '\n')
      throw new Error(`line ${reader.line}: a string is not closed`)
    end += source[end] === '\\' ? 2 : 1
  }
  push(reader, 'string', source.slice(reader.at + 1, end))
  reader.at = end + 1
}

/** Pushes the template as one token, then the tokens of its substitutions. */
function readTemplate(reader: Reader): void {
  push(reader, 'template', '`')
  reader.at++
  for (;;) {
    const char = reader.source[reader.at]
    if (char === undefined) throw new Error(`line ${reader.line}: a template is not closed`)
    if (char === '\n') reader.line++
    if (char === '`') break
    if (char === '$' && reader.source[reader.at + 1] === '{') {
      reader.at += 2
      readUntil(reader, '}')
      reader.at++
    } else reader.at += char === '\\' ? 2 : 1
  }
  reader.at++
}

function beginsRegex(before: Token | undefined): boolean {
  if (before === undefined) return true
  if (before.kind === 'word') return operatorWords.has(before.text)
  // After `<` it is the end tag of an element; nobody compares with a regular expression.
  return before.kind === 'punctuation' && ![')', ']', '}', '<'].includes(before.text)
}

function readRegex(reader: Reader): void {
  const { source } = reader
  let end = reader.at + 1
  let inClass = false
  while (inClass || source[end] !== '/') {
    const char = source[end]
    if (char === undefined || char === '\n') throw new Error(`line ${reader.line}: a regular expression is not closed`)
    if (char === '[') inClass = true
    if (char === ']') inClass = false
    end += char === '\\' ? 2 : 1
  }
  end++
  while (/[a-z]/.test(source[end] ?? '')) end++
  push(reader, 'regex', source.slice(reader.at, end))
  reader.at = end
}

function countLines(text: string): number {
  return text.split('\n').length - 1
}
