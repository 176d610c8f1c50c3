import type { Draft } from '../../model/edm.ts'
import { CordonError } from '../../model/errors.ts'
import type { ActionName, EdmActions, EdmTypes, TypeName } from '../../model/generated.ts'
import { type BodyRefusal, readActionBody, readEntity } from '../../model/graph-validate.ts'
import type { Preferences } from '../odata/prefer.ts'

/**
 * Reads an entity out of a request body by the contract's rules.
 * @throws CordonError BadRequest naming the property
 */
export function readBodyEntity<N extends TypeName>(
  type: N,
  body: unknown,
  mode: 'create' | 'patch',
  preferences: Preferences,
): Draft<EdmTypes[N]> {
  const read = readEntity(type, body, mode, preferences)
  if ('refused' in read) throw toError(read)
  return read.value
}

/**
 * Reads the parameters of a bound action out of a request body.
 * @throws CordonError BadRequest naming the parameter
 */
export function readParameters<N extends ActionName>(
  action: N,
  body: unknown,
  preferences: Preferences,
): EdmActions[N] {
  const read = readActionBody(action, body, preferences)
  if ('refused' in read) throw toError(read)
  return read.value
}

function toError(refusal: BodyRefusal): CordonError {
  return new CordonError(refusal.refused, refusal.reason, refusal.path === '' ? {} : { target: refusal.path })
}

/** Longest comment in characters. */
const maxCommentLength = 30_000

/**
 * Reads the body of a comments POST: one comment, or on alerts also an array or `{value: [...]}` of them.
 * @returns the texts in the order given, at least one
 * @throws CordonError BadRequest naming the property
 * @source design contract 5
 */
export function readComments(body: unknown, several: boolean): string[] {
  const items = several && Array.isArray(body) ? body : several && isWrapped(body) ? body.value : [body]
  if (items.length === 0) throw bad('The request names no comment.', 'comment')
  return items.map(readComment)
}

function isWrapped(body: unknown): body is { value: unknown[] } {
  return typeof body === 'object' && body !== null && 'value' in body && Array.isArray(body.value)
}

function readComment(item: unknown): string {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw bad('The request body must be a JSON object with a comment.', 'comment')
  }
  for (const [name, value] of Object.entries(item)) {
    if (name === '@odata.type') {
      if (value !== 'microsoft.graph.security.alertComment' && value !== '#microsoft.graph.security.alertComment') {
        throw bad("'@odata.type' must be microsoft.graph.security.alertComment.", name)
      }
    } else if (name !== 'comment' && !name.startsWith('@')) {
      throw bad(`Property '${name.slice(0, 100)}' cannot be set on a comment.`, name.slice(0, 100))
    }
  }
  const comment: unknown = Reflect.get(item, 'comment')
  if (typeof comment !== 'string') throw bad("Property 'comment' must be a string.", 'comment')
  if (comment.trim() === '') throw bad("Property 'comment' must not be blank.", 'comment')
  if (comment.length > maxCommentLength) {
    throw bad(`Property 'comment' may hold at most ${maxCommentLength} characters.`, 'comment')
  }
  return comment
}

function bad(message: string, target: string): CordonError {
  return new CordonError('BadRequest', message, { target })
}
