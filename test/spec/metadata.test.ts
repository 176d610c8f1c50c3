import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metadataXml } from '../../src/api/graph/metadata.generated.ts'
import { enums } from '../../src/model/generated.ts'
import { readXml, type XmlElement } from '../../tools/generate/xml.ts'

const documents = { 'v1.0': readXml(metadataXml['v1.0']), beta: readXml(metadataXml.beta) }
const versions = ['v1.0', 'beta'] as const

function flatten(element: XmlElement): readonly XmlElement[] {
  return [element, ...element.children.flatMap(flatten)]
}

function find(root: XmlElement, name: string, attribute: string, value: string): XmlElement | undefined {
  return flatten(root).find((element) => element.name === name && element.attributes.get(attribute) === value)
}

function attributesOf(elements: readonly XmlElement[] | undefined, name: string, attribute: string): string[] {
  const found = (elements ?? []).filter((element) => element.name === name)
  return found.map((element) => element.attributes.get(attribute) ?? '')
}

for (const version of versions) {
  const root = documents[version]

  test(`$metadata of ${version} is EDMX 4.0 with the two Graph schemas and their aliases`, () => {
    const schemas = flatten(root).filter((element) => element.name === 'Schema')

    assert.equal(root.name, 'edmx:Edmx')
    assert.equal(root.attributes.get('Version'), '4.0')
    assert.equal(root.attributes.get('xmlns:edmx'), 'http://docs.oasis-open.org/odata/ns/edmx')
    assert.deepEqual(
      schemas.map(({ attributes }) => [attributes.get('Namespace'), attributes.get('Alias'), attributes.get('xmlns')]),
      [
        ['microsoft.graph', 'graph', 'http://docs.oasis-open.org/odata/ns/edm'],
        ['microsoft.graph.security', 'self', 'http://docs.oasis-open.org/odata/ns/edm'],
      ],
    )
  })

  test(`$metadata of ${version} leads from GraphService over security to its collections`, () => {
    const singleton = find(root, 'Singleton', 'Name', 'security')
    const security = find(root, 'EntityType', 'Name', 'security')
    const collections = version === 'beta' ? ['incidents', 'alerts_v2', 'incidentTasks'] : ['incidents', 'alerts_v2']

    assert.ok(find(root, 'EntityContainer', 'Name', 'GraphService')?.children.includes(singleton ?? root))
    assert.equal(singleton?.attributes.get('Type'), 'microsoft.graph.security.security')
    assert.deepEqual(attributesOf(security?.children, 'NavigationProperty', 'Name'), collections)
    assert.ok(security?.children.every((child) => child.attributes.get('ContainsTarget') === 'true'))
  })

  test(`every type $metadata of ${version} refers to is declared in it`, () => {
    const declared = new Set<string>()
    for (const schema of flatten(root).filter((element) => element.name === 'Schema')) {
      for (const { attributes } of schema.children)
        declared.add(`${schema.attributes.get('Alias')}.${attributes.get('Name')}`)
    }

    const referred = flatten(root).flatMap(({ attributes }) => [attributes.get('Type'), attributes.get('BaseType')])
    const own = referred
      .filter((type) => type !== undefined)
      .map((type) => type.replace(/^Collection\((.*)\)$/, '$1').replace(/^microsoft\.graph\.security\./, 'self.'))
      .filter((type) => !type.startsWith('Edm.'))

    assert.ok(own.length > 100)
    assert.deepEqual(
      own.filter((type) => !declared.has(type)),
      [],
    )
  })

  test(`$metadata of ${version} shows nothing of Cordon’s own vocabulary`, () => {
    assert.doesNotMatch(metadataXml[version], /Cordon/)
  })

  test(`$metadata of ${version} keeps the revision of alert/category`, () => {
    const category = find(root, 'EntityType', 'Name', 'alert')?.children.find(
      (child) => child.attributes.get('Name') === 'category',
    )

    assert.deepEqual(attributesOf(category?.children, 'Annotation', 'Term'), ['Org.OData.Core.V1.Revisions'])
    assert.deepEqual(attributesOf(flatten(category ?? root), 'PropertyValue', 'Property'), [
      'Date',
      'Version',
      'Kind',
      'Description',
      'RemovalDate',
    ])
  })

  test(`every action in $metadata of ${version} is bound by its first parameter`, () => {
    for (const action of flatten(root).filter((element) => element.name === 'Action')) {
      assert.equal(action.attributes.get('IsBound'), 'true')
      assert.equal(attributesOf(action.children, 'Parameter', 'Name')[0], 'bindingParameter')
    }
  })
}

test('v1.0 knows no incidentTask and nothing that belongs to it', () => {
  assert.doesNotMatch(metadataXml['v1.0'], /incidentTask|ResponseAction|executeResponseAction|isolationType/i)
  assert.doesNotMatch(metadataXml['v1.0'], /recommendedHuntingQuer/)
})

test('v1.0 has recommendedActions of alert but not that of incident', () => {
  const has = (version: 'v1.0' | 'beta', type: string) =>
    attributesOf(find(documents[version], 'EntityType', 'Name', type)?.children, 'Property', 'Name').includes(
      'recommendedActions',
    )

  assert.deepEqual([has('v1.0', 'alert'), has('v1.0', 'incident'), has('beta', 'incident')], [true, false, true])
})

test('beta has the three actions, v1.0 those of incidents and alerts', () => {
  const actions = versions.map((version) => attributesOf(flatten(documents[version]), 'Action', 'Name'))

  assert.deepEqual(actions, [
    ['mergeIncidents', 'moveAlerts'],
    ['mergeIncidents', 'moveAlerts', 'executeResponseAction'],
  ])
})

test('incidentTaskResponseAction is not abstract, its base is', () => {
  const abstract = (name: string) => find(documents.beta, 'ComplexType', 'Name', name)?.attributes.get('Abstract')

  assert.equal(abstract('responseAction'), 'true')
  assert.equal(abstract('incidentTaskResponseAction'), undefined)
  assert.equal(find(documents.beta, 'EntityType', 'Name', 'entity')?.attributes.get('Abstract'), 'true')
})

test('enum members stand in beta $metadata with the numbers the server works with', () => {
  for (const table of Object.values(enums)) {
    const members = find(documents.beta, 'EnumType', 'Name', table.name)?.children ?? []
    const written = Object.fromEntries(
      members.map(({ attributes }) => [attributes.get('Name'), Number(attributes.get('Value'))]),
    )

    assert.deepEqual(written, { ...table.members }, table.name)
  }
  assert.equal(find(documents.beta, 'EnumType', 'Name', 'correlationReason')?.attributes.get('IsFlags'), 'true')
})
