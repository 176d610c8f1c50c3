import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enumMember, enumValue, hiddenMembers, maskEnum, readFlags } from '../../src/model/edm.ts'
import { type EnumName, enums } from '../../src/model/generated.ts'

/** Section 12 of the design contract, written a second time by hand: shown members, sentinel, hidden members. */
const published: Partial<Record<EnumName, Readonly<Record<string, number>>>> = {
  incidentStatus: {
    active: 1,
    resolved: 2,
    inProgress: 4,
    redirected: 64,
    unknownFutureValue: 127,
    awaitingAction: 128,
  },
  alertStatus: { unknown: 0, new: 2, inProgress: 4, resolved: 8, unknownFutureValue: 31 },
  alertSeverity: { unknown: 0, informational: 32, low: 64, medium: 128, high: 256, unknownFutureValue: 511 },
  alertClassification: {
    unknown: 0,
    falsePositive: 10,
    truePositive: 20,
    informationalExpectedActivity: 30,
    unknownFutureValue: 39,
  },
  alertDetermination: {
    unknown: 0,
    apt: 10,
    malware: 20,
    securityPersonnel: 30,
    securityTesting: 40,
    unwantedSoftware: 50,
    other: 60,
    multiStagedAttack: 70,
    compromisedAccount: 80,
    phishing: 90,
    maliciousUserActivity: 100,
    notMalicious: 110,
    notEnoughDataToValidate: 120,
    confirmedActivity: 130,
    lineOfBusinessApplication: 140,
    unknownFutureValue: 149,
  },
  serviceSource: {
    unknown: 0,
    microsoftDefenderForEndpoint: 1,
    microsoftDefenderForIdentity: 2,
    microsoftDefenderForCloudApps: 4,
    microsoftDefenderForOffice365: 8,
    microsoft365Defender: 16,
    azureAdIdentityProtection: 32,
    microsoftAppGovernance: 64,
    dataLossPrevention: 128,
    unknownFutureValue: 255,
    microsoftDefenderForCloud: 256,
    microsoftSentinel: 512,
    microsoftInsiderRiskManagement: 1024,
    microsoftThreatIntelligence: 2048,
    microsoftSecurityForAI: 4096,
  },
  detectionSource: {
    unknown: 0,
    microsoftDefenderForEndpoint: 1,
    antivirus: 2,
    smartScreen: 4,
    customTi: 8,
    microsoftDefenderForOffice365: 512,
    automatedInvestigation: 1024,
    microsoftThreatExperts: 2048,
    customDetection: 4096,
    microsoftDefenderForIdentity: 8192,
    cloudAppSecurity: 16384,
    microsoft365Defender: 32768,
    azureAdIdentityProtection: 65536,
    manual: 262144,
    microsoftDataLossPrevention: 524288,
    appGovernancePolicy: 1048576,
    appGovernanceDetection: 2097152,
    unknownFutureValue: 4194303,
    microsoftDefenderForCloud: 4194304,
    microsoftSentinel: 268435456,
    microsoftDefenderForIoT: 1073741833,
    microsoftDefenderForServers: 1073741834,
    microsoftDefenderForStorage: 1073741835,
    microsoftDefenderForDNS: 1073741836,
    microsoftDefenderForDatabases: 1073741837,
    microsoftDefenderForContainers: 1073741838,
    microsoftDefenderForNetwork: 1073741839,
    microsoftDefenderForAppService: 1073741840,
    microsoftDefenderForKeyVault: 1073741841,
    microsoftDefenderForResourceManager: 1073741842,
    microsoftDefenderForApiManagement: 1073741843,
    nrtAlerts: 1073741844,
    scheduledAlerts: 1073741845,
    microsoftDefenderThreatIntelligenceAnalytics: 1073741846,
    builtInMl: 1073741847,
    microsoftInsiderRiskManagement: 1073741848,
    microsoftThreatIntelligence: 1073741849,
    microsoftDefenderForAIServices: 1073741850,
    securityCopilot: 1073741851,
  },
  investigationState: {
    unknown: 0,
    terminated: 1,
    successfullyRemediated: 2,
    benign: 4,
    failed: 8,
    partiallyRemediated: 16,
    running: 32,
    pendingApproval: 64,
    pendingResource: 128,
    queued: 512,
    innerFailure: 1024,
    preexistingAlert: 2048,
    unsupportedOs: 4056,
    unsupportedAlertType: 8192,
    suppressedAlert: 16384,
    partiallyInvestigated: 32768,
    terminatedByUser: 65536,
    terminatedBySystem: 131072,
    unknownFutureValue: 262144,
  },
  evidenceVerdict: { unknown: 0, suspicious: 1, malicious: 2, noThreatsFound: 3, unknownFutureValue: 4 },
  evidenceRemediationStatus: {
    none: 0,
    remediated: 1,
    prevented: 2,
    blocked: 3,
    notFound: 4,
    unknownFutureValue: 5,
    active: 6,
    pendingApproval: 7,
    declined: 8,
    unremediated: 9,
    running: 10,
    partiallyRemediated: 11,
  },
  evidenceRole: {
    unknown: 0,
    contextual: 1,
    scanned: 2,
    source: 3,
    destination: 4,
    created: 5,
    added: 6,
    compromised: 7,
    edited: 8,
    attacked: 9,
    attacker: 10,
    commandAndControl: 11,
    loaded: 12,
    suspicious: 13,
    policyViolator: 14,
    unknownFutureValue: 31,
  },
  defenderAvStatus: {
    notReporting: 0,
    disabled: 1,
    notUpdated: 2,
    updated: 3,
    unknown: 4,
    notSupported: 1000,
    unknownFutureValue: 1023,
  },
  deviceHealthStatus: {
    active: 0,
    inactive: 1,
    impairedCommunication: 2,
    noSensorData: 3,
    noSensorDataImpairedCommunication: 4,
    unknown: 5,
    unknownFutureValue: 31,
  },
  deviceRiskScore: { none: 0, informational: 5, low: 10, medium: 20, high: 30, unknownFutureValue: 31 },
  onboardingStatus: { insufficientInfo: 0, onboarded: 1, canBeOnboarded: 2, unsupported: 3, unknownFutureValue: 31 },
  detectionStatus: { detected: 0, blocked: 1, prevented: 2, unknownFutureValue: 31 },
  correlationReason: {
    repeatedAlertOccurrence: 1,
    sameGeography: 2,
    similarArtifacts: 4,
    sameTargetedAsset: 8,
    sameNetworkSegment: 16,
    eventSequence: 32,
    timeFrame: 64,
    sameThreatSource: 128,
    similarTTPsOrBehavior: 256,
    sameActor: 512,
    sameCampaign: 1024,
    sharedIndicators: 2048,
    sameAsset: 4096,
    networkProximity: 8192,
    eventCasualSequence: 16384,
    temporalProximity: 32768,
    lateralMovementPath: 65536,
    unknownFutureValue: 131072,
  },
}

/** Members in the documented order, numbered from 0. */
const counted: Partial<Record<EnumName, readonly string[]>> = {
  incidentTaskActionStatus: [
    'notStarted',
    'inProgress',
    'partiallyCompleted',
    'completed',
    'failed',
    'unknownFutureValue',
  ],
  incidentTaskActionType: [
    'text',
    'isolateDevice',
    'stopAndQuarantineFile',
    'runAntiVirusScan',
    'collectInvestigationPackage',
    'restrictAppExecution',
    'submitIocRule',
    'forceUserPasswordReset',
    'disableUser',
    'markUserAsCompromised',
    'requireSignIn',
    'hardDeleteEmail',
    'softDeleteEmail',
    'unIsolateDevice',
    'unRestrictAppExecution',
    'enableUser',
    'unknownFutureValue',
  ],
  incidentTaskSource: ['defenderExpertsGuidedResponse', 'defenderExpertsManagedResponse', 'unknownFutureValue'],
  incidentTaskStatus: ['open', 'inProgress', 'completed', 'failed', 'notRelevant', 'unknownFutureValue'],
  isolationType: ['full', 'selective', 'unknownFutureValue'],
}

for (const [name, members] of Object.entries(published)) {
  test(`${name} has exactly the published members and numbers`, () => {
    assert.deepEqual({ ...enums[name as EnumName].members }, members)
  })
}

for (const [name, members] of Object.entries(counted)) {
  test(`${name} counts its members from 0 in the documented order`, () => {
    const numbers = Object.fromEntries(members.map((member, index) => [member, index]))

    assert.deepEqual({ ...enums[name as EnumName].members }, numbers)
  })
}

test('every enum of the contract has a sentinel, and its own number is the table’s', () => {
  for (const table of Object.values(enums)) assert.equal(table.sentinel, table.members.unknownFutureValue, table.name)
})

test('underlying types and flags are as documented', () => {
  const special = Object.values(enums).filter((table) => table.underlyingType !== 'Edm.Int32' || table.isFlags)

  assert.deepEqual(
    special.map((table) => [table.name, table.underlyingType, table.isFlags]),
    [
      ['alertClassification', 'Edm.Byte', false],
      ['investigationState', 'Edm.Int64', false],
      ['correlationReason', 'Edm.Int32', true],
    ],
  )
})

test('hidden are exactly the members numbered above the sentinel, wherever they are declared', () => {
  const hidden = Object.values(enums).flatMap((table) =>
    [...hiddenMembers(table)].map((member) => `${table.name}.${member}`),
  )

  assert.equal(hidden.length, 1 + 5 + 21 + 6)
  assert.ok(hidden.includes('incidentStatus.awaitingAction'))
  assert.ok(hidden.includes('serviceSource.microsoftSentinel'))
  assert.ok(hidden.includes('detectionSource.microsoftSentinel'))
  assert.ok(hidden.includes('evidenceRemediationStatus.active'))
  assert.ok(!hidden.some((name) => name.endsWith('unknownFutureValue')))
})

test('a member is found in any case and given back in the contract’s', () => {
  assert.equal(enumValue(enums.alertDetermination, 'MultiStagedAttack'), 'multiStagedAttack')
  assert.equal(enumValue(enums.alertClassification, 'TRUEPOSITIVE'), 'truePositive')
  assert.equal(enumValue(enums.incidentStatus, 'active'), 'active')
})

test('documented other names of a determination stand for its members', () => {
  const { alertDetermination } = enums

  assert.equal(enumValue(alertDetermination, 'compromisedUser'), 'compromisedAccount')
  assert.equal(enumValue(alertDetermination, 'Clean'), 'notMalicious')
  assert.equal(enumValue(alertDetermination, 'insufficientData'), 'notEnoughDataToValidate')
  assert.equal(enumValue(alertDetermination, 'confirmedUserActivity'), 'confirmedActivity')
})

test('what only resembles a member names none', () => {
  const strangers = [
    '',
    ' active',
    'active ',
    '1',
    'constructor',
    '__proto__',
    'toString',
    'act\u0131ve',
    'in\u200bProgress',
    'active,resolved',
  ]
  for (const text of strangers) assert.equal(enumValue(enums.incidentStatus, text), null, JSON.stringify(text))
  // The Kelvin sign lower-cases to k.
  assert.equal(enumValue(enums.evidenceRemediationStatus, 'bloc\u212Aed'), null)
})

test('a member is found by its number', () => {
  assert.equal(enumMember(enums.alertSeverity, 256), 'high')
  assert.equal(enumMember(enums.alertSeverity, 1), null)
})

test('flags are read by name and number, with and without spaces, in any order', () => {
  const { correlationReason } = enums

  assert.deepEqual(readFlags(correlationReason, 'sameCampaign, sameActor'), ['sameActor', 'sameCampaign'])
  assert.deepEqual(readFlags(correlationReason, 'SameActor,sameactor'), ['sameActor'])
  assert.deepEqual(readFlags(correlationReason, '1536'), ['sameActor', 'sameCampaign'])
  assert.deepEqual(readFlags(correlationReason, '512, sameCampaign'), ['sameActor', 'sameCampaign'])
})

test('flags with a part that is no member are no flags', () => {
  for (const text of ['', ',', 'sameActor,', 'sameActor, nonsense', '0', '-1', '1.5', '262144', '99999999999']) {
    assert.equal(readFlags(enums.correlationReason, text), null, JSON.stringify(text))
  }
})

test('masking replaces hidden members only', () => {
  assert.equal(maskEnum(enums.incidentStatus, 'awaitingAction'), 'unknownFutureValue')
  assert.equal(maskEnum(enums.incidentStatus, 'redirected'), 'redirected')
  assert.equal(maskEnum(enums.correlationReason, 'sameActor,sameCampaign'), 'sameActor,sameCampaign')
})

test('in flags all hidden members together become one unknownFutureValue', () => {
  const table = { ...enums.correlationReason, sentinel: 600 }

  assert.equal(maskEnum(table, 'sameActor, sameCampaign, sharedIndicators'), 'sameActor,unknownFutureValue')
})
