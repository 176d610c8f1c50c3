import type {
  AlertEvidence,
  DeviceEvidence,
  DnsEvidence,
  FileDetails,
  FileEvidence,
  IpEvidence,
  ProcessEvidence,
  UrlEvidence,
  UserAccount,
  UserEvidence,
} from '../model/generated.ts'
import { completeEntity } from '../model/graph-validate.ts'

// Builders for sensors' evidence: each returns every property of its type. The blanks come from the contract, once.

const blankAt = '1970-01-01T00:00:00.0000000Z'

function blank<T extends AlertEvidence>(type: T['@odata.type']): T {
  // Whatever the discriminator says, the contract's table of that very type completes it.
  const draft = { '@odata.type': type } as { '@odata.type': DeviceEvidence['@odata.type'] }
  return copyable(completeEntity('alertEvidence', draft, blankAt) as AlertEvidence as T)
}

/** The same value in the shape that JSON.parse gives: an object built property by property takes 40 times as long to copy. */
export function copyable<T extends object>(value: T): T {
  return JSON.parse(JSON.stringify(value))
}

const device: DeviceEvidence = blank('#microsoft.graph.security.deviceEvidence')
const user: UserEvidence = blank('#microsoft.graph.security.userEvidence')
const file: FileEvidence = blank('#microsoft.graph.security.fileEvidence')
const process: ProcessEvidence = blank('#microsoft.graph.security.processEvidence')
const ip: IpEvidence = blank('#microsoft.graph.security.ipEvidence')
const url: UrlEvidence = blank('#microsoft.graph.security.urlEvidence')
const dns: DnsEvidence = blank('#microsoft.graph.security.dnsEvidence')
const account: UserAccount = copyable(completeEntity('userAccount', {}, blankAt))
const details: FileDetails = copyable(completeEntity('fileDetails', {}, blankAt))

/** What a sensor says about every evidence item of one alert. */
type Shared = Pick<DeviceEvidence, 'createdDateTime'> &
  Partial<Pick<DeviceEvidence, 'roles' | 'verdict' | 'remediationStatus' | 'tags'>>

type Facts<T extends AlertEvidence> = Shared & Partial<Omit<T, '@odata.type'>>

/** A host. */
export function deviceEvidence(facts: Facts<DeviceEvidence>): DeviceEvidence {
  return { ...device, ...facts }
}

/** An account; `userAccount` may be given in part. */
export function userEvidence(facts: Shared, userAccount: Partial<UserAccount>): UserEvidence {
  return { ...user, ...facts, userAccount: { ...account, ...userAccount } }
}

/** A file; `fileDetails` may be given in part. */
export function fileEvidence(facts: Shared, fileDetails: Partial<FileDetails>): FileEvidence {
  return { ...file, ...facts, fileDetails: { ...details, ...fileDetails } }
}

/** A process. */
export function processEvidence(
  facts: Facts<ProcessEvidence>,
  imageFile: Partial<FileDetails> | null,
): ProcessEvidence {
  return { ...process, ...facts, imageFile: imageFile === null ? null : { ...details, ...imageFile } }
}

/** An address. */
export function ipEvidence(facts: Facts<IpEvidence>): IpEvidence {
  return { ...ip, ...facts }
}

/** A link. */
export function urlEvidence(facts: Facts<UrlEvidence>): UrlEvidence {
  return { ...url, ...facts }
}

/** A name that was looked up. */
export function dnsEvidence(facts: Facts<DnsEvidence>): DnsEvidence {
  return { ...dns, ...facts }
}
