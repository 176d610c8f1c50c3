import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  actualType,
  carriesTypeName,
  concreteTypesOf,
  type EdmProperty,
  findProperty,
  findType,
  isDictionary,
  odataType,
  propertiesOf,
} from '../../src/model/edm.ts'
import {
  actions,
  type DeviceEvidence,
  edm,
  type IncidentTaskResponseAction,
  type TypeName,
} from '../../src/model/generated.ts'

const responseActions = [
  'isolateDeviceIncidentTaskResponseAction',
  'unIsolateDeviceIncidentTaskResponseAction',
  'restrictAppExecutionIncidentTaskResponseAction',
  'unRestrictAppExecutionIncidentTaskResponseAction',
  'runAntivirusScanIncidentTaskResponseAction',
  'collectInvestigationPackageIncidentTaskResponseAction',
  'stopAndQuarantineFileIncidentTaskResponseAction',
  'disableUserIncidentTaskResponseAction',
  'enableUserIncidentTaskResponseAction',
  'forceUserPasswordResetIncidentTaskResponseAction',
  'requireSignInIncidentTaskResponseAction',
  'markUserAsCompromisedIncidentTaskResponseAction',
  'hardDeleteEmailIncidentTaskResponseAction',
  'softDeleteIncidentTaskResponseAction',
]

const evidence =
  'device user file fileHash process ip url dns networkConnection hostLogonSession malware analyzedMessage mailbox mailCluster registryKey ' +
  'registryValue cloudApplication oauthApplication activeDirectoryDomain aiAgent amazonResource azureResource blobContainer blob ' +
  'cloudLogonRequest cloudLogonSession container containerImage containerRegistry gitHubOrganization gitHubRepo gitHubUser ' +
  'googleCloudResource ioTDevice kubernetesCluster kubernetesController kubernetesNamespace kubernetesPod kubernetesSecret ' +
  'kubernetesServiceAccount kubernetesService mailboxConfiguration nic sasToken securityGroup servicePrincipal submissionMail teamsMessage'

function namesOf(type: TypeName, keep: (property: EdmProperty) => unknown = () => true): string[] {
  return propertiesOf(type)
    .filter(keep)
    .map((property) => property.name)
    .sort()
}

test('the 14 typed response actions and their base type are the concrete response actions', () => {
  assert.deepEqual(concreteTypesOf('responseAction'), ['incidentTaskResponseAction', ...responseActions])
})

test('only isolateDevice and stopAndQuarantineFile carry more than the identifier', () => {
  const more = concreteTypesOf('responseAction').filter((name) => propertiesOf(name).length > 1)

  assert.deepEqual(
    more.map((name) => namesOf(name)),
    [
      ['identifierValue', 'isolationType'],
      ['deviceId', 'identifierValue'],
    ],
  )
})

test('evidence has the 48 published concrete types, each with what all evidence has', () => {
  const common = [
    'createdDateTime',
    'detailedRoles',
    'remediationStatus',
    'remediationStatusDetails',
    'roles',
    'tags',
    'verdict',
  ]

  assert.deepEqual(
    [...concreteTypesOf('alertEvidence')].sort(),
    evidence
      .split(' ')
      .map((name) => `${name}Evidence`)
      .sort(),
  )
  assert.equal(concreteTypesOf('alertEvidence').length, 48)
  for (const name of concreteTypesOf('alertEvidence')) {
    assert.deepEqual(
      common.filter((property) => findProperty(name, property) === undefined),
      [],
      name,
    )
  }
})

test('deviceEvidence has every published property', () => {
  const own = edm.deviceEvidence.properties.map((property) => property.name).sort()

  assert.deepEqual(
    own,
    (
      'azureAdDeviceId defenderAvStatus deviceDnsName dnsDomain firstSeenDateTime healthStatus hostName ipInterfaces lastExternalIpAddress ' +
      'lastIpAddress loggedOnUsers mdeDeviceId ntDomain onboardingStatus osBuild osPlatform rbacGroupId rbacGroupName resourceAccessEvents ' +
      'riskScore version vmMetadata'
    ).split(' '),
  )
})

test('PATCH writes the ten documented properties of an incident', () => {
  assert.deepEqual(
    namesOf('incident', (property) => property.writable),
    [
      'assignedTo',
      'classification',
      'customTags',
      'description',
      'determination',
      'displayName',
      'resolvingComment',
      'severity',
      'status',
      'summary',
    ],
  )
})

test('PATCH writes five properties of an alert and one of a task', () => {
  const alert = ['assignedTo', 'classification', 'customDetails', 'determination', 'status']

  assert.deepEqual(
    namesOf('alert', (property) => property.writable),
    alert,
  )
  assert.deepEqual(
    namesOf('incidentTask', (property) => property.writable),
    ['status'],
  )
})

test('beta only are two properties of an incident, incidentTask and what belongs to it', () => {
  const types = Object.values(edm).filter((type) => type.betaOnly)

  assert.deepEqual(
    namesOf('incident', (property) => property.betaOnly),
    ['recommendedActions', 'recommendedHuntingQueries'],
  )
  assert.deepEqual(
    types.map((type) => type.name).sort(),
    [
      'incidentTask',
      'incidentTaskResponseAction',
      'recommendedHuntingQuery',
      'responseAction',
      ...responseActions,
    ].sort(),
  )
})

test('of an alert only the key and three enums are not nullable', () => {
  assert.deepEqual(
    namesOf('alert', (property) => !property.nullable),
    ['id', 'serviceSource', 'severity', 'status'],
  )
})

test('a creating POST of an alert cannot set what correlation and the server decide', () => {
  const owned = namesOf('alert', (property) => property.serverOwned)

  assert.deepEqual(owned, [
    'comments',
    'id',
    'incidentId',
    'incidentWebUrl',
    'lastUpdateDateTime',
    'resolvedDateTime',
    'tenantId',
  ])
})

test('every string has a limit', () => {
  for (const type of Object.values(edm)) {
    for (const property of type.properties) {
      if (property.type === 'Edm.String') assert.ok((property.maxLength ?? 0) > 0, `${type.name}/${property.name}`)
    }
  }
})

test('the text limits are the documented ones', () => {
  const limit = (type: TypeName, name: string) => findProperty(type, name)?.maxLength

  assert.equal(limit('incident', 'assignedTo'), 256)
  assert.equal(limit('incident', 'displayName'), 512)
  assert.equal(limit('incident', 'customTags'), 256)
  assert.equal(findProperty('incident', 'customTags')?.maxItems, 100)
  assert.equal(limit('incident', 'resolvingComment'), 30_000)
  assert.equal(limit('alertComment', 'comment'), 30_000)
})

test('every non-nullable property can be filled, or a creating POST must give it', () => {
  for (const type of Object.values(edm)) {
    for (const property of type.properties) {
      const isFilled = property.nullable || property.collection || property.kind === 'navigation'
      const hasDefault = property.default !== undefined || ['Edm.String', 'Edm.DateTimeOffset'].includes(property.type)
      assert.ok(isFilled || hasDefault || property.requiredOnCreate, `${type.name}/${property.name}`)
    }
  }
})

test('types are found by their wire name with and without #', () => {
  assert.equal(findType('#microsoft.graph.security.deviceEvidence'), edm.deviceEvidence)
  assert.equal(findType('microsoft.graph.security.deviceEvidence'), edm.deviceEvidence)
  assert.equal(findType('microsoft.graph.deviceEvidence'), undefined)
  assert.equal(findType('#microsoft.graph.security.isolateDeviceResponseAction'), undefined)
  assert.equal(odataType('entity'), '#microsoft.graph.entity')
})

test('names of Object.prototype are no properties', () => {
  for (const name of ['__proto__', 'constructor', 'toString']) assert.equal(findProperty('incident', name), undefined)
})

test('evidence and response actions carry their type name, other complex types do not', () => {
  assert.ok(carriesTypeName('deviceEvidence') && carriesTypeName('incidentTaskResponseAction'))
  assert.ok(!carriesTypeName('alertComment') && !carriesTypeName('userAccount') && !carriesTypeName('incident'))
})

test('a value is of the type it names only when that derives from the declared one', () => {
  assert.equal(actualType('alertEvidence', { '@odata.type': '#microsoft.graph.security.ipEvidence' }), 'ipEvidence')
  assert.equal(actualType('dictionary', { '@odata.type': '#microsoft.graph.security.ipEvidence' }), 'dictionary')
  assert.equal(actualType('userEvidence', {}), 'userEvidence')
})

test('dictionary is the only type that is nothing but open', () => {
  assert.deepEqual(
    Object.values(edm)
      .map((type) => type.name)
      .filter(isDictionary),
    ['dictionary'],
  )
})

test('the actions have the documented parameters', () => {
  const parameters = (name: keyof typeof actions) =>
    actions[name].parameters.map((parameter) => `${parameter.name}${parameter.requiredOnCreate ? '!' : ''}`)

  assert.deepEqual(parameters('mergeIncidents'), ['incidentIds!', 'incidentComment', 'mergeReasons'])
  assert.deepEqual(parameters('moveAlerts'), ['alertIds!', 'incidentId', 'alertComment', 'newCorrelationReasons'])
  assert.deepEqual(parameters('executeResponseAction'), [])
  assert.equal(actions.executeResponseAction.boundTo, 'incidentTask')
  assert.ok(actions.mergeIncidents.boundToCollection)
})

test('the generated types tell response actions apart by @odata.type', () => {
  const target = (action: IncidentTaskResponseAction): string =>
    action['@odata.type'] === '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction'
      ? `${action.isolationType} ${action.identifierValue}`
      : action.identifierValue
  const osBuild: DeviceEvidence['osBuild'] = null

  const isolate = { '@odata.type': '#microsoft.graph.security.isolateDeviceIncidentTaskResponseAction' } as const

  assert.equal(target({ ...isolate, isolationType: 'full', identifierValue: 'web01' }), 'full web01')
  assert.equal(osBuild, null)
})
