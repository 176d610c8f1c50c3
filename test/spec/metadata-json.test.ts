import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metadataJson, metadataXml } from '../../src/api/graph/metadata.generated.ts'
import { enums } from '../../src/model/generated.ts'
import { readXml, type XmlElement } from '../../tools/generate/xml.ts'

type Members = Readonly<Record<string, unknown>>

const namespace = 'microsoft.graph.security'

function flatten(element: XmlElement): readonly XmlElement[] {
  return [element, ...element.children.flatMap(flatten)]
}

function membersOf(value: unknown): Members {
  assert.ok(typeof value === 'object' && value !== null)
  return value as Members
}

for (const version of ['v1.0', 'beta'] as const) {
  const document = membersOf(JSON.parse(metadataJson[version]))
  const schema = membersOf(document[namespace])
  const elements = flatten(readXml(metadataXml[version]))
  const declared = elements.filter(({ name }) => /^(EntityType|ComplexType|EnumType|Action)$/.test(name))

  test(`CSDL JSON of ${version} names version, container and aliases`, () => {
    assert.equal(document.$Version, '4.0')
    assert.equal(document.$EntityContainer, 'microsoft.graph.GraphService')
    assert.equal(membersOf(document['microsoft.graph']).$Alias, 'graph')
    assert.equal(schema.$Alias, 'self')
    assert.deepEqual(membersOf(document['microsoft.graph']).GraphService, {
      $Kind: 'EntityContainer',
      security: { $Type: 'microsoft.graph.security.security' },
    })
  })

  test(`CSDL JSON of ${version} declares what the XML declares, member by member`, () => {
    const all = { ...membersOf(document['microsoft.graph']), ...schema }
    for (const element of declared) {
      const name = element.attributes.get('Name') ?? ''
      const found = membersOf(element.name === 'Action' ? (all[name] as unknown[])[0] : all[name])
      const names = element.children
        .filter((child) => /^(Property|NavigationProperty|Member)$/.test(child.name))
        .map((child) => child.attributes.get('Name'))

      assert.equal(found.$Kind, element.name)
      assert.equal(found.$BaseType, element.attributes.get('BaseType'))
      assert.deepEqual(
        Object.keys(found).filter((key) => !/^[$@]/.test(key)),
        names,
      )
    }
    assert.equal(Object.keys(all).filter((key) => !/^[$@]|^GraphService$/.test(key)).length, declared.length)
  })

  test(`every property of CSDL JSON of ${version} has the type and nullability of the XML`, () => {
    for (const element of declared) {
      const found = membersOf(schema[element.attributes.get('Name') ?? ''] ?? {})
      for (const child of element.children) {
        if (!/^(Property|NavigationProperty)$/.test(child.name) || Object.keys(found).length === 0) continue
        const {
          $Type = 'Edm.String',
          $Collection = false,
          $Nullable = false,
        } = membersOf(found[child.attributes.get('Name') ?? ''])
        const type = $Collection ? `Collection(${$Type})` : $Type

        assert.equal(type, child.attributes.get('Type'))
        if (!$Collection) assert.equal($Nullable, child.attributes.get('Nullable') !== 'false')
      }
    }
  })

  test(`every enum of CSDL JSON of ${version} has the numbers of the contract`, () => {
    for (const [name, { members }] of Object.entries(enums)) {
      const found = schema[name]
      if (found === undefined && version === 'v1.0') continue
      const numbers = Object.entries(membersOf(found)).filter(([key]) => !/^[$@]/.test(key))
      assert.deepEqual(Object.fromEntries(numbers), members, name)
    }
  })
}

test('the action parameters that may be left out say so', () => {
  const schema = membersOf(membersOf(JSON.parse(metadataJson['v1.0']))[namespace])
  const [action] = schema.moveAlerts as [Members]

  assert.deepEqual(action.$Parameter, [
    { $Name: 'bindingParameter', $Collection: true, $Type: 'microsoft.graph.security.alert' },
    { $Name: 'alertIds', $Collection: true },
    { $Name: 'incidentId', $Nullable: true, '@Org.OData.Core.V1.OptionalParameter': {} },
    { $Name: 'alertComment', $Nullable: true, '@Org.OData.Core.V1.OptionalParameter': {} },
    {
      $Name: 'newCorrelationReasons',
      $Type: 'self.correlationReason',
      $Nullable: true,
      '@Org.OData.Core.V1.OptionalParameter': {},
    },
  ])
  assert.deepEqual(action.$ReturnType, { $Type: 'self.mergeResponse', $Nullable: true })
  assert.doesNotMatch(metadataJson.beta, /Cordon/)
})
