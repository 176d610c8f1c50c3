import { createHmac, randomBytes, sign } from 'node:crypto'
import { loadKeys } from '../../src/io/secrets.ts'
import type { Cordon } from '../support/cordon.ts'

const headerNames = new Set(['alg', 'kid', 'typ', 'jku', 'x5u', 'crit', 'jwk', 'x5c', 'b64'])

/**
 * Mints a broken token. Everything the spec does not name is what a good token has, and where no key is named it is signed with the
 * server's own, so that only the named part can be what refuses it.
 * @param spec comma list of `name=value` (a signed number is seconds from now, `absent` removes), `key=NAME`, `sig=HEX`, `valid`,
 *   `swap=payload`, `jwe`
 * @param good two good tokens of different applications
 */
export async function mintBadToken(cordon: Cordon, spec: string, good: readonly [string, string]): Promise<string> {
  if (spec === 'jwe') return [encode({ alg: 'dir', enc: 'A256GCM' }), '', ...noise(3)].join('.')
  const [head = '', payload = '', signature = ''] = good[0].split('.')
  const options = new Map(spec.split(',').map(splitOption))
  if (options.get('swap') === 'payload') return [head, good[1].split('.')[1], signature].join('.')
  const header = decode(head)
  const claims = decode(payload)
  for (const [name, value] of options) {
    if (name === 'key' || name === 'sig' || name === 'valid') continue
    const target = headerNames.has(name) ? header : claims
    if (value === 'absent') delete target[name]
    else target[name] = readValue(value)
  }
  const content = `${encode(header)}.${encode(claims)}`
  return `${content}.${await signContent(cordon, content, String(header.alg), options)}`
}

async function signContent(
  cordon: Cordon,
  content: string,
  algorithm: string,
  options: ReadonlyMap<string, string>,
): Promise<string> {
  const forced = options.get('sig')
  if (forced !== undefined) return Buffer.alloc(64, Number.parseInt(forced, 16)).toString('base64url')
  if (algorithm.toLowerCase() === 'none') return ''
  if (algorithm.startsWith('HS')) {
    const secret = options.get('key') === 'empty' ? '' : 'secret'
    return createHmac('sha256', secret).update(content).digest('base64url')
  }
  const { tokenKeys } = await loadKeys(cordon.dataDir)
  return sign('sha256', Buffer.from(content), { key: tokenKeys[0].privateKey, dsaEncoding: 'ieee-p1363' }).toString(
    'base64url',
  )
}

function splitOption(text: string): [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function readValue(text: string): unknown {
  if (/^[+-]\d+$/.test(text)) return Math.floor(Date.now() / 1000) + Number(text)
  return /^[[{"]/.test(text) ? JSON.parse(text) : text
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
}

function noise(parts: number): string[] {
  return Array.from({ length: parts }, () => randomBytes(16).toString('base64url'))
}
