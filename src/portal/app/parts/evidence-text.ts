/** One piece of evidence in words. */
export interface EvidenceLine {
  /** `device`, `user`, `file` ... */
  readonly kind: string
  /** The name a person knows it by; as it came, never as markup or link. */
  readonly name: string
  readonly verdict: string
  readonly details: readonly string[]
}

const names = [
  'hostName',
  'deviceDnsName',
  'userPrincipalName',
  'accountName',
  'fileName',
  'ipAddress',
  'url',
  'subject',
  'networkMessageId',
  'processCommandLine',
  'displayName',
  'primaryAddress',
  'registryKey',
  'sha256',
  'mdeDeviceId',
]

/** Says what a piece of evidence is about, whatever its type. */
export function describeEvidence(evidence: Readonly<Record<string, unknown>>): EvidenceLine {
  const type = String(evidence['@odata.type'] ?? 'evidence')
  const kind = type.replace(/^#microsoft\.graph\.security\./, '').replace(/Evidence$/, '')
  const flat = flatten(evidence)
  const found = names.flatMap((name) => flat.filter(({ last, value }) => last === name && value !== ''))
  const verdict = typeof evidence.verdict === 'string' ? evidence.verdict : 'unknown'
  const details = found.slice(1, 5).map(({ key, value }) => `${key}: ${defang(value)}`)
  return { kind, name: defang(found[0]?.value ?? kind), verdict, details }
}

interface Leaf {
  /** Where it stands: names parted by dots, and the last of them. */
  readonly key: string
  readonly last: string
  readonly value: string
}

function flatten(value: object, prefix = '', leaves: Leaf[] = []): Leaf[] {
  for (const [last, inner] of Object.entries(value)) {
    const key = `${prefix}${last}`
    if (typeof inner === 'string') leaves.push({ key, last, value: inner })
    else if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) flatten(inner, `${key}.`, leaves)
  }
  return leaves
}

/** An address that nobody opens by accident: hxxp, and dots in brackets. */
export function defang(text: string): string {
  return /^https?:\/\//i.test(text) ? text.replace(/^http/i, 'hxxp').replaceAll('.', '[.]') : text
}
