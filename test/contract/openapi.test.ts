import assert from 'node:assert/strict'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { listBehaviours } from '../support/behaviour.ts'
import { listExamples } from '../support/examples.ts'
import { checkSchema, resolveReference } from '../support/json-schema.ts'
import { assertFits, operationsOf, readDocument } from '../support/openapi.ts'
import { tenantTest } from '../support/shared-cordon.ts'

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) =>
    name === '$ref' && typeof member === 'string' ? [member] : referencesIn(member),
  )
}

tenantTest(
  'the OpenAPI document is whole: ids are unique, references lead somewhere, path parameters are declared',
  async () => {
    const document = await readDocument()
    const all = operationsOf(document)
    const ids = all.map(([, , { operationId }]) => operationId)

    assert.equal(document.openapi, '3.1.0')
    assert.ok(all.length >= 50)
    assert.equal(new Set(ids).size, ids.length)
    for (const reference of new Set(referencesIn(document))) {
      assert.notEqual(resolveReference(document, reference), undefined, reference)
    }
    for (const [at, , { parameters, responses }] of all) {
      const declared = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)
      assert.deepEqual(
        declared,
        [...at.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      )
      assert.ok(Object.keys(responses).length > 0)
    }
  },
)

tenantTest('the OpenAPI document is one by the schema of OpenAPI 3.1, and its schemas are by JSON Schema', async () => {
  const document = await readDocument()
  const ajv = new Ajv2020({ strict: false })

  const validator = new Validator()
  const { valid, errors } = await validator.validate(JSON.parse(JSON.stringify(document)))

  assert.ok(valid, JSON.stringify(errors, null, 2))
  assert.equal(validator.version, '3.1')
  const schemas = Object.entries(document.components.schemas)
  const contents = operationsOf(document).flatMap(([at, method, { requestBody, responses }]) =>
    [requestBody, ...Object.values(responses)].flatMap((part) =>
      Object.entries(part?.content ?? {}).map(([type, { schema }]): [string, object] => [
        `${method} ${at} ${type}`,
        schema,
      ]),
    ),
  )
  assert.ok(contents.length > 100)
  for (const [name, schema] of [...schemas, ...contents]) {
    assert.ok(ajv.validateSchema(schema), `${name}: ${ajv.errorsText()}`)
    assert.notDeepEqual(schema, {}, `${name} is not described: src/api/v1/openapi`)
  }
})

tenantTest('the OpenAPI document has every operation of the specification but the pages', async () => {
  const document = await readDocument()
  for (const row of listBehaviours()) {
    if (row.versions.length === 0 && /^\/($|t\/|assets\/|login|auth\/|error|api\/v1\/docs)/.test(row.path)) continue
    for (const root of row.versions.length === 0 ? [''] : row.versions.map((version) => `/${version}`)) {
      const operation = document.paths[`${root}${row.path}`]?.[row.method.toLowerCase()]

      assert.ok(operation, `${row.method} ${root}${row.path}`)
      assert.deepEqual(operation['x-permissions'] ?? [], row.permissions)
      assert.equal(operation.security.length, row.access === 'permissions' ? 1 : 0)
      for (const status of row.success) assert.ok(operation.responses[status], `${row.operation} ${status}`)
    }
  }
})

tenantTest('what the server answers is what the OpenAPI document says', async (tenant) => {
  const document = await readDocument()
  const expert = await tenant.as('expert')
  const incident = await tenant.incident({ customTags: ['a'] })
  const evidence = [
    {
      '@odata.type': '#microsoft.graph.security.deviceEvidence',
      hostName: 'web-07',
      loggedOnUsers: [{ accountName: 'kai' }],
    },
    { '@odata.type': '#microsoft.graph.security.fileEvidence', fileDetails: { fileName: 'a', fileSize: 1 } },
  ]
  const sent = await expert.post('/v1.0/security/alerts_v2', { title: 'x', severity: 'low', evidence })
  const alert: string = sent.body.id
  const task = await tenant.task(incident)
  const requests: [method: string, path: string, body?: unknown][] = [
    ['GET', `/v1.0/security/incidents?$expand=alerts&$count=true`],
    ['GET', `/v1.0/security/incidents/${sent.body.incidentId}?$expand=alerts`],
    ['GET', `/beta/security/incidents/${incident}`],
    ['GET', `/v1.0/security/alerts_v2?$top=1`],
    ['GET', `/beta/security/alerts_v2/${alert}`],
    ['GET', `/v1.0/security/incidents/${sent.body.incidentId}/alerts`],
    ['GET', '/beta/security/incidentTasks?$expand=incident'],
    ['GET', `/beta/security/incidentTasks/${task}`],
    ['GET', `/beta/security/incidentTasks/${task}/incident`],
    ['PATCH', `/v1.0/security/incidents/${incident}`, { severity: 'high' }],
    ['PATCH', `/v1.0/security/alerts_v2/${alert}`, { status: 'inProgress' }],
    ['PATCH', `/beta/security/incidentTasks/${task}`, { status: 'notRelevant' }],
    ['POST', `/v1.0/security/alerts_v2/${alert}/comments`, [{ comment: 'x' }]],
    ['POST', `/v1.0/security/incidents/${incident}/comments`, { comment: 'x' }],
    ['POST', '/v1.0/security/alerts_v2/moveAlerts', { alertIds: [alert] }],
    ['POST', '/beta/security/incidents/mergeIncidents', { incidentIds: [incident, sent.body.incidentId] }],
    ['GET', '/v1.0/security/incidents/999999'],
    ['GET', '/v1.0/security/incidents?$top=51'],
  ]
  assertFits(document, 'POST', '/v1.0/security/alerts_v2', sent)
  for (const [method, at, body] of requests) {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const answer = await expert.send(method, at, text, text === undefined ? {} : { 'Content-Type': 'application/json' })
    assert.ok(answer.status < 500, answer.text)
    assertFits(document, method, at, answer)
  }
})

tenantTest('the request bodies of the examples that succeed fit the OpenAPI document', async () => {
  const document = await readDocument()
  const byId = new Map(operationsOf(document).map(([, , operation]) => [operation.operationId, operation]))
  let checked = 0
  for (const { operation, name, request, response } of listExamples()) {
    const content = byId.get(operation)?.requestBody?.content['application/json']
    if (response.status >= 300 || content === undefined || typeof request.body !== 'object') continue
    // Enum members count in any case, times in any offset and precision; the document names the canonical ones.
    const found = checkSchema(document, content.schema, request.body).filter(
      (problem) => !/no (member|instant)$/.test(problem),
    )
    assert.deepEqual(found, [], `${operation}/${name}`)
    checked += 1
  }
  assert.ok(checked > 10)
})
