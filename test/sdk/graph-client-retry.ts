// Run by graph-client-retry.test.ts in a process of its own, because the CA to trust is read when Node starts.
import { openClient } from './open-client.ts'

const [url = '', tenant = '', clientId = '', clientSecret = '', incidentId = ''] = process.argv.slice(2)

/** What went over the wire, below everything the client does of its own. */
const exchanges: { method: string; status: number; retryAfter: string | null; at: number; attempt: string | null }[] =
  []
const reallyFetch = globalThis.fetch
globalThis.fetch = async (resource, options) => {
  const at = performance.now()
  const response = await reallyFetch(resource, options)
  exchanges.push({
    method: options?.method ?? 'GET',
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    at,
    attempt: new Headers(options?.headers).get('retry-attempt'),
  })
  return response
}

const client = openClient(url, tenant, clientId, clientSecret)
const incident = client.api(`/security/incidents/${incidentId}`)

const wasRefused = (): boolean => exchanges.some(({ status }) => status === 429)
const ids: string[] = []
while (!wasRefused() && ids.length < 500) ids.push((await incident.get()).id)
const updated = await incident.update({ customTags: ['retried'] })
console.log(JSON.stringify({ ids, updated, exchanges }))
