import { CordonError } from '../../model/errors.ts'
import type { AcceptedVersions } from '../../respond/precondition.ts'
import type { Call } from '../route.ts'

/**
 * Reads If-Match and If-None-Match of a PATCH. Tags are compared weakly, so `"3"` stands for `W/"3"`.
 * @returns the versions that If-Match names, where a tag that is none of ours names none; null without the header and for `*`
 * @throws CordonError BadRequest for a malformed tag, PreconditionFailed for `If-None-Match: *`
 * @source RFC 9110 8.8.3, 13.1; design contract 21
 */
export function readAcceptedVersions(headers: Call['headers']): AcceptedVersions {
  if (textOf(headers['if-none-match']) === '*') {
    throw new CordonError('PreconditionFailed', 'The resource exists, and If-None-Match: * wants it absent.')
  }
  const header = headers['if-match']
  if (header === undefined || textOf(header) === '*') return null
  const tags = textOf(header).split(',')
  return tags.map(readTag).filter((version) => version !== null)
}

function readTag(text: string): number | null {
  const opaque = /^(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/.exec(text.trim())?.[1]
  if (opaque === undefined) {
    throw new CordonError('BadRequest', 'If-Match holds no entity tag such as W/"3".', { target: 'If-Match' })
  }
  return /^[1-9]\d{0,14}$/.test(opaque) ? Number(opaque) : null
}

function textOf(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header.join(',') : (header ?? '')).trim()
}
