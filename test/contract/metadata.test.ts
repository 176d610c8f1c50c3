import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { enums } from '../../src/model/generated.ts'
import { tenantTest } from '../support/shared-cordon.ts'

tenantTest(
  'serves $metadata to anybody as XML that names every type and enum value of the version',
  async (_tenant, cordon) => {
    for (const version of ['v1.0', 'beta']) {
      const answer = await cordon.anonymous.get(`/${version}/$metadata`, { Accept: 'application/xml' })

      assert.equal(answer.status, 200, answer.text)
      assert.match(String(answer.headers['content-type']), /^application\/xml/)
      assert.match(answer.text, /<edmx:Edmx Version="4.0"/)
      for (const name of ['incident', 'alert', 'alertEvidence'])
        assert.match(answer.text, new RegExp(`EntityType Name="${name}"|ComplexType Name="${name}"`))
      assert.equal(/EntityType Name="incidentTask"/.test(answer.text), version === 'beta')
      for (const [member, value] of Object.entries(enums.incidentStatus.members)) {
        assert.ok(answer.text.includes(`<Member Name="${member}" Value="${value}"`), member)
      }
    }
  },
)

tenantTest('serves the encoded segment and the service document', async (_tenant, cordon) => {
  const plain = await cordon.anonymous.get('/beta/$metadata')
  const encoded = await cordon.anonymous.get('/beta/%24metadata')
  const root = await cordon.anonymous.get('/beta/')

  assert.equal(encoded.text, plain.text)
  assert.equal(root.status, 200)
  assert.equal(root.body['@odata.context'], `${cordon.url}/beta/$metadata`)
  assert.deepEqual(root.body.value, [{ name: 'security', kind: 'Singleton', url: 'security' }])
})

tenantTest('answers only properties that $metadata declares', async (tenant, cordon) => {
  const expert = await tenant.as('expert')
  const incident = await tenant.incident()
  const type = '#microsoft.graph.security.deviceEvidence' as const
  await tenant.alert(incident, { evidence: [{ '@odata.type': type, hostName: 'web-07' }] })
  await tenant.task(incident)
  await expert.post(`/beta/security/incidents/${incident}/comments`, { comment: 'x' })
  for (const version of ['v1.0', 'beta']) {
    const metadata = (await cordon.anonymous.get(`/${version}/$metadata`)).text
    const declared = new Set([...metadata.matchAll(/<(?:Navigation)?Property Name="(\w+)"/g)].map((match) => match[1]))
    const bodies = [(await expert.get(`/${version}/security/incidents?$expand=alerts`)).body.value]
    if (version === 'beta') bodies.push((await expert.get('/beta/security/incidentTasks')).body.value)

    for (const name of namesIn(bodies)) assert.ok(declared.has(name), `${name} on ${version}`)
  }
})

/** Every property name in a JSON value, annotations aside. */
function namesIn(value: unknown): Set<string> {
  const names = new Set<string>()
  const visit = (item: unknown): void => {
    if (Array.isArray(item)) item.forEach(visit)
    else if (typeof item === 'object' && item !== null) {
      for (const [name, below] of Object.entries(item)) {
        if (!name.includes('@')) names.add(name)
        visit(below)
      }
    }
  }
  visit(value)
  return names
}

tenantTest('serves what spec/ says', async (_tenant, cordon) => {
  const spec = readFileSync(new URL('../../spec/graph-security.csdl.xml', import.meta.url), 'utf8')
  const served = (await cordon.anonymous.get('/beta/$metadata')).text
  const typesIn = (text: string): string[] =>
    [...text.matchAll(/<(?:Entity|Complex|Enum)Type Name="(\w+)"/g)].map((match) => String(match[1])).sort()

  assert.deepEqual(typesIn(served), typesIn(spec))
})
