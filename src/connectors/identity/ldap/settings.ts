import { isIP } from 'node:net'
import { CordonError } from '../../../model/errors.ts'
import { boolean, list, nullable, object, type Reader, readDocument, text } from '../../../model/safety/fields.ts'

/** How a directory is reached and what in it is a user. */
export interface LdapSettings {
  /** `ldaps://host[:636]`, or `ldap://host[:389]` with StartTLS, without which nothing is sent. */
  readonly url: string
  /** PEM of the CA of its certificate; null: the public ones. */
  readonly ca: string | null
  /** Account the connector binds as. */
  readonly bindDn: string
  /** Users are at or below this entry. */
  readonly baseDn: string
  /** Attributes a user is named by. */
  readonly loginAttributes: readonly string[]
  /** The ppolicy entry that holds for users without one of their own (`ppolicy_default`). */
  readonly passwordPolicy: string
  /** Users may change their own passwords; without it nobody is forced to. */
  readonly usersMayChangePassword: boolean
}

/** Where a directory is. */
export interface LdapPlace {
  readonly host: string
  readonly port: number
  readonly startTls: boolean
  /** `ldaps://host:636` or `ldap+starttls://host:389`. */
  readonly address: string
}

const maxDn = 1024
const dn = text(maxDn, /^[a-z0-9.-]+\s*=.+$/is, 'a distinguished name such as cn=cordon,ou=services,dc=example,dc=org')
const attribute = text(64, /^[a-z][a-z0-9-]*$/i, 'the name of an attribute such as uid')
const pem = text(64_000, /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/, 'CA certificates in PEM form')

const url: Reader<string> = (value, path, faults) => {
  const problem = 'must be ldaps://host or, for StartTLS, ldap://host, with a port where it is not the usual one'
  if (typeof value === 'string' && value.length <= 300 && parsePlace(value) !== null) return value
  // It may hold a password, so it is not repeated.
  faults.push({ path, problem })
  return ''
}

const settings: Reader<LdapSettings> = object<LdapSettings>({
  url,
  ca: { read: nullable(pem), absent: null },
  bindDn: dn,
  baseDn: dn,
  loginAttributes: { read: list(attribute, 5, { min: 1, key: (name) => name.toLowerCase() }), absent: ['uid', 'mail'] },
  passwordPolicy: dn,
  usersMayChangePassword: { read: boolean, absent: false },
})

/**
 * Reads settings from outside.
 * @throws CordonError BadRequest naming every setting that is wrong
 */
export function readLdapSettings(value: unknown): { readonly settings: LdapSettings; readonly address: string } {
  const read = readDocument(settings, value)
  if (read.ok) return { settings: read.value, address: placeOf(read.value).address }
  const details = read.faults.map(({ path, problem }) => ({
    target: path === '' ? 'settings' : `settings.${path}`,
    message: problem,
  }))
  const message = details.map(({ target, message: problem }) => `${target} ${problem}`).join('; ')
  const target = details[0]?.target
  throw new CordonError('BadRequest', `${message}.`, { details, ...(target === undefined ? {} : { target }) })
}

/** Where the directory of settings is that were read. */
export function placeOf({ url: address }: LdapSettings): LdapPlace {
  const place = parsePlace(address)
  if (place === null) throw new Error('settings of a directory were stored without an address')
  return place
}

function parsePlace(address: string): LdapPlace | null {
  const parts = /^(ldaps?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?\/?$/i.exec(address)
  const startTls = parts?.[1]?.toLowerCase() === 'ldap'
  const written = parts?.[2]?.toLowerCase() ?? ''
  const host = written.startsWith('[') ? written.slice(1, -1) : written
  const port = Number(parts?.[3] ?? (startTls ? 389 : 636))
  if (parts === null || port < 1 || port > 65_535 || (written.startsWith('[') && isIP(host) !== 6)) return null
  return { host, port, startTls, address: `${startTls ? 'ldap+starttls' : 'ldaps'}://${written}:${port}` }
}

/** Two spellings of one distinguished name compare equal; good enough for names a server wrote. */
export function normalizeDn(name: string): string {
  return name
    .replaceAll(/\s*([,=+])\s*/g, '$1')
    .trim()
    .toLowerCase()
}
