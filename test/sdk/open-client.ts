import { ClientSecretCredential } from '@azure/identity'
import { Client } from '@microsoft/microsoft-graph-client'

/** The unmodified Graph client on a server of ours, with an application's credentials. */
export function openClient(url: string, tenant: string, clientId: string, clientSecret: string): Client {
  const credential = new ClientSecretCredential(tenant, clientId, clientSecret, {
    authorityHost: url,
    disableInstanceDiscovery: true,
  })
  return Client.initWithMiddleware({
    baseUrl: `${url}/`,
    customHosts: new Set(['localhost']),
    authProvider: {
      getAccessToken: async () => (await credential.getToken('https://graph.microsoft.com/.default')).token,
    },
  })
}
