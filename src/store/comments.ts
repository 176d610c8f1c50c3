import type { AlertComment } from '../model/generated.ts'
import type { Actor } from './record.ts'

/** A comment as it is stored and shown, with its type as Graph's samples have it; the author is always the caller. */
export function newComment(
  actor: Actor,
  comment: string,
  now: string,
): AlertComment & { readonly '@odata.type': string } {
  return {
    '@odata.type': '#microsoft.graph.security.alertComment',
    comment,
    createdByDisplayName: actor.name,
    createdDateTime: now,
  }
}
