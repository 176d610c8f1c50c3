import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, rootCertificates } from 'node:tls'
import type { Outbound } from '../../../io/outbound.ts'
import { headlineOf, type NoticeMessage } from '../../../model/notices/message.ts'
import type { NoticeSeverity, NoticeWish } from '../../../model/notices/notice.ts'
import { wishFields } from '../../../model/notices/settings.ts'
import { nullable, object } from '../../../model/safety/fields.ts'
import {
  explainFailure,
  type Letter,
  locate,
  type Place,
  pem,
  placeOf,
  placeText,
  stepMs,
  type Transport,
} from './transport.ts'

/** Where log records go. */
interface SyslogSettings extends NoticeWish {
  /** `syslog+tls://host[:6514]`; `syslog+tcp://host[:601]` without encryption, inside allowed networks only. */
  readonly url: string
  /** PEM of the CA of its certificate; null: the public ones. */
  readonly ca: string | null
}

const ports = { 'syslog+tls': 6514, 'syslog+tcp': 601 }
const form = 'syslog+tls://host or syslog+tcp://host, with a port where it is not the usual one'

/** The way into logs: RFC 5424 records, one connection each, counted by octets as RFC 5425 and RFC 6587 3.4.1 have it. */
export function createSyslogTransport({ outbound }: { readonly outbound: Outbound }): Transport<SyslogSettings> {
  return {
    name: 'syslog',
    secretNames: [],
    reachesPeople: false,
    settings: object<SyslogSettings>({
      url: placeText(ports, form),
      ca: { read: nullable(pem), absent: null },
      ...wishFields,
    }),
    addressOf: ({ url }) => placeOf(url, ports).address,
    send: (letter) => sendRecord(outbound, letter),
  }
}

async function sendRecord(outbound: Outbound, { settings, message }: Letter<SyslogSettings>): Promise<void> {
  const place = placeOf(settings.url, ports)
  // Nothing leaves for the public internet unencrypted.
  const addresses = await locate(outbound, place, place.scheme === 'syslog+tls' ? [6514] : [])
  const record = Buffer.from(writeRecord(message))
  const frame = Buffer.concat([Buffer.from(`${record.length} `), record])
  let last: unknown
  for (const { address } of addresses) {
    try {
      return await writeFrame(address, place, settings.ca, frame)
    } catch (cause) {
      last = explainFailure(codeOf(cause), place.address, cause)
    }
  }
  throw last
}

/** Writes the record and waits until the far side has closed: syslog has no acknowledgement, this is as near as TCP comes to one. */
function writeFrame(address: string, place: Place, ca: string | null, frame: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = open(address, place, ca, () => socket.end(frame))
    const timer = setTimeout(() => socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })), stepMs)
    let written = false
    socket.on('finish', () => {
      written = true
    })
    socket.on('error', (cause) => {
      clearTimeout(timer)
      reject(cause)
    })
    socket.on('close', () => {
      clearTimeout(timer)
      if (written) resolve()
      else reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' }))
    })
    // What a log server says is of no interest, but its end is only seen when it is read.
    socket.resume()
  })
}

function open(address: string, { host, port, scheme }: Place, ca: string | null, ready: () => void): Socket {
  if (scheme === 'syslog+tcp') return connectTcp({ host: address, port }, ready)
  return connectTls(
    {
      // The checked address; the certificate is compared with the name.
      host: address,
      port,
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === null ? {} : { ca: [...rootCertificates, ca] }),
    },
    ready,
  )
}

/** Facility local0. */
const facility = 16
const levels: Readonly<Record<NoticeSeverity, number>> = { high: 2, medium: 4, low: 5, informational: 6 }
/** The enterprise number that is reserved for examples: Cordon has none of its own. @source RFC 5612 */
const dataId = 'cordon@32473'

/** One record. @source RFC 5424 6 */
function writeRecord(message: NoticeMessage): string {
  const { event, severity, at, tenant, incident, task, action, link, id } = message
  const parameters = {
    id,
    event,
    severity,
    tenant: tenant.id,
    tenantName: tenant.name,
    incident: incident?.id ?? '',
    task: task?.id ?? '',
    action: action?.type ?? '',
    target: action?.target ?? '',
    link,
  }
  const data = Object.entries(parameters)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}="${value.replaceAll(/["\\\]]/g, '\\$&')}"`)
  const host = new URL(link).hostname
  const head = `<${facility * 8 + levels[severity]}>1 ${at.slice(0, 23)}Z ${host} cordon - ${event}`
  return `${head} [${dataId} ${data.join(' ')}] \ufeff${headlineOf(message)}`
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'EUNKNOWN'
}
