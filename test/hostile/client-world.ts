import { randomUUID } from 'node:crypto'
import type { Cordon, Credentials } from '../support/cordon.ts'
import { giveTenant, type Tenant } from '../support/given.ts'
import { mintBadToken } from './bad-tokens.ts'

/** What the requests of real clients find: a tenant with data of the years they ask for. */
export interface ClientWorld {
  readonly cordon: Cordon
  readonly tenant: Tenant
  readonly incidentId: string
  readonly alertId: string
  readonly taskId: string
  /** `@odata.nextLink` of a filtered, sorted, expanded list. */
  readonly nextLink: string
  readonly clientRequestId: string
  /** What stands in braces in a case. */
  readonly values: Readonly<Record<string, string>>
}

const device = {
  '@odata.type': '#microsoft.graph.security.deviceEvidence',
  hostName: 'web-07',
  deviceDnsName: 'web-07.contoso.example',
} as const

/** Instants that the cases have in their filters, and others around them. */
const createdTimes = [
  '2021-09-30T09:35:45.1133333Z',
  '2023-02-08T12:24:56.0000000Z',
  '2023-02-08T12:25:30.5000000Z',
  '2023-02-08T12:25:56.0000000Z',
  '2024-01-15T10:00:00.0000000Z',
  '2026-01-01T00:00:00.0000000Z',
  '2026-01-01T12:00:00.1234567Z',
  '2026-01-15T00:00:00.0000000Z',
]

/** Makes the world of one case. */
export async function createClientWorld(cordon: Cordon): Promise<ClientWorld> {
  const tenant = await giveTenant(cordon)
  for (const [index, at] of createdTimes.entries()) {
    const severity = (['low', 'medium', 'high'] as const)[index % 3] ?? 'low'
    const times = { createdDateTime: at, lastUpdateDateTime: at }
    const draft = index === 0 ? { id: '12345', customTags: ['a'] } : {}
    const incident = await tenant.incident({ severity, ...times, ...draft })
    const activity = { firstActivityDateTime: at, lastActivityDateTime: at }
    const serviceSource = index % 2 === 0 ? 'microsoftDefenderForEndpoint' : 'azureAdIdentityProtection'
    await tenant.alert(incident, { severity, serviceSource, ...times, ...activity, evidence: [device] })
  }
  await tenant.incident({ status: 'awaitingAction', lastUpdateDateTime: '2026-01-10T00:00:00.0000000Z' })
  const incidentId = await tenant.incident({ assignedTo: 'kai', lastUpdateDateTime: '2026-01-20T00:00:00.0000000Z' })
  const alertId = await tenant.alert(incidentId, { evidence: [device] })
  const taskId = await tenant.task(incidentId)
  return {
    cordon,
    tenant,
    incidentId,
    alertId,
    taskId,
    ...(await giveSentValues(cordon, tenant, { incidentId, alertId, taskId })),
  }
}

async function giveSentValues(
  cordon: Cordon,
  tenant: Tenant,
  ids: Readonly<Record<string, string>>,
): Promise<Pick<ClientWorld, 'nextLink' | 'clientRequestId' | 'values'>> {
  const credentials: Credentials = await cordon.createClient('responder', tenant.id)
  const { clientId, clientSecret } = credentials
  const reader = await tenant.as('reader')
  const plain = await reader.get('/v1.0/security/incidents?$top=3')
  const query = "$top=2&$expand=alerts&$select=id,severity&$orderby=createdDateTime&$filter=severity%20ne%20'low'"
  const nextLink: string = (await reader.get(`/v1.0/security/incidents?${query}`)).body['@odata.nextLink']
  const clientRequestId = randomUUID()
  const values = {
    ...ids,
    tenant: tenant.id,
    clientId,
    clientSecret,
    uuid: clientRequestId,
    host: new URL(cordon.url).host,
    token: await cordon.token(credentials),
    'base64(clientId:clientSecret)': Buffer.from(`${clientId}:${clientSecret}`).toString('base64'),
    'opaque-from-nextLink': new URL(plain.body['@odata.nextLink']).searchParams.get('$skiptoken') ?? '',
    'path and query of @odata.nextLink': nextLink.slice(cordon.url.length),
  }
  return { nextLink, clientRequestId, values }
}

/** A good token of the tenant that carries no permission. */
export async function mintEmptyToken({ cordon, values }: ClientWorld): Promise<string> {
  const token = values.token ?? ''
  return mintBadToken(cordon, 'roles=[]', [token, token])
}
