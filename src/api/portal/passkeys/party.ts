import {
  findRelyingParty,
  type PartyDeps,
  type RelyingParty,
} from '../../../access/credentials/passkeys/relying-party.ts'
import { isFromOwnPage } from '../../../access/sessions.ts'
import { CordonError } from '../../../model/errors.ts'
import { type Reader, text } from '../../../model/safety/fields.ts'
import type { Call } from '../../route.ts'

/** Most bytes of a body with a passkey in it. */
export const maxPasskeyBytes: number = 32 * 1024

/** What a browser made, in JSON; read in full by whoever checks it. */
export const credential: Reader<unknown> = (value) => value

/** What a person may call a passkey; the rest of the rules are those of all names. */
export const passkeyName: Reader<string> = text(120)

/** This server as the authenticators of the browser that asks know it. @throws CordonError BadRequest at a bare IP address */
export function requireParty(deps: PartyDeps, call: Call): RelyingParty {
  const party = findRelyingParty(deps, call)
  if (party !== null) return party
  throw new CordonError(
    'BadRequest',
    'Browsers have no passkeys at a bare IP address, nor without TLS. Open Cordon by a host name.',
  )
}

/** For writes of somebody who has not signed in. @throws CordonError Forbidden when another site may have caused it */
export function requireOwnPage(call: Call): void {
  if (!isFromOwnPage(call)) throw new CordonError('Forbidden', 'The request does not come from a page of this portal.')
}
