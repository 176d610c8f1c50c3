import assert from 'node:assert/strict'
import { instantOf, systemClock } from '../../src/io/clock.ts'
import type { Client, Cordon, Reply } from '../support/cordon.ts'
import { type Example, type ExampleRequest, giveExampleState, listExamples } from '../support/examples.ts'
import type { Tenant } from '../support/given.ts'
import { signInPerson } from '../support/person.ts'
import { startReceiver } from '../support/receiver.ts'
import { assertShape } from '../support/shape.ts'
import { tenantTest } from '../support/shared-cordon.ts'

const examples = listExamples()

/** A request of an example with its `<name>` replaced by what stands for it in this run. */
function fillRequest(request: ExampleRequest, values: Readonly<Record<string, string>>): ExampleRequest {
  const text = JSON.stringify(request).replaceAll(
    /<(receiver|soon|created|digest|insider|outsider)>/g,
    (_all, name: string) => values[name] ?? '',
  )
  return JSON.parse(text)
}

function sendRequest(client: Client, { method, path, headers = {}, body }: ExampleRequest): Promise<Reply> {
  if (body === undefined) return client.send(method, path, undefined, headers)
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return client.send(method, path, text, { 'Content-Type': 'application/json', ...headers })
}

function findCaller(
  cordon: Cordon,
  tenant: Tenant,
  role: Example['role'],
  isPerson: boolean,
): Promise<Client> | Client {
  if (role === 'none') return cordon.anonymous
  return isPerson ? signInPerson(cordon, tenant.id, role, 'Ada').then(({ client }) => client) : tenant.as(role)
}

/** A person of the tenant, and one of a provider that looks after it, where an example names them. */
async function givePeople(cordon: Cordon, tenant: Tenant, text: string): Promise<Record<string, string>> {
  const make = async (tenantId: string): Promise<string> =>
    (await signInPerson(cordon, tenantId, 'responder', 'Olga')).id
  return {
    ...(text.includes('<insider>') ? { insider: await make(tenant.id) } : {}),
    ...(text.includes('<outsider>') ? { outsider: await make(await cordon.createTenant('Provider')) } : {}),
  }
}

// Each documented pair of request and response, replayed on a tenant that holds spec/examples/given.json and nothing else.
for (const { operation, name, about, role, person = false, before = [], request, response } of examples) {
  tenantTest(`${operation}/${name}: ${about}`, async (tenant, cordon, t) => {
    await giveExampleState(tenant)
    const client = await findCaller(cordon, tenant, role, person)
    const receiver = JSON.stringify([before, request]).includes('<receiver>') ? await startReceiver(t) : null
    const values: Record<string, string> = {
      origin: cordon.url,
      tenantId: tenant.id,
      receiver: receiver?.origin ?? '',
      ...(await givePeople(cordon, tenant, JSON.stringify([before, request]))),
      soon: instantOf(systemClock.nowMs() + 3_600_000),
    }
    for (const earlier of before) {
      const caller = earlier.role === undefined ? client : await tenant.as(earlier.role)
      const { body } = await sendRequest(caller, fillRequest(earlier, values))
      const shown = body?.value?.[0] ?? body
      values.created = String(shown?.id)
      values.digest = String(shown?.digest)
    }

    const answer = await sendRequest(client, fillRequest(request, values))

    assert.equal(answer.status, response.status, answer.text)
    for (const [header, expected] of Object.entries(response.headers ?? {})) {
      assertShape(answer.headers[header], expected, values)
    }
    if (response.body === undefined) assertShape(answer.text, response.text ?? '', values)
    else assertShape(answer.body, response.body, values)
  })
}
