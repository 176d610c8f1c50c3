import type { Ids } from '../io/clock.ts'
import type { Outbound } from '../io/outbound.ts'
import { CordonError } from '../model/errors.ts'

/** What proving an endpoint needs. */
export interface HandshakeDeps {
  readonly ids: Ids
  readonly outbound: Outbound
  /** True for `host:port` values of this server. */
  readonly isOwnHost: (host: string) => boolean
}

/** @source design contract 19.1 (handshake) */
const handshakeMs = 10_000

/**
 * Makes sure that whoever answers at `url` wants notifications: it must send back a token within 10 s.
 * @param property what the refusal names, e.g. `notificationUrl`
 * @throws CordonError BadRequest when the URL is not allowed or the endpoint does not play its part
 */
export async function proveEndpoint(deps: HandshakeDeps, property: string, url: string): Promise<void> {
  checkEndpoint(deps, property, url)
  const token = `Validation: ${deps.ids.guid()}`
  const answer = await deps.outbound.post({
    url: `${url}${url.includes('?') ? '&' : '?'}validationToken=${encodeURIComponent(token)}`,
    contentType: 'text/plain; charset=utf-8',
    body: '',
    timeoutMs: handshakeMs,
  })
  if ('failed' in answer) throw bad(property, answer.reason)
  if (answer.status !== 200) throw bad(property, `The validation request was answered ${answer.status}, not 200.`)
  const isText = /^text\/plain(\s*;|$)/i.test(answer.contentType)
  if (!isText || answer.body !== token) throw bad(property, 'The validation token did not come back as text/plain.')
}

/** What can be said of an endpoint without asking it. */
export function checkEndpoint(
  deps: Pick<HandshakeDeps, 'outbound' | 'isOwnHost'>,
  property: string,
  url: string,
): void {
  const refused = deps.outbound.check(url)
  if (refused !== null) throw bad(property, refused)
  const { host, hostname, port } = new URL(url)
  if (deps.isOwnHost(host) || deps.isOwnHost(`${hostname}:${port || '443'}`)) {
    throw bad(property, 'This server does not notify itself.')
  }
}

function bad(property: string, reason: string): CordonError {
  return new CordonError('BadRequest', `Subscription validation request failed for ${property}. ${reason}`, {
    target: property,
  })
}
