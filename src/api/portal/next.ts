/**
 * Where somebody may be sent after signing in: on with an application's sign-in at this very server, and nowhere else. The portal's own
 * pages remember by themselves where the person was.
 * @returns path and query; null for anything else
 */
export function readNext(text: string | null): string | null {
  if (text === null || text.length > 4_000) return null
  // Printable ASCII without backslash: no browser reads another host into it.
  return /^\/[0-9a-z.-]+\/oauth2\/v2\.0\/authorize\?[\x21-\x5b\x5d-\x7e]*$/i.test(text) ? text : null
}
