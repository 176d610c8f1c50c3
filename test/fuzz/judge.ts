import type { FuzzInput } from './input.ts'

/** An answer, however it came. */
export interface FuzzAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const inside = /\bat [\w.<>]+ \(|node_modules|\.ts:\d|SQLITE|kysely|\/src\/|insert into|jsonb_/i

/** Pages for people, whose refusals are pages, too. */
const pages = /^\/(login|error|.+\/oauth2\/v2\.0\/authorize|auth\/issuers\/.+\/(start|callback))\/?$/is

/**
 * What is wrong with an answer; null when nothing is. Whatever was asked: no failure of ours, JSON where JSON is promised, and every
 * refusal in Graph's own form (the sign-in endpoints have Microsoft's other one, people get pages).
 * @source design reliability 5.4; design contract 14.1 and 2.3
 */
export function findFault(answer: FuzzAnswer, { method, target }: Pick<FuzzInput, 'method' | 'target'>): string | null {
  const { status, headers, text } = answer
  if (status >= 500 && status !== 501) return `status ${status}`
  if (!guid.test(headers['request-id'] ?? '')) return 'no request-id'
  if (method === 'HEAD' || status === 204) return text === '' ? null : 'a body where there is none'
  const type = headers['content-type'] ?? ''
  if (status < 400) return type.startsWith('application/json') ? findJsonFault(text) : null
  if (type.startsWith('text/') && pages.test(decodePath(target)))
    return inside.test(text) ? 'a page shows our insides' : null
  if (!type.startsWith('application/json')) return `a refusal of type '${type}'`
  return findErrorFault(answer)
}

function decodePath(target: string): string {
  const path = target.split('?', 1)[0] ?? ''
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function findJsonFault(text: string): string | null {
  try {
    JSON.parse(text)
    return null
  } catch {
    return 'the body is no JSON'
  }
}

function findErrorFault({ status, headers, text }: FuzzAnswer): string | null {
  if (findJsonFault(text) !== null) return 'the refusal is no JSON'
  if (inside.test(withoutMessage(text))) return 'the refusal shows our insides'
  const body: unknown = JSON.parse(text)
  const error: unknown = Object(body).error
  if (typeof error === 'string') {
    return /^AADSTS\d+: /.test(String(Object(body).error_description)) ? null : 'a sign-in refusal without its code'
  }
  const { code, message, innerError } = Object(error)
  if (typeof code !== 'string' || code === '') return 'no error.code'
  if (typeof message !== 'string' || message === '') return 'no error.message'
  if (Object(innerError)['request-id'] !== headers['request-id']) return 'the ids of body and header differ'
  if (status === 501 && code !== 'NotImplemented') return `501 says ${code}`
  return (status === 429) === (headers['retry-after'] !== undefined) ? null : 'Retry-After does not fit the status'
}

/** What the caller sent comes back in quotes; only our own words can give us away. */
function withoutMessage(text: string): string {
  return text.replaceAll(/'[^']*'/g, "''")
}
