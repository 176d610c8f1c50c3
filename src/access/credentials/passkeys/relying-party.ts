import { isIP } from 'node:net'
import type { RequestFacts } from '../../authenticate.ts'

/** This server as an authenticator knows it. */
export interface RelyingParty {
  /** Of the page that asks, as the browser writes it: `https://cordon.example`. */
  readonly origin: string
  /** The host a passkey is bound to: `cordon.example`. */
  readonly rpId: string
}

/** What telling it needs of the rest. */
export interface PartyDeps {
  /** Origins the server was told clients use; one of them counts where something before the server ends TLS. */
  readonly publicOrigins: readonly string[]
}

/**
 * The relying party of a request, whose host the server has checked to be one of its own. Each name of the server is a party of its own: a
 * passkey made at one is of no use at another.
 * @returns null where browsers have no passkeys: at a bare IP address, and over plain http anywhere but on `localhost`
 * @source WebAuthn Level 3, 5.1.3 step 8: the effective domain must be a domain; Secure Contexts
 */
export function findRelyingParty(deps: PartyDeps, request: Pick<RequestFacts, 'origin'>): RelyingParty | null {
  const asked = URL.parse(request.origin)
  if (asked === null) return null
  const url = deps.publicOrigins.map((origin) => new URL(origin)).find(({ host }) => host === asked.host) ?? asked
  const { hostname: rpId, origin, protocol } = url
  if (isIP(rpId.replace(/^\[|\]$/g, '')) !== 0) return null
  return protocol === 'https:' || rpId === 'localhost' || rpId.endsWith('.localhost') ? { origin, rpId } : null
}
