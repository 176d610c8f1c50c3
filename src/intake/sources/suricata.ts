import type { AlertEvidence, AlertSeverity } from '../../model/generated.ts'
import { canonicalAddress, isInsideAddress } from '../addresses.ts'
import { sensorAlert } from '../content.ts'
import { deviceEvidence, dnsEvidence, fileEvidence, ipEvidence, urlEvidence } from '../evidence.ts'
import { type Fields, isFields, numberAt, objectAt, textAt, textsAt, withoutBlanks } from '../fields.ts'
import { readInstant } from '../instants.ts'
import { type IntakeContext, type Normalised, reject, type Source } from '../normalised.ts'
import { cutText, fingerprint } from '../text.ts'

/**
 * Suricata's EVE JSON, `event_type: alert`; other events are ignored. Eve events carry no id: the provider's alert id is a hash over the
 * sensor (`host`, `in_iface`), the time, the flow and its transaction, the packet number, the rule and both ends. A timestamp without an
 * offset counts as UTC.
 * @source Suricata documentation, "EVE JSON Format"; rule priorities 1 (worst) to 255
 */
export const suricata: Source = { name: 'suricata', format: 'json', normalise: normaliseEve }

function normaliseEve(raw: unknown, context: IntakeContext): Normalised {
  if (!isFields(raw)) return reject('The record must be a JSON object.')
  const eventType = textAt(raw, 'event_type')
  if (eventType === null) return reject("'event_type' is missing: this is no EVE event.")
  if (eventType !== 'alert') return 'ignored'
  const alert = objectAt(raw, 'alert')
  const signature = textAt(alert, 'signature')
  const signatureId = numberAt(alert, 'signature_id')
  if (signature === null || signatureId === null) return reject("'alert' must name its signature and signature_id.")
  const timestamp = textAt(raw, 'timestamp')
  const at = timestamp === null ? null : readInstant(timestamp)
  if (at === null) return reject("'timestamp' must be a date and time.")
  const metadata = objectAt(alert, 'metadata')
  const category = textAt(alert, 'category')
  return sensorAlert({
    source: `suricata${suffix(textAt(raw, 'host'))}`,
    providerAlertId: identify(raw, alert, at),
    detectorId: [numberAt(alert, 'gid') ?? 1, signatureId].join(':'),
    productName: 'Suricata',
    title: signature,
    severity: severityOf(numberAt(alert, 'severity')),
    at,
    receivedAt: context.receivedAt,
    categories: category === null ? [] : [category],
    mitreTechniques: textsAt(metadata, 'mitre_technique_id', 20),
    systemTags: textsAt(metadata, 'tag', 20),
    threatFamilyName: textsAt(metadata, 'malware_family', 1)[0] ?? null,
    evidence: evidenceOf(raw, alert, at),
    additionalData: additionalData(raw, alert),
  })
}

function suffix(host: string | null): string {
  return host === null ? '' : `:${host.toLowerCase()}`
}

function identify(raw: Fields, alert: Fields, at: string): string {
  return fingerprint('eve', at, [
    textAt(raw, 'host'),
    textAt(raw, 'in_iface'),
    at,
    textAt(raw, 'flow_id'),
    textAt(raw, 'tx_id'),
    textAt(raw, 'pcap_cnt'),
    textAt(alert, 'gid'),
    textAt(alert, 'signature_id'),
    textAt(alert, 'rev'),
    textAt(raw, 'proto'),
    textAt(raw, 'src_ip'),
    textAt(raw, 'src_port'),
    textAt(raw, 'dest_ip'),
    textAt(raw, 'dest_port'),
  ])
}

function severityOf(priority: number | null): AlertSeverity {
  if (priority === 1) return 'high'
  if (priority === 2) return 'medium'
  return priority === 3 || priority === null ? 'low' : 'informational'
}

/** Hosts inside first, because the alert is about them; then the addresses, links, names and files of the event. */
function evidenceOf(raw: Fields, alert: Fields, at: string): AlertEvidence[] {
  const blocked = textAt(alert, 'action') === 'blocked'
  const shared = { createdDateTime: at, remediationStatus: blocked ? 'blocked' : 'none' } as const
  const source = canonicalAddress(textAt(raw, 'src_ip') ?? '')
  const destination = canonicalAddress(textAt(raw, 'dest_ip') ?? '')
  const ends = [
    { address: destination, roles: ['destination'] as const },
    { address: source, roles: ['source'] as const },
  ]
  const evidence: AlertEvidence[] = []
  for (const { address, roles } of ends) {
    if (address === null || !isInsideAddress(address)) continue
    evidence.push(deviceEvidence({ ...shared, roles, lastIpAddress: address, ipInterfaces: [address] }))
  }
  for (const { address, roles } of ends) {
    if (address !== null) evidence.push(ipEvidence({ ...shared, roles, ipAddress: address }))
  }
  const link = requestedUrl(raw)
  if (link !== null) evidence.push(urlEvidence({ ...shared, url: link }))
  const queried = textAt(firstQuery(objectAt(raw, 'dns')), 'rrname')
  if (queried !== null) evidence.push(dnsEvidence({ ...shared, domainName: cutText(queried, 300) }))
  const file = objectAt(raw, 'fileinfo')
  const fileName = textAt(file, 'filename')
  if (fileName !== null) {
    const hashes = { md5: textAt(file, 'md5'), sha1: textAt(file, 'sha1'), sha256: textAt(file, 'sha256') }
    evidence.push(
      fileEvidence(shared, { fileName: cutText(fileName, 1_000), fileSize: numberAt(file, 'size'), ...hashes }),
    )
  }
  return evidence
}

function requestedUrl(raw: Fields): string | null {
  const http = objectAt(raw, 'http')
  const host = textAt(http, 'hostname')
  const path = textAt(http, 'url')
  if (host === null || path === null) return null
  // Requests through a proxy carry the whole URL.
  return cutText(/^https?:\/\//i.test(path) ? path : `http://${host}${path.startsWith('/') ? '' : '/'}${path}`, 2_000)
}

/** Version 2 of EVE's dns has a list of queries, version 3 too, version 1 the query itself. */
function firstQuery(dns: Fields): Fields {
  const list = dns.query ?? dns.queries
  const first: unknown = Array.isArray(list) ? list[0] : undefined
  return isFields(first) ? first : dns
}

function additionalData(raw: Fields, alert: Fields): Record<string, string | number> {
  const http = objectAt(raw, 'http')
  const payload = textAt(raw, 'payload_printable')
  const userAgent = textAt(http, 'http_user_agent')
  return withoutBlanks({
    action: textAt(alert, 'action'),
    protocol: textAt(raw, 'proto'),
    sourcePort: numberAt(raw, 'src_port'),
    destinationPort: numberAt(raw, 'dest_port'),
    applicationProtocol: textAt(raw, 'app_proto'),
    flowId: textAt(raw, 'flow_id'),
    interface: textAt(raw, 'in_iface'),
    signatureRevision: numberAt(alert, 'rev'),
    signaturePriority: numberAt(alert, 'severity'),
    httpMethod: textAt(http, 'http_method'),
    httpStatus: numberAt(http, 'status'),
    httpUserAgent: userAgent === null ? null : cutText(userAgent, 500),
    tlsServerName: textAt(objectAt(raw, 'tls'), 'sni'),
    payload: payload === null ? null : cutText(payload, 1_000),
  })
}
