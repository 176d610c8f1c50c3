/**
 * One request as it is thrown at the server. Texts hold one byte per character (latin1), so that what a JSON file or a log shows of an
 * input is exactly what went out.
 */
export interface FuzzInput {
  readonly method: string
  /** Path and query as they stand on the wire. */
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** null: none is sent. */
  readonly body: string | null
}

/** The bytes of a text outside ASCII, one character each. */
export function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** The input as one line that can be copied into regressions.json. */
export function printInput(input: FuzzInput): string {
  return JSON.stringify(input)
}

/** What may not stand in a request line is escaped: such a line ends in Node's parser and never reaches a route. */
export function tidyInput(input: FuzzInput): FuzzInput {
  const target = input.target.replaceAll(/[^\x21-\x7e\x80-\xff]/g, escapeByte)
  const headers = input.headers.map(([name, value]): [string, string] => [
    name.replaceAll(/[^\w-]/g, 'x') || 'x',
    value.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, ''),
  ])
  return { ...input, target: target.startsWith('/') ? target : `/${target}`, headers }
}

function escapeByte(char: string): string {
  return `%${(char.charCodeAt(0) & 0xff).toString(16).padStart(2, '0')}`
}

/** The whole request as bytes, framed rightly: what it says of its own length is never what is wrong with it. */
export function writeRequest(input: FuzzInput, host: string, authorization: string): string {
  const named = new Set(input.headers.map(([name]) => name.toLowerCase()))
  const headers = [
    ...(named.has('host') ? [] : [['Host', host] as const]),
    ...(named.has('authorization') ? [] : [['Authorization', authorization] as const]),
    ...input.headers.filter(([name]) => !/^(content-length|transfer-encoding|connection)$/i.test(name)),
    ...(input.body === null ? [] : [['Content-Length', String(input.body.length)] as const]),
  ]
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `${input.method} ${input.target} HTTP/1.1\r\n${lines}\r\n${input.body ?? ''}`
}
