import { CordonError } from '../../../model/errors.ts'
import { type RoleName, roleNames } from '../../../model/permissions.ts'
import { list, nullable, object, oneOf, type Reader, readDocument, text } from '../../../model/safety/fields.ts'

/** How an outside issuer is asked, and what its groups may do here. */
export interface OidcSettings {
  /** Issuer identifier, as its discovery document and its tokens name it. */
  readonly issuer: string
  readonly clientId: string
  readonly scopes: readonly string[]
  /** Claim of the ID token that lists a person's groups; null: groups mean nothing. */
  readonly groupsClaim: string | null
  /** What members of a group may do; the first that fits counts. People without one must have been made beforehand. */
  readonly roles: readonly { readonly group: string; readonly role: GrantableRole }[]
  /** `aud` of access tokens of this issuer that the API takes; null: it takes none. */
  readonly apiAudience: string | null
}

/** Nobody becomes an admin by what another system says. */
export type GrantableRole = Exclude<RoleName, 'admin'>

const grantable = roleNames.filter((role): role is GrantableRole => role !== 'admin')

const issuer: Reader<string> = (value, path, faults) => {
  const url = typeof value === 'string' && value.length <= 500 ? URL.parse(value) : null
  const isPlain = url?.protocol === 'https:' && url.username === '' && url.search === '' && url.hash === ''
  if (typeof value === 'string' && isPlain && url.password === '') return value
  faults.push({ path, problem: 'must be the issuer as its tokens name it, such as https://login.example/tenant' })
  return ''
}

const token = /^[\x21-\x7e]+$/
const [firstRole = 'reader', ...otherRoles] = grantable
const mapping = object<OidcSettings['roles'][number]>({ group: text(300), role: oneOf([firstRole, ...otherRoles]) })

const settings: Reader<OidcSettings> = object<OidcSettings>({
  issuer,
  clientId: text(300, token, 'the client id, without spaces'),
  scopes: {
    read: list(text(100, /^[\x21\x23-\x5b\x5d-\x7e]+$/, 'a scope'), 20, { min: 1 }),
    absent: ['openid', 'profile', 'email'],
  },
  groupsClaim: { read: nullable(text(200, token, 'the name of a claim')), absent: null },
  roles: { read: list(mapping, 100, { key: ({ group }) => group }), absent: [] },
  apiAudience: { read: nullable(text(500, token, 'an audience')), absent: null },
})

/**
 * Reads settings from outside.
 * @throws CordonError BadRequest naming every setting that is wrong
 */
export function readOidcSettings(value: unknown): { readonly settings: OidcSettings; readonly address: string } {
  const read = readDocument(settings, value)
  const faults = read.ok ? findContradictions(read.value) : read.faults
  if (read.ok && faults.length === 0) return { settings: read.value, address: read.value.issuer }
  const details = faults.map(({ path, problem }) => ({
    target: path === '' ? 'settings' : `settings.${path}`,
    message: problem,
  }))
  const message = details.map(({ target, message: problem }) => `${target} ${problem}`).join('; ')
  const target = details[0]?.target
  throw new CordonError('BadRequest', `${message}.`, { details, ...(target === undefined ? {} : { target }) })
}

function findContradictions(read: OidcSettings): { path: string; problem: string }[] {
  const faults: { path: string; problem: string }[] = []
  if (!read.scopes.includes('openid')) faults.push({ path: 'scopes', problem: 'must hold openid' })
  if (read.apiAudience === read.clientId) {
    const problem = 'must not be the client id: an ID token would then pass for an access token'
    faults.push({ path: 'apiAudience', problem })
  }
  if (read.roles.length > 0 && read.groupsClaim === null) {
    faults.push({ path: 'groupsClaim', problem: 'must name the claim that lists the groups of roles' })
  }
  return faults
}
