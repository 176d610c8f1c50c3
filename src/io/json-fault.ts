/** Why and where a text is not JSON. */
export interface JsonFault {
  readonly reason: string
  /** 0-based, in characters. */
  readonly position: number
}

const literals = ['true', 'false', 'null']
const number = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y

/**
 * Finds the first fault of a text that `JSON.parse` refused. Slow and only for messages: the parser has the say on what is JSON.
 * @source RFC 8259 section 2 to 7
 */
export function findJsonFault(text: string): JsonFault {
  // What may come next; closers of the open arrays and objects stand on a stack, so that deep nesting costs no call stack.
  let expected: 'value' | 'value or ]' | 'name' | 'name or }' | 'colon' | 'comma or end' = 'value'
  const closers: string[] = []
  let at = skipSpace(text, 0)
  while (at < text.length) {
    const character = text.charAt(at)
    if (expected === 'comma or end') {
      if (closers.length === 0) return { reason: 'text after the end of the value', position: at }
      if (character === closers.at(-1)) closers.pop()
      else if (character === ',') expected = closers.at(-1) === '}' ? 'name' : 'value'
      else return unexpected(at)
      at++
    } else if (expected === 'colon') {
      if (character !== ':') return unexpected(at)
      expected = 'value'
      at++
    } else if (character === closers.at(-1) && expected.endsWith(character)) {
      closers.pop()
      expected = 'comma or end'
      at++
    } else if (expected === 'name' || expected === 'name or }') {
      if (character !== '"') return unexpected(at)
      const end = skipText(text, at)
      if (typeof end !== 'number') return end
      expected = 'colon'
      at = end
    } else if (character === '{' || character === '[') {
      closers.push(character === '{' ? '}' : ']')
      expected = character === '{' ? 'name or }' : 'value or ]'
      at++
    } else {
      const end = skipScalar(text, at)
      if (typeof end !== 'number') return end
      expected = 'comma or end'
      at = end
    }
    at = skipSpace(text, at)
  }
  return { reason: text.trim() === '' ? 'no value' : 'the text ends too early', position: text.length }
}

function skipSpace(text: string, start: number): number {
  let at = start
  while (' \t\n\r'.includes(text.charAt(at)) && at < text.length) at++
  return at
}

function skipScalar(text: string, at: number): number | JsonFault {
  if (text.charAt(at) === '"') return skipText(text, at)
  const literal = literals.find((word) => text.startsWith(word, at))
  if (literal !== undefined) return at + literal.length
  number.lastIndex = at
  const digits = number.exec(text)
  return digits === null ? unexpected(at) : at + digits[0].length
}

function skipText(text: string, quote: number): number | JsonFault {
  for (let at = quote + 1; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === '"') return at + 1
    if (character < ' ') return { reason: 'a control character in a string', position: at }
    if (character !== '\\') continue
    const isEscape = /^(["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(text.slice(at + 1, at + 6))
    if (!isEscape) return { reason: 'a broken escape', position: at }
    at++
  }
  return { reason: 'a string without its end', position: quote }
}

function unexpected(position: number): JsonFault {
  return { reason: 'an unexpected character', position }
}
