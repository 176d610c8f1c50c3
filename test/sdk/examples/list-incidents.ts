// NODE_EXTRA_CA_CERTS=$CORDON_CA node list-incidents.ts
import { ClientSecretCredential } from '@azure/identity'
import { Client } from '@microsoft/microsoft-graph-client'

const { CORDON_URL = '', CORDON_TENANT = '', CORDON_CLIENT_ID = '', CORDON_CLIENT_SECRET = '' } = process.env
const credential = new ClientSecretCredential(CORDON_TENANT, CORDON_CLIENT_ID, CORDON_CLIENT_SECRET, {
  authorityHost: CORDON_URL,
  disableInstanceDiscovery: true,
})
const client = Client.initWithMiddleware({
  baseUrl: `${CORDON_URL}/`,
  customHosts: new Set([new URL(CORDON_URL).hostname]),
  authProvider: {
    getAccessToken: async () => (await credential.getToken('https://graph.microsoft.com/.default')).token,
  },
})

const incidents = await client.api('/security/incidents').expand('alerts').top(10).get()
for (const incident of incidents.value) {
  console.log(`${incident.id} ${incident.severity} ${incident.status}: ${incident.displayName}`)
  for (const alert of incident.alerts) console.log(`  alert ${alert.severity}: ${alert.title}`)
  const filter = `incidentId eq '${incident.id}'`
  const tasks = await client.api('/security/incidentTasks').version('beta').filter(filter).get()
  for (const task of tasks.value) console.log(`  task ${task.actionType} ${task.status}: ${task.displayName}`)
}
