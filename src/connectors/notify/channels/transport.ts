import type { Outbound, Resolved } from '../../../io/outbound.ts'
import type { Secret } from '../../../io/sealing.ts'
import { CordonError } from '../../../model/errors.ts'
import type { NoticeMessage } from '../../../model/notices/message.ts'
import type { NoticeWish } from '../../../model/notices/notice.ts'
import { type Reader, readDocument, text } from '../../../model/safety/fields.ts'

/** Why a channel did not take a message. */
export interface ChannelFacts {
  /** PascalCase. */
  readonly code: string
  readonly detail: string
  /** Trying again cannot help until somebody changes something. */
  readonly lasting: boolean
  /** Name of the setting or secret; null when none can help. */
  readonly setting: string | null
  readonly fix: string
}

/** A channel that cannot be reached or will not take a message. Its text never holds what a server or a person wrote. */
export class ChannelProblem extends Error {
  override readonly name: string = 'ChannelProblem'
  readonly facts: ChannelFacts

  constructor(facts: ChannelFacts, cause?: unknown) {
    super(facts.detail, { cause })
    this.facts = facts
  }
}

/** One message on its way. */
export interface Letter<S> {
  readonly settings: S
  readonly secrets: Readonly<Record<string, Secret>>
  readonly message: NoticeMessage
  /** Mail address of one person; null for whomever the settings name. */
  readonly to: string | null
}

/** One way to carry messages, and the settings it takes. */
export interface Transport<S extends NoticeWish> {
  readonly name: string
  readonly secretNames: readonly string[]
  readonly reachesPeople: boolean
  readonly settings: Reader<S>
  /** Scheme, host and port that its secrets are for. */
  addressOf(settings: S): string
  /** @throws ChannelProblem */
  send(letter: Letter<S>): Promise<void>
}

/** Where a server is that does not speak HTTP. */
export interface Place {
  readonly scheme: string
  readonly host: string
  readonly port: number
  readonly address: string
}

/** What somebody has to do who keeps the servers of a channel inside. */
const forbiddenFix = 'Start the server with --outbound-allow NETWORK:PORT for it, e.g. 10.1.2.0/24:587.'

/** For each step: resolving, connecting, TLS, one answer. */
export const stepMs = 10_000

/** PEM of the CA of a server's certificate. */
export const pem: Reader<string> = text(
  64_000,
  /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/,
  'CA certificates in PEM form',
)

/** Reads `scheme://host:port` with one of the schemes and the port it stands for; null when it is none. */
export function parsePlace(text: string, ports: Readonly<Record<string, number>>): Place | null {
  const parts = /^([a-z+]+):\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?\/?$/i.exec(text)
  const scheme = parts?.[1]?.toLowerCase() ?? ''
  const usual = Object.hasOwn(ports, scheme) ? ports[scheme] : undefined
  const written = parts?.[2]?.toLowerCase() ?? ''
  const port = Number(parts?.[3] ?? usual)
  if (usual === undefined || !(port >= 1 && port <= 65_535)) return null
  const host = written.startsWith('[') ? written.slice(1, -1) : written
  return { scheme, host, port, address: `${scheme}://${written}:${port}` }
}

/** A reader of such an address; it may hold a password, so it is not repeated. */
export function placeText(ports: Readonly<Record<string, number>>, form: string): Reader<string> {
  return (value, path, faults) => {
    if (typeof value === 'string' && value.length <= 300 && parsePlace(value, ports) !== null) return value
    faults.push({ path, problem: `must be ${form}` })
    return ''
  }
}

/** The place of settings that were read. */
export function placeOf(text: string, ports: Readonly<Record<string, number>>): Place {
  const place = parsePlace(text, ports)
  if (place === null) throw new Error('settings of a channel were stored without an address')
  return place
}

/** Where a server is, under the rules for outbound connections. @throws ChannelProblem */
export async function locate(
  outbound: Outbound,
  { host, port, address }: Place,
  usualPorts: readonly number[],
): Promise<readonly Resolved[]> {
  const found = await outbound.locate({ host, port, usualPorts, timeoutMs: stepMs })
  if (!('failed' in found)) return found
  const forbidden = found.failed === 'refused'
  throw new ChannelProblem({
    code: forbidden ? 'AddressForbidden' : 'Unreachable',
    detail: `${address}: ${found.reason}`,
    lasting: false,
    setting: 'url',
    fix: forbidden ? forbiddenFix : 'Correct the host name, or the name server of this machine.',
  })
}

/** What a failed connection means, by its code. */
export function explainFailure(code: string, address: string, cause: unknown): ChannelProblem {
  const facts = { lasting: false, setting: 'url' as string | null }
  if (/CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/.test(code)) {
    const named = code === 'ERR_TLS_CERT_ALTNAME_INVALID'
    return new ChannelProblem(
      {
        ...facts,
        code: named ? 'CertificateName' : 'CertificateUntrusted',
        detail: `${address}: the certificate ${named ? 'is for another name' : 'comes from a CA that is not trusted here'}.`,
        setting: named ? 'url' : 'ca',
        fix: named ? 'Use the name the certificate is for.' : 'Give the CA that issued it as ca.',
      },
      cause,
    )
  }
  const slow = code === 'ETIMEDOUT'
  const detail = slow ? `there was no answer within ${stepMs / 1000} s` : `the connection failed (${code})`
  const fix = 'Check host, port and firewall, and that the port speaks what the scheme says.'
  return new ChannelProblem({ ...facts, code: 'Unreachable', detail: `${address}: ${detail}.`, fix }, cause)
}

/**
 * Reads settings from outside.
 * @throws CordonError BadRequest naming every setting that is wrong
 */
export function readSettings<S>(reader: Reader<S>, value: unknown): S {
  const read = readDocument(reader, value)
  if (read.ok) return read.value
  const details = read.faults.map(({ path, problem }) => ({
    target: path === '' ? 'settings' : `settings.${path}`,
    message: problem,
  }))
  const message = details.map(({ target, message: problem }) => `${target} ${problem}`).join('; ')
  const target = details[0]?.target
  throw new CordonError('BadRequest', `${message}.`, { details, ...(target === undefined ? {} : { target }) })
}
