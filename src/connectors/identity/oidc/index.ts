import type { ConfiguredConnector, ConnectorKind, Health, OpenSecrets, SetupCheck } from '../../connector.ts'
import { createTokenReader, type TokenBearer } from './access-token.ts'
import { createFinder, type IssuerDeps, IssuerProblem } from './client.ts'
import { readOidcSettings } from './settings.ts'
import { beginAt, finishAt, type OutsideIdentity, type SignInSecrets } from './sign-in.ts'

/** The kind `oidc`: an outside issuer that people of the tenant sign in with. It carries out no action. */
export interface OidcKind extends ConnectorKind {
  /** Where the browser goes to sign in; a problem in words when the issuer cannot be asked. */
  begin(connector: ConfiguredConnector, open: OpenSecrets, secrets: SignInSecrets): Promise<string | OidcProblem>
  /** Who comes back from the issuer. @param answer its `query` is undecoded */
  finish(
    connector: ConfiguredConnector,
    open: OpenSecrets,
    answer: SignInSecrets & { readonly query: string },
  ): Promise<OutsideIdentity | OidcProblem>
  /** Who sends an access token; null when it does not hold. */
  readToken(connector: ConfiguredConnector, open: OpenSecrets, token: string): Promise<TokenBearer | null | OidcProblem>
}

/** Why an issuer is of no use just now. */
export interface OidcProblem {
  /** PascalCase. */
  readonly problem: string
  readonly detail: string
}

const untested: Health = { state: 'untested', at: null, code: null, detail: null }

/** Makes the kind; what it finds out about each issuer is its health. */
export function createOidcKind(deps: IssuerDeps): OidcKind {
  const find = createFinder(deps)
  const readBearer = createTokenReader(deps, find)
  const found = new Map<string, Health>()
  const keyOf = ({ tenantId, id, version }: ConfiguredConnector): string => `${tenantId} ${id} ${version}`

  const explained = async <T>(ask: () => Promise<T>): Promise<T | OidcProblem> => {
    try {
      return await ask()
    } catch (cause) {
      if (!(cause instanceof IssuerProblem)) throw cause
      return { problem: cause.code, detail: cause.message }
    }
  }
  const watched = async <T>(connector: ConfiguredConnector, ask: () => Promise<T>): Promise<T | OidcProblem> => {
    const answer = await explained(ask)
    const failed = typeof answer === 'object' && answer !== null && 'problem' in answer ? answer : null
    found.set(keyOf(connector), {
      state: failed === null ? 'working' : 'failing',
      at: deps.clock.now(),
      code: failed?.problem ?? null,
      detail: failed?.detail ?? null,
    })
    return answer
  }

  return {
    name: 'oidc',
    secretNames: ['clientSecret'],
    readSettings: readOidcSettings,
    describe: () => [],
    health: (connector) => found.get(keyOf(connector)) ?? untested,
    begin: (connector, open, secrets) => watched(connector, () => beginAt(find, connector, open, secrets)),
    // What a browser brings says nothing about the issuer.
    finish: (connector, open, answer) => explained(() => finishAt(find, connector, open, answer)),
    readToken: (connector, open, token) => watched(connector, () => readBearer(connector, open, token)),
    test: (connector, open) => testIssuer(connector, () => watched(connector, () => find(connector, open, 'anew'))),
  }
}

async function testIssuer(
  connector: ConfiguredConnector,
  find: () => Promise<Awaited<ReturnType<ReturnType<typeof createFinder>>> | OidcProblem>,
): Promise<readonly SetupCheck[]> {
  const issuer = await find()
  if ('problem' in issuer) {
    const fix = 'Look at the issuer, and at what the server may reach (--outbound-allow).'
    return [{ name: 'discovery', ok: false, detail: issuer.detail, code: issuer.problem, setting: 'issuer', fix }]
  }
  const good = { ok: true, code: null, setting: null, fix: null } as const
  const checks: SetupCheck[] = [{ ...good, name: 'discovery', detail: `${connector.address} describes itself.` }]
  const methods = issuer.config.serverMetadata().code_challenge_methods_supported
  if (methods !== undefined && !methods.includes('S256')) {
    const detail = 'It does not say that it takes PKCE with S256, which every sign-in uses.'
    return [
      ...checks,
      { name: 'pkce', ok: false, detail, code: 'NoPkce', setting: 'issuer', fix: 'Switch PKCE on there.' },
    ]
  }
  return [...checks, { ...good, name: 'pkce', detail: 'Codes are bound to the browser by PKCE with S256.' }]
}
