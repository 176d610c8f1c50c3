import type { AlertClassification, AlertDetermination } from '../../../../model/generated.ts'

/** What people may find an incident to be, by the names of the wire. */
export const classifications = [
  'unknown',
  'truePositive',
  'informationalExpectedActivity',
  'falsePositive',
] as const satisfies readonly AlertClassification[]

/** Of which kind it is. */
export const determinations = [
  'unknown',
  'apt',
  'malware',
  'multiStagedAttack',
  'compromisedAccount',
  'phishing',
  'maliciousUserActivity',
  'unwantedSoftware',
  'securityPersonnel',
  'securityTesting',
  'confirmedActivity',
  'lineOfBusinessApplication',
  'notMalicious',
  'notEnoughDataToValidate',
  'other',
] as const satisfies readonly AlertDetermination[]
