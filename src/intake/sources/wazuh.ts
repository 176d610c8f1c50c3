import type { AlertEvidence, AlertSeverity } from '../../model/generated.ts'
import { canonicalAddress } from '../addresses.ts'
import { sensorAlert } from '../content.ts'
import { deviceEvidence, fileEvidence, ipEvidence, processEvidence, urlEvidence, userEvidence } from '../evidence.ts'
import { type Fields, isFields, numberAt, objectAt, textAt, textsAt, withoutBlanks } from '../fields.ts'
import { readInstant } from '../instants.ts'
import { type IntakeContext, type Normalised, reject, type Source } from '../normalised.ts'
import { cutText, fingerprint } from '../text.ts'

/**
 * Wazuh 4's alerts.json. The alert's own `id` (second and offset in the log) is unique per manager, so the manager is part of the source;
 * an alert without an id gets a hash over the time, the manager, the agent, the rule, the location and the log line.
 * @source Wazuh documentation, "alerts.json" and "Rules classification" (levels 0 to 16)
 */
export const wazuh: Source = { name: 'wazuh', format: 'json', normalise: normaliseWazuh }

function normaliseWazuh(raw: unknown, context: IntakeContext): Normalised {
  if (!isFields(raw)) return reject('The record must be a JSON object.')
  const rule = objectAt(raw, 'rule')
  const ruleId = textAt(rule, 'id')
  const title = textAt(rule, 'description')
  const level = numberAt(rule, 'level')
  if (ruleId === null || title === null || level === null) {
    return reject("'rule' must have id, level and description: this is no Wazuh alert.")
  }
  const timestamp = textAt(raw, 'timestamp')
  const at = timestamp === null ? null : readInstant(timestamp)
  if (at === null) return reject("'timestamp' must be a date and time.")
  const mitre = objectAt(rule, 'mitre')
  const tactics = textsAt(mitre, 'tactic', 20)
  const groups = textsAt(rule, 'groups', 20)
  const manager = textAt(objectAt(raw, 'manager'), 'name')
  const log = textAt(raw, 'full_log')
  return sensorAlert({
    source: manager === null ? 'wazuh' : `wazuh:${manager.toLowerCase()}`,
    providerAlertId: cutText(textAt(raw, 'id') ?? identify(raw, ruleId, at), 300),
    detectorId: ruleId,
    productName: 'Wazuh',
    title,
    severity: severityOf(level),
    at,
    receivedAt: context.receivedAt,
    categories: tactics.length > 0 ? tactics : groups.slice(0, 1),
    mitreTechniques: textsAt(mitre, 'id', 20),
    systemTags: groups.map((group) => cutText(group, 256)),
    evidence: evidenceOf(raw, at),
    additionalData: withoutBlanks({
      ruleLevel: level,
      firedTimes: numberAt(rule, 'firedtimes'),
      manager,
      agentId: textAt(objectAt(raw, 'agent'), 'id'),
      decoder: textAt(objectAt(raw, 'decoder'), 'name'),
      location: textAt(raw, 'location'),
      command: textAt(objectAt(raw, 'data'), 'command'),
      fullLog: log === null ? null : cutText(log, 4_000),
    }),
  })
}

function identify(raw: Fields, ruleId: string, at: string): string {
  const agent = objectAt(raw, 'agent')
  return fingerprint('wazuh', at, [
    at,
    textAt(objectAt(raw, 'manager'), 'name'),
    textAt(agent, 'id'),
    textAt(agent, 'name'),
    ruleId,
    textAt(raw, 'location'),
    textAt(raw, 'full_log'),
  ])
}

/** Levels 0-3 are events without consequence, 4-6 low, 7-11 notable, 12 and more important. */
function severityOf(level: number): AlertSeverity {
  if (level >= 12) return 'high'
  if (level >= 7) return 'medium'
  return level >= 4 ? 'low' : 'informational'
}

function evidenceOf(raw: Fields, at: string): AlertEvidence[] {
  const data = objectAt(raw, 'data')
  const shared = { createdDateTime: at }
  const windows = objectAt(objectAt(data, 'win'), 'eventdata')
  const link = textAt(data, 'url')
  return [
    ...hostsOf(raw, shared),
    ...addressesOf(data, windows, shared),
    ...usersOf(data, windows, shared),
    ...filesOf(raw, windows, shared),
    ...(link === null ? [] : [urlEvidence({ ...shared, url: cutText(link, 2_000) })]),
  ]
}

interface Shared {
  readonly createdDateTime: string
}

/** The agent's host; for a log that the manager took from elsewhere (agent 000), the host named in the log. */
function hostsOf(raw: Fields, shared: Shared): AlertEvidence[] {
  const agent = objectAt(raw, 'agent')
  const logged = textAt(objectAt(raw, 'predecoder'), 'hostname')
  const isManager = textAt(agent, 'id') === '000'
  const hostName = isManager ? (logged ?? textAt(agent, 'name')) : (textAt(agent, 'name') ?? logged)
  if (hostName === null) return []
  const address = isManager ? null : canonicalAddress(textAt(agent, 'ip') ?? '')
  const interfaces = address === null ? {} : { lastIpAddress: address, ipInterfaces: [address] }
  const computer = textAt(objectAt(objectAt(objectAt(raw, 'data'), 'win'), 'system'), 'computer')
  const deviceDnsName = computer?.includes('.') ? computer : null
  return [deviceEvidence({ ...shared, hostName, deviceDnsName, ...interfaces })]
}

function addressesOf(data: Fields, windows: Fields, shared: Shared): AlertEvidence[] {
  const source = textAt(data, 'srcip') ?? textAt(data, 'src_ip') ?? textAt(windows, 'ipAddress') ?? ''
  const destination = textAt(data, 'dstip') ?? textAt(data, 'dest_ip') ?? textAt(windows, 'destinationIp') ?? ''
  const evidence: AlertEvidence[] = []
  const from = canonicalAddress(source)
  const to = canonicalAddress(destination)
  if (from !== null) evidence.push(ipEvidence({ ...shared, roles: ['source'], ipAddress: from }))
  if (to !== null && to !== from) evidence.push(ipEvidence({ ...shared, roles: ['destination'], ipAddress: to }))
  return evidence
}

function usersOf(data: Fields, windows: Fields, shared: Shared): AlertEvidence[] {
  const accounts = [
    { name: textAt(data, 'dstuser'), domain: null, roles: ['destination'] as const },
    { name: textAt(data, 'srcuser'), domain: null, roles: ['source'] as const },
    {
      name: textAt(windows, 'targetUserName'),
      domain: textAt(windows, 'targetDomainName'),
      roles: ['destination'] as const,
    },
    {
      name: textAt(windows, 'subjectUserName'),
      domain: textAt(windows, 'subjectDomainName'),
      roles: ['source'] as const,
    },
  ]
  const evidence: AlertEvidence[] = []
  const seen = new Set<string>()
  for (const { name, domain, roles } of accounts) {
    // `-` is how Windows writes nobody; names that end in $ are machines.
    if (name === null || name === '-' || name.endsWith('$') || seen.has(name)) continue
    seen.add(name)
    const accountName = cutText(name.replace(/\(uid=\d+\)$/, ''), 300)
    const domainName = domain === '-' ? null : domain
    evidence.push(userEvidence({ ...shared, roles }, { accountName, domainName }))
  }
  return evidence
}

function filesOf(raw: Fields, windows: Fields, shared: Shared): AlertEvidence[] {
  const evidence: AlertEvidence[] = []
  const change = objectAt(raw, 'syscheck')
  const path = textAt(change, 'path')
  if (path !== null) {
    const hashes = {
      md5: textAt(change, 'md5_after') ?? textAt(change, 'md5_before'),
      sha1: textAt(change, 'sha1_after') ?? textAt(change, 'sha1_before'),
      sha256: textAt(change, 'sha256_after') ?? textAt(change, 'sha256_before'),
    }
    const fileSize = numberAt(change, 'size_after')
    evidence.push(fileEvidence({ ...shared, roles: ['edited'] }, { ...splitPath(path), fileSize, ...hashes }))
  }
  const image = textAt(windows, 'image')
  if (image !== null) {
    const commandLine = textAt(windows, 'commandLine')
    const processCommandLine = commandLine === null ? null : cutText(commandLine, 2_000)
    const imageFile = { ...splitPath(image), ...readHashes(textAt(windows, 'hashes') ?? '') }
    evidence.push(
      processEvidence({ ...shared, processId: numberAt(windows, 'processId'), processCommandLine }, imageFile),
    )
  }
  return evidence
}

function splitPath(path: string): { fileName: string; filePath: string } {
  const filePath = cutText(path, 1_000)
  return { fileName: filePath.split(/[\\/]/).at(-1) ?? filePath, filePath }
}

/** Sysmon's `MD5=..,SHA256=..,IMPHASH=..`. */
function readHashes(text: string): { md5?: string; sha1?: string; sha256?: string } {
  const hashes: { md5?: string; sha1?: string; sha256?: string } = {}
  for (const [, name, value] of text.matchAll(/\b(MD5|SHA1|SHA256)=([0-9A-F]{32,64})/gi)) {
    if (value === undefined) continue
    if (name?.toUpperCase() === 'MD5') hashes.md5 = value.toLowerCase()
    if (name?.toUpperCase() === 'SHA1') hashes.sha1 = value.toLowerCase()
    if (name?.toUpperCase() === 'SHA256') hashes.sha256 = value.toLowerCase()
  }
  return hashes
}
