import { openTransport, type Transport } from '../src/agent/transport.ts'
import type { Prepared } from './cordon.ts'

/** The agents' transport is an HTTPS client with a CA of its own; that is all that is needed here. */
export function openClient(url: string, ca: string): Transport {
  return openTransport(url, ca, { read: () => [], write: () => {}, onlyPinned: () => false })
}

/** Gets an access token as any client does. */
export async function fetchToken(client: Transport, prepared: Prepared): Promise<string> {
  const { tenantId, clientId: client_id, clientSecret: client_secret } = prepared
  const scope = 'https://graph.microsoft.com/.default'
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret, scope })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = form.toString()
  return JSON.parse(await exchange(client, 'POST', `/${tenantId}/oauth2/v2.0/token`, headers, body)).access_token
}

/** Sends a request and returns the body of its answer. @throws Error when it is refused */
export function send(client: Transport, token: string, method: string, path: string, body?: unknown): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return exchange(client, method, path, headers, body === undefined ? '' : JSON.stringify(body))
}

async function exchange(
  client: Transport,
  method: string,
  pathAndQuery: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<string> {
  const answer = await client.send({ method, pathAndQuery, headers, body, timeoutMs: 60_000, maxAnswerBytes: 1e6 })
  if (answer.status >= 300) throw new Error(`${method} ${pathAndQuery}: ${answer.status} ${answer.body}`)
  return answer.body
}

/** Makes a task that isolates or releases a host, or submits an indicator. Returns its id. */
export async function createDeviceTask(
  client: Transport,
  token: string,
  actionType: 'isolateDevice' | 'unIsolateDevice' | 'submitIocRule',
  identifierValue: string,
  incidentId: string | undefined,
): Promise<string> {
  const kind = actionType === 'submitIocRule' ? 'i' : `${actionType}I`
  const task = await send(client, token, 'POST', '/beta/security/incidentTasks', {
    ...{ displayName: actionType, description: 'bench', actionType, incident: { id: incidentId } },
    source: 'defenderExpertsGuidedResponse',
    responseAction: {
      '@odata.type': `#microsoft.graph.security.${kind}ncidentTaskResponseAction`,
      identifierValue,
      ...(actionType === 'isolateDevice' ? { isolationType: 'full' } : {}),
    },
  })
  return JSON.parse(task).id
}
