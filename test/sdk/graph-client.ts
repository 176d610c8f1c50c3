// Run by graph-client.test.ts in a process of its own, because the CA to trust is read when Node starts.
import {
  BatchRequestContent,
  BatchResponseContent,
  GraphError,
  type PageCollection,
  PageIterator,
} from '@microsoft/microsoft-graph-client'
import { openClient } from './open-client.ts'

const [url = '', tenant = '', clientId = '', clientSecret = '', incidentId = '', taskId = ''] = process.argv.slice(2)
const client = openClient(url, tenant, clientId, clientSecret)

function report(step: string, result: unknown): void {
  console.log(JSON.stringify({ step, result }))
}

async function listAll(): Promise<string[]> {
  const ids: string[] = []
  const first: PageCollection = await client.api('/security/incidents').orderby('createdDateTime').top(2).get()
  const iterator = new PageIterator(client, first, (incident) => {
    ids.push(incident.id)
    return true
  })
  await iterator.iterate()
  return ids
}

async function fail(work: Promise<unknown>): Promise<unknown> {
  try {
    return { passed: await work }
  } catch (error) {
    if (!(error instanceof GraphError)) throw error
    const { statusCode, code, requestId, message } = error
    return { statusCode, code, hasRequestId: requestId !== null, message }
  }
}

const incident = client.api(`/security/incidents/${incidentId}`)
const task = client.api(`/security/incidentTasks/${taskId}`).version('beta')

report('list', await listAll())
report('count', await client.api('/security/incidents/$count').get())
report('get', await incident.get())
report('update', await incident.update({ status: 'inProgress', assignedTo: null, customTags: ['sdk'] }))
report('comment', await client.api(`/security/incidents/${incidentId}/comments`).post({ comment: 'from the SDK' }))
report('prefer', await incident.header('Prefer', 'include-unknown-enum-members').select(['status']).get())
report(
  'execute',
  (await client.api(`/security/incidentTasks/${taskId}/executeResponseAction`).version('beta').post({})) ?? null,
)
report(
  'again',
  await fail(client.api(`/security/incidentTasks/${taskId}/executeResponseAction`).version('beta').post(null)),
)
report('task', await task.expand('incident').get())
report('absent', await fail(client.api('/security/incidents/999999999').get()))
report('top', await fail(client.api('/security/incidents').top(51).get()))

const requests = Array.from({ length: 20 }, (_, index) => ({
  id: String(index + 1),
  request: new Request(`${url}/v1.0/security/incidents/${index === 19 ? '999999999' : incidentId}?$select=status`),
}))
const batch = new BatchRequestContent(requests)
const responses = new BatchResponseContent(await client.api('/$batch').post(await batch.getContent()))
report(
  'batch',
  [...responses.getResponses()].map(([, response]) => response.status),
)
