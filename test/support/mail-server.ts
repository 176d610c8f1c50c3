import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { waitUntil } from './answers.ts'
import { type Ending, onEnd } from './cleanup.ts'
import { receiverTls } from './receiver.ts'

/** A mail as the server took it. */
export interface ReceivedMail {
  /** Of the conversation, not of the header. */
  readonly from: string
  readonly to: readonly string[]
  readonly secure: boolean
  readonly user: string | null
  /** Header and body as they came. */
  readonly raw: string
  /** Header by lower-case name, unfolded; encoded words as they are. */
  readonly headers: Readonly<Record<string, string>>
  /** The body, decoded. */
  readonly text: string
}

/** An SMTP server on loopback, with a certificate that only the test knows. */
export interface MailServer {
  readonly port: number
  readonly mails: ReceivedMail[]
  /** Commands that came before TLS, of all conversations. */
  readonly plainCommands: string[]
  /** The next mails are answered with this status; null takes them. */
  refuse(status: number | null): void
  /** Waits for so many mails. */
  wait(count: number): Promise<ReceivedMail[]>
}

/** How a mail server differs from one that does everything right. */
export interface MailServerOptions {
  /** TLS from the first byte, as on port 465. */
  readonly secure?: boolean
  /** Offers no STARTTLS. */
  readonly plain?: boolean
}

/** The one account of the server. */
export const mailAccount = { user: 'cordon', password: 'mail-canary-91f2' } as const

/** Starts a mail server; it ends with the test. */
export async function startMailServer(t: Ending, options: MailServerOptions = {}): Promise<MailServer> {
  const { cert, key } = await receiverTls()
  const mails: ReceivedMail[] = []
  const plainCommands: string[] = []
  let refusal: number | null = null
  const server = new SMTPServer({
    cert,
    key,
    secure: options.secure === true,
    authOptional: true,
    disabledCommands: options.plain === true ? ['STARTTLS'] : [],
    onAuth: ({ username, password }, _session, done) => {
      if (username === mailAccount.user && password === mailAccount.password) done(null, { user: username })
      else done(new Error('wrong password'))
    },
    onMailFrom: (address, session, done) => {
      if (!session.secure) plainCommands.push(`MAIL FROM ${address.address}`)
      done()
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        if (refusal !== null) {
          done(Object.assign(new Error('not now'), { responseCode: refusal }))
          return
        }
        const from = session.envelope.mailFrom === false ? '' : (session.envelope.mailFrom?.address ?? '')
        const to = session.envelope.rcptTo.map(({ address }) => address)
        const user = typeof session.user === 'string' ? session.user : null
        mails.push({ from, to, secure: session.secure, user, ...readMail(Buffer.concat(chunks).toString()) })
        done()
      })
    },
  })
  // A client that breaks off is the test's own doing.
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
  onEnd(t, () => new Promise<void>((resolve) => server.close(() => resolve())))
  const { port } = server.server.address() as AddressInfo
  return {
    port,
    mails,
    plainCommands,
    refuse: (status) => {
      refusal = status
    },
    wait: (count) =>
      waitUntil(
        async () => mails,
        (all) => all.length >= count,
      ),
  }
}

function readMail(raw: string): Pick<ReceivedMail, 'raw' | 'headers' | 'text'> {
  const split = raw.indexOf('\r\n\r\n')
  const lines = raw
    .slice(0, split)
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const body = raw.slice(split + 4).replaceAll('=\r\n', '')
  const bytes = body.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return { raw, headers, text: Buffer.from(bytes, 'latin1').toString().replaceAll('\r\n', '\n') }
}

/** A header as people see it: encoded words decoded. */
export function decodeHeader(value: string): string {
  return value
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, kind: string, text: string) =>
      kind.toLowerCase() === 'b'
        ? Buffer.from(text, 'base64').toString('latin1')
        : text
            .replaceAll('_', ' ')
            .replaceAll(/=([0-9A-F]{2})/gi, (__, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    )
    .replace(/[\x80-\xff]+/g, (bytes) => Buffer.from(bytes, 'latin1').toString())
}
