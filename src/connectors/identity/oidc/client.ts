import * as oidc from 'openid-client'
import type { Clock } from '../../../io/clock.ts'
import type { Outbound } from '../../../io/outbound.ts'
import type { ConfiguredConnector, OpenSecrets } from '../../connector.ts'
import { type OidcSettings, readOidcSettings } from './settings.ts'

/** An issuer as it was last found, ready to be asked. */
export interface Issuer {
  readonly settings: OidcSettings
  readonly config: oidc.Configuration
}

/** What asking an issuer needs. */
export interface IssuerDeps {
  readonly clock: Clock
  readonly outbound: Outbound
}

/** An issuer that cannot be asked, or that answers what nobody can use. The message is for people. */
export class IssuerProblem extends Error {
  override readonly name: string = 'IssuerProblem'
  /** PascalCase, for health and checks. */
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

const timeoutMs = 8_000
/** Discovery documents and key sets of large issuers have some 30 kB. */
const maxAnswerBytes = 512 * 1024
const keepMs = 10 * 60_000
const maxKept = 1_000

/**
 * Makes the function that finds an issuer by its discovery document, through the rules for outbound connections. What was found is kept
 * for ten minutes, and for one version of the settings.
 */
export function createFinder(
  deps: IssuerDeps,
): (connector: ConfiguredConnector, open: OpenSecrets, anew?: 'anew') => Promise<Issuer> {
  const known = new Map<string, { readonly found: Promise<Issuer>; readonly untilMs: number }>()
  return (connector, open, anew) => {
    const key = `${connector.tenantId} ${connector.id} ${connector.version}`
    const nowMs = deps.clock.nowMs()
    const kept = known.get(key)
    if (kept !== undefined && kept.untilMs > nowMs && anew === undefined) return kept.found
    const [oldest] = known.keys()
    if (known.size >= maxKept && oldest !== undefined) known.delete(oldest)
    const found = findIssuer(deps, connector, open)
    known.set(key, { found, untilMs: nowMs + keepMs })
    // The next one tries again, whoever it is.
    found.catch(() => known.delete(key))
    return found
  }
}

async function findIssuer(deps: IssuerDeps, connector: ConfiguredConnector, open: OpenSecrets): Promise<Issuer> {
  const { settings } = readOidcSettings(connector.settings)
  const secret = (await open(connector)).clientSecret?.reveal()
  const config = await told(() =>
    oidc.discovery(
      new URL(settings.issuer),
      settings.clientId,
      {},
      secret === undefined ? oidc.None() : oidc.ClientSecretBasic(secret),
      { [oidc.customFetch]: fetchGuarded(deps.outbound), timeout: timeoutMs / 1_000 },
    ),
  )
  const metadata = config.serverMetadata()
  const endpoints = [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri]
  if (endpoints.some((endpoint) => URL.parse(endpoint ?? '')?.protocol !== 'https:')) {
    throw new IssuerProblem('IncompleteIssuer', 'Its discovery document does not name all three endpoints with https.')
  }
  const methods = metadata.token_endpoint_auth_methods_supported
  if (secret !== undefined && methods !== undefined && !methods.includes('client_secret_basic')) {
    const posted = new oidc.Configuration(metadata, settings.clientId, {}, oidc.ClientSecretPost(secret))
    return { settings, config: prepare(posted, deps) }
  }
  return { settings, config: prepare(config, deps) }
}

function prepare(config: oidc.Configuration, deps: IssuerDeps): oidc.Configuration {
  config[oidc.customFetch] = fetchGuarded(deps.outbound)
  config.timeout = timeoutMs / 1_000
  // The signature is checked even where TLS to the token endpoint would do.
  oidc.enableNonRepudiationChecks(config)
  return config
}

/** The library's way out is ours. */
function fetchGuarded(outbound: Outbound): oidc.CustomFetch {
  return async (url, { method, headers, body }) => {
    if (method !== 'GET' && method !== 'POST') throw new IssuerProblem('Unexpected', `No request of method ${method}.`)
    const text = body instanceof URLSearchParams ? body.toString() : typeof body === 'string' ? body : undefined
    const answer = await outbound.exchange({ method, url, headers, body: text, timeoutMs, maxAnswerBytes })
    if ('failed' in answer) {
      const code = { refused: 'OutboundRefused', unreachable: 'Unreachable', timeout: 'Timeout' }[answer.failed]
      throw new IssuerProblem(code, answer.reason)
    }
    const carriesBody = answer.status !== 204 && answer.status !== 304
    return new Response(carriesBody ? answer.body : null, {
      status: answer.status,
      headers: { 'Content-Type': answer.contentType },
    })
  }
}

/** Runs what asks the issuer; what the library refuses becomes an {@link IssuerProblem}. */
export async function told<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    throw toProblem(cause)
  }
}

function toProblem(cause: unknown): unknown {
  if (cause instanceof IssuerProblem) return cause
  if (cause instanceof oidc.ClientError) {
    if (cause.cause instanceof IssuerProblem) return cause.cause
    return new IssuerProblem(pascal(cause.code ?? 'invalid_answer'), 'What the issuer answered does not hold.', cause)
  }
  if (cause instanceof oidc.AuthorizationResponseError || cause instanceof oidc.ResponseBodyError) {
    return new IssuerProblem(pascal(cause.error), 'The issuer refused the sign-in.', cause)
  }
  if (cause instanceof oidc.WWWAuthenticateChallengeError) {
    return new IssuerProblem('InvalidClient', 'The issuer does not accept the client id or secret.', cause)
  }
  return cause
}

/** `invalid_grant` and `OAUTH_INVALID_RESPONSE` as the codes of this project are written. */
function pascal(code: string): string {
  const words = code.toLowerCase().match(/[a-z0-9]+/g) ?? []
  return words
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
    .slice(0, 60)
}
