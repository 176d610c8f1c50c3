import { isIP } from 'node:net'
import { rootCertificates } from 'node:tls'
import type { Outbound, Resolved } from '../../../io/outbound.ts'
import { headlineOf, linesOf, type NoticeMessage } from '../../../model/notices/message.ts'
import type { NoticeWish } from '../../../model/notices/notice.ts'
import { mailAddress, wishFields } from '../../../model/notices/settings.ts'
import { list, nullable, object, text } from '../../../model/safety/fields.ts'
import {
  ChannelProblem,
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

/** How mail leaves. */
interface MailSettings extends NoticeWish {
  /** `smtps://host[:465]`, or `smtp://host[:587]` with STARTTLS, without which nothing is sent. */
  readonly url: string
  /** PEM of the CA of its certificate; null: the public ones. */
  readonly ca: string | null
  readonly from: string
  /** Who gets the notices of the tenant; people are written to beside them, at the addresses they set. */
  readonly to: readonly string[]
  /** Name to sign in with; null: without. */
  readonly user: string | null
}

const ports = { smtps: 465, smtp: 587 }
/** Submission, and the port between servers. @source RFC 8314, RFC 6409 */
const usualPorts = [465, 587, 25]
const form = 'smtps://host or, for STARTTLS, smtp://host, with a port where it is not the usual one'

/** The way by SMTP, always over TLS. */
export function createMailTransport({ outbound }: { readonly outbound: Outbound }): Transport<MailSettings> {
  return {
    name: 'mail',
    secretNames: ['password'],
    reachesPeople: true,
    settings: object<MailSettings>({
      url: placeText(ports, form),
      ca: { read: nullable(pem), absent: null },
      from: mailAddress,
      to: { read: list(mailAddress, 20, { key: (address) => address.toLowerCase() }), absent: [] },
      user: { read: nullable(text(200)), absent: null },
      ...wishFields,
    }),
    addressOf: ({ url }) => placeOf(url, ports).address,
    send: (letter) => sendMail(outbound, letter),
  }
}

async function sendMail(outbound: Outbound, letter: Letter<MailSettings>): Promise<void> {
  const { settings, to } = letter
  const recipients = to === null ? settings.to : [to]
  // A channel that is there for people only.
  if (recipients.length === 0 && letter.message.event !== 'test') return
  const place = placeOf(settings.url, ports)
  const addresses = await locate(outbound, place, usualPorts)
  let last: unknown
  for (const address of addresses) {
    try {
      return await hand(address, place, letter, recipients)
    } catch (cause) {
      last = cause
      // Another address of the same server is asked only while nothing was said to this one.
      if (!(cause instanceof ChannelProblem) || cause.facts.code !== 'Unreachable') throw cause
    }
  }
  throw last
}

/** One mail to all, in one conversation: the server takes it for everybody it knows, or for nobody. */
async function hand(
  { address }: Resolved,
  place: Place,
  { settings, secrets, message }: Letter<MailSettings>,
  recipients: readonly string[],
): Promise<void> {
  const pass = secrets.password?.reveal()
  if (settings.user !== null && pass === undefined) throw passwordMissing()
  // Loaded with the first mail: most servers send none.
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({
    // The checked address, not the name; the certificate is compared with the name all the same.
    host: address,
    port: place.port,
    secure: place.scheme === 'smtps',
    requireTLS: true,
    name: new URL(message.link).hostname,
    ...(isIP(place.host) === 0 ? { servername: place.host } : {}),
    ...(settings.user === null ? {} : { auth: { user: settings.user, pass: pass ?? '' } }),
    tls: { minVersion: 'TLSv1.2', ...(settings.ca === null ? {} : { ca: [...rootCertificates, settings.ca] }) },
    connectionTimeout: stepMs,
    greetingTimeout: stepMs,
    socketTimeout: stepMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    if (recipients.length === 0) await transport.verify()
    else await transport.sendMail(writeMail(settings.from, recipients, message))
  } catch (cause) {
    throw explain(cause, place)
  } finally {
    transport.close()
  }
}

/** Plain text only: there is no markup that could hide where a link leads. */
function writeMail(from: string, to: readonly string[], message: NoticeMessage): object {
  const domain = new URL(message.link).hostname
  const about = message.incident?.id ?? 'test'
  const thread = `<incident.${message.tenant.id}.${about}@${domain}>`
  return {
    from: { name: 'Cordon', address: from },
    to: to.map((address) => ({ name: '', address })),
    subject: `[Cordon] ${headlineOf(message)}`,
    // The same in every attempt, so that a receiver can tell a repeat.
    messageId: `<${message.id}@${domain}>`,
    date: new Date(message.at),
    references: thread,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Cordon-Event': message.event,
      'X-Cordon-Severity': message.severity,
    },
    text: `${linesOf(message).join('\n')}\n`,
    textEncoding: 'quoted-printable',
  }
}

/** Codes of the SMTP client that say where it ended. */
function explain(cause: unknown, place: Place): Error {
  const { code, status } = readFailure(cause)
  if (code === 'EAUTH') {
    return new ChannelProblem(
      {
        code: 'WrongPassword',
        detail: `${place.address}: the server refuses user or password.`,
        lasting: false,
        setting: 'password',
        fix: 'Set password anew, and check user.',
      },
      cause,
    )
  }
  if (code === 'ETLS' && status !== 0) {
    return new ChannelProblem(
      {
        code: 'StartTlsRefused',
        detail: `${place.address}: the server does not offer STARTTLS.`,
        lasting: false,
        setting: 'url',
        fix: 'Give the server a certificate, or use smtps:// with its port.',
      },
      cause,
    )
  }
  if (status >= 400) {
    return new ChannelProblem(
      {
        code: status >= 500 ? 'MailRefused' : 'MailDeferred',
        detail: `${place.address}: the server answered ${status} to ${code === 'EENVELOPE' ? 'sender or receivers' : 'the mail'}.`,
        lasting: status >= 500,
        setting: code === 'EENVELOPE' ? 'to' : null,
        fix: 'Look into the log of the mail server.',
      },
      cause,
    )
  }
  return explainFailure(code, place.address, cause)
}

function passwordMissing(): ChannelProblem {
  return new ChannelProblem({
    code: 'SecretMissing',
    detail: 'The channel has a user, and no password is set.',
    lasting: true,
    setting: 'password',
    fix: 'Set password; it is cleared when the address changes.',
  })
}

/** The client puts its own code in front of the system's, which says more. */
function readFailure(cause: unknown): { readonly code: string; readonly status: number } {
  const { code, originalCode, responseCode }: Readonly<Record<string, unknown>> =
    cause instanceof Error ? { ...cause } : {}
  const best = [originalCode, code].find((one) => typeof one === 'string')
  return {
    code: typeof best === 'string' ? best : 'EUNKNOWN',
    status: typeof responseCode === 'number' ? responseCode : 0,
  }
}
