import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'
import { type Ending, onEnd } from './cleanup.ts'
import { receiverTls } from './receiver.ts'

/** Somebody the provider knows; the provider's own test page takes any password. */
export interface ProviderAccount {
  readonly sub: string
  readonly name?: string
  readonly email?: string
  readonly email_verified?: boolean
  readonly groups?: readonly string[]
}

/** A certified OpenID provider on a loopback address of its own, as an organisation would run one. */
export interface IdentityProvider {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Lets the client be sent back there, and these people sign in. */
  open(redirectUri: string, accounts: readonly ProviderAccount[]): void
}

/** Starts the provider; it ends with the test. Until it is opened it answers nothing. */
export async function startIdentityProvider(t: Ending): Promise<IdentityProvider> {
  const { cert, key } = await receiverTls()
  let listener: RequestListener = (_request, response) => void response.writeHead(503).end()
  const server = createServer({ cert, key }, (request, response) => listener(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
  onEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const issuer = `https://127.0.0.2:${port}`
  const [clientId, clientSecret] = ['cordon-portal', 'a-secret-only-this-test-knows-0123456789']
  return {
    issuer,
    clientId,
    clientSecret,
    open: (redirectUri, accounts) => {
      const provider = new Provider(issuer, {
        clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
        cookies: { keys: ['only for this test'] },
        scopes: ['openid', 'profile', 'email'],
        claims: { openid: ['sub'], profile: ['name', 'groups'], email: ['email', 'email_verified'] },
        // As most providers do: what was asked for stands in the ID token.
        conformIdTokenClaims: false,
        findAccount: (_context, id) => {
          const found = accounts.find(({ sub }) => sub === id)
          return found && { accountId: id, claims: () => ({ ...found, groups: [...(found.groups ?? [])] }) }
        },
      })
      listener = provider.callback()
    },
  }
}
