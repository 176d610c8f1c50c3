import assert from 'node:assert/strict'
import { assertError } from '../support/answers.ts'
import { tenantTest } from '../support/shared-cordon.ts'

const path = '/v1.0/$metadata'

tenantTest('gives the metadata as XML to whoever does not ask for JSON', async (_tenant, cordon) => {
  const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
  const answers = [
    await cordon.anonymous.get(path),
    await cordon.anonymous.get(path, { Accept: '*/*' }),
    await cordon.anonymous.get(path, { Accept: browser }),
    await cordon.anonymous.get(path, { Accept: 'application/xml, application/json' }),
    await cordon.anonymous.get(path, { Accept: 'application/json;q=0.5, application/xml' }),
    await cordon.anonymous.get(`${path}?$format=xml`, { Accept: 'application/json' }),
    await cordon.anonymous.get(`${path}?$format=application/xml`),
  ]
  for (const answer of answers) {
    assert.equal(answer.status, 200)
    assert.match(String(answer.headers['content-type']), /^application\/xml/)
    assert.match(answer.text, /^<\?xml/)
  }
})

tenantTest('gives the metadata as CSDL JSON by Accept and by $format', async (_tenant, cordon) => {
  const answers = [
    await cordon.anonymous.get(path, { Accept: 'application/json' }),
    await cordon.anonymous.get(path, { Accept: 'application/json;odata.metadata=minimal, application/xml;q=0.9' }),
    await cordon.anonymous.get(`${path}?$format=json`),
    await cordon.anonymous.get(`${path}?%24format=application%2Fjson`, { Accept: 'application/xml' }),
  ]
  for (const answer of answers) {
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.headers['odata-version'], '4.0')
    assert.equal(answer.body.$EntityContainer, 'microsoft.graph.GraphService')
    assert.equal(answer.body['microsoft.graph.security'].incidentTask, undefined)
  }
  const beta = await cordon.anonymous.get('/beta/$metadata?$format=json')
  assert.equal(beta.body['microsoft.graph.security'].incidentTask.$Kind, 'EntityType')
  assertError(await cordon.anonymous.get(`${path}?$format=yaml`), 406, { code: 'NotAcceptable' })
})
