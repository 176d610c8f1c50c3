import { ClientSecretCredential } from '@azure/identity'
import { Client } from '@microsoft/microsoft-graph-client'
import { TokenCredentialAuthenticationProvider } from '@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js'

/** The unchanged Graph SDK client. */
export type GraphClient = Client

/**
 * Microsoft's own Graph client, unchanged, aimed at a Cordon server: only its address and the sign-in authority differ.
 * @param url `https://host:port` of the server
 */
export function connectGraph(
  url: string,
  credentials: { readonly tenantId: string; readonly clientId: string; readonly clientSecret: string },
): GraphClient {
  const { tenantId, clientId, clientSecret } = credentials
  const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, {
    authorityHost: url,
    disableInstanceDiscovery: true,
  })
  const authProvider = new TokenCredentialAuthenticationProvider(credential, { scopes: [`${url}/.default`] })
  return Client.initWithMiddleware({
    baseUrl: `${url}/`,
    customHosts: new Set([new URL(url).hostname]),
    authProvider,
  })
}

/** A JSON object that one of our own commands printed. */
export function readJson(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw new Error('not a JSON object')
  return { ...value }
}
