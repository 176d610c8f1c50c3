import {
  Attribute,
  Change,
  Client,
  EqualityFilter,
  type Filter,
  type Entry as Found,
  OrFilter,
  PresenceFilter,
} from 'ldapts'
import type { Outbound } from '../../../io/outbound.ts'
import { SealError } from '../../../io/sealing.ts'
import type { ConfiguredConnector, FailureClass, OpenSecrets } from '../../connector.ts'
import { connectSecurely } from './connect.ts'
import { DirectoryProblem, readResultCode, toProblem } from './problem.ts'
import { type LdapSettings, placeOf, readLdapSettings } from './settings.ts'

/** For each operation. @source design actions 5.2 */
const operationMs = 15_000

/** One entry: its name and the values of the attributes that were asked for, by lower-case name. */
export interface Entry {
  readonly dn: string
  readonly values: Readonly<Record<string, readonly string[]>>
}

/** A bound connection to a directory. Whatever fails in it is a {@link DirectoryProblem}. */
export interface Session {
  readonly settings: LdapSettings
  /** One entry by its name; null when it is not there, or may not be seen. */
  read(dn: string, attributes: readonly string[]): Promise<Entry | null>
  /** Up to two entries below the base of users, which is enough to see whether there is exactly one. */
  find(wanted: Wanted, attributes: readonly string[]): Promise<readonly Entry[]>
  /**
   * Exchanges the only value of an attribute: nothing happens, and the server says so, when it is not the old one.
   * @param from null: it has none
   * @param to null: it gets none
   * @returns whether it did; false: somebody changed it meanwhile
   */
  exchange(dn: string, attribute: string, from: string | null, to: string | null): Promise<boolean>
}

/** What an entry has to be: one of these attributes has this value; null: any user. */
export type Wanted = { readonly attributes: readonly string[]; readonly value: string } | null

/** What a session needs. */
export interface SessionDeps {
  readonly outbound: Outbound
  readonly open: OpenSecrets
}

/**
 * Connects, binds, works and disconnects. A lost connection is never made again in between: it would be another one, unbound and perhaps
 * unencrypted.
 * @throws DirectoryProblem
 */
export async function withSession<T>(
  deps: SessionDeps,
  connector: ConfiguredConnector,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { settings } = readLdapSettings(connector.settings)
  const password = await readPassword(deps.open, connector)
  const socket = await connectSecurely(deps.outbound, settings)
  let isTaken = false
  const client = new Client({
    // Name and port are those of the socket.
    url: 'ldaps://connected.invalid',
    timeout: operationMs,
    connectTimeout: operationMs,
    createSecureConnection: () => {
      if (isTaken) throw new Error('the connection to the directory ended')
      isTaken = true
      return socket
    },
  })
  try {
    await attempt(`Binding at ${placeOf(settings).address}`, 'transient', () => client.bind(settings.bindDn, password))
    return await work(makeSession(client, settings))
  } finally {
    // The answer is known; how the connection ends changes nothing.
    await client.unbind().catch(() => {})
    socket.destroy()
  }
}

async function readPassword(open: OpenSecrets, connector: ConfiguredConnector): Promise<string> {
  const setting = 'bindPassword'
  let secret: string | undefined
  try {
    secret = (await open(connector))[setting]?.reveal()
  } catch (cause) {
    if (!(cause instanceof SealError)) throw cause
    const detail = `The bindPassword of connector '${connector.name}' cannot be opened.`
    const facts = { code: 'SecretUnreadable', failureClass: 'permanent', detail, setting } as const
    throw new DirectoryProblem({ ...facts, fix: 'Set bindPassword anew, or bring the sealing keys back.' }, cause)
  }
  if (secret !== undefined && secret !== '') return secret
  const detail = `The bindPassword of connector '${connector.name}' is not set.`
  const facts = { code: 'SecretMissing', failureClass: 'permanent', detail, setting } as const
  // A simple bind without a password would be an anonymous one, and succeed. RFC 4513 5.1.2
  throw new DirectoryProblem({ ...facts, fix: 'Set bindPassword; it is cleared when the address changes.' })
}

function makeSession(client: Client, settings: LdapSettings): Session {
  const timeLimit = operationMs / 1000
  return {
    settings,
    read: (dn, attributes) =>
      attempt('Reading an entry', 'transient', async () => {
        try {
          const found = await client.search(dn, { scope: 'base', attributes: [...attributes], timeLimit })
          return found.searchEntries.map(toEntry)[0] ?? null
        } catch (cause) {
          if (readResultCode(cause) === noSuchObject) return null
          throw cause
        }
      }),
    find: (wanted, attributes) =>
      attempt('Searching for users', 'transient', async () => {
        const filter = writeFilter(settings, wanted)
        const options = { filter, attributes: [...attributes], sizeLimit: 2, timeLimit }
        return (await client.search(settings.baseDn, { ...options, scope: 'sub' })).searchEntries.map(toEntry)
      }),
    exchange: (dn, attribute, from, to) =>
      attempt(`Writing ${attribute}`, 'ambiguous', async () => {
        try {
          await client.modify(dn, listChanges(attribute, from, to))
          return true
        } catch (cause) {
          if (stale.has(readResultCode(cause) ?? 0)) return false
          throw cause
        }
      }),
  }
}

const noSuchObject = 32
/** noSuchAttribute, constraintViolation, attributeOrValueExists: the value is not what it was when it was read. */
const stale: ReadonlySet<number> = new Set([16, 19, 20])

/** Values are no part of a text that is parsed: the library writes them as BER, so that none can be read as a filter. RFC 4511 4.5.1 */
function writeFilter({ loginAttributes }: LdapSettings, wanted: Wanted): Filter {
  if (wanted === null) return new PresenceFilter({ attribute: loginAttributes[0] ?? 'uid' })
  const { attributes, value } = wanted
  return new OrFilter({ filters: attributes.map((attribute) => new EqualityFilter({ attribute, value })) })
}

function listChanges(type: string, from: string | null, to: string | null): Change[] {
  const change = (operation: 'add' | 'delete', value: string): Change =>
    new Change({ operation, modification: new Attribute({ type, values: [value] }) })
  return [...(from === null ? [] : [change('delete', from)]), ...(to === null ? [] : [change('add', to)])]
}

function toEntry({ dn, ...found }: Found): Entry {
  const values = Object.entries(found).map(([name, value]) => {
    const list = Array.isArray(value) ? value : [value]
    return [name.toLowerCase(), list.map((item) => (typeof item === 'string' ? item : item.toString('utf8')))] as const
  })
  return { dn, values: Object.fromEntries(values) }
}

async function attempt<T>(doing: string, lost: FailureClass, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw toProblem(cause, doing, lost)
  }
}
