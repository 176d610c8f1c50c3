import type { Clock } from '../../../io/clock.ts'
import type { Outbound } from '../../../io/outbound.ts'
import type { ActionType } from '../../../model/actions.ts'
import { CordonError } from '../../../model/errors.ts'
import type {
  Capability,
  ConfiguredConnector,
  Connector,
  ConnectorKind,
  FinishedAction,
  Inspection,
  Look,
  Resolution,
  UndoPlan,
} from '../../connector.ts'
import { decide, describeAccount, ldapActions } from './account.ts'
import type { Session, Wanted } from './client.ts'
import { type Directories, findAccounts, openDirectories, readAccount, tagsOf } from './directory.ts'
import { attachOrder, type OrderDeps, startOrder, writeKey } from './orders.ts'
import { DirectoryProblem } from './problem.ts'
import { type LdapSettings, readLdapSettings } from './settings.ts'
import { testSetup } from './test-setup.ts'

const kindName = 'ldap'
const maxIdentifier = 256

/** LDAP directories as people set them up, and the way this server gets at them. */
export interface LdapKind extends ConnectorKind {
  readonly directories: Directories
}

/** The kind of connector for OpenLDAP with password policies (slapo-ppolicy). */
export function createLdapKind(deps: { readonly clock: Clock; readonly outbound: Outbound }): LdapKind {
  const directories = openDirectories(deps)
  return {
    name: kindName,
    secretNames: ['bindPassword'],
    readSettings: readLdapSettings,
    describe: describeCapabilities,
    health: directories.health,
    directories,
    test: (connector, open) => testSetup(directories, connector, open),
  }
}

/** What the connector needs. */
export interface LdapDeps extends Omit<OrderDeps, 'directories'> {
  readonly kind: LdapKind
}

/**
 * The connector to the LDAP directories of all tenants. Every call is a session of its own; what it does is an exchange of one attribute's
 * value that the server refuses when somebody else was faster.
 */
export function createLdapConnector({ kind, ...rest }: LdapDeps): Connector {
  const deps: OrderDeps = { ...rest, directories: kind.directories }
  return {
    name: kindName,
    capabilities: async (tenantId) => {
      const described = (await deps.list(tenantId)).flatMap(describeCapabilities)
      return ldapActions.flatMap((actionType): Capability[] => {
        const same = described.filter((capability) => capability.actionType === actionType)
        const best = same.find((capability) => capability.available) ?? same[0]
        return best === undefined ? [] : [best]
      })
    },
    resolve: async (tenantId, actionType, identifier) => {
      if (!ldapActions.includes(actionType) || !isName(identifier)) return []
      const found: Resolution[] = []
      for (const connector of await deps.list(tenantId)) {
        found.push(...(await resolveIn(deps, connector, actionType, identifier)))
      }
      return found
    },
    start: (order) => startOrder(deps, order),
    attach: (order) => attachOrder(deps, order),
    // Nothing is ever only accepted: what has begun is over when the call is, so that all there is to do is look.
    check: async (order) => (await attachOrder(deps, order)) ?? notBegun,
    cancel: async (order) => (await attachOrder(deps, order)) ?? { outcome: 'cancelled' },
    planUndo,
    inspect: (look) => inspectAccount(deps, look),
  }
}

const notBegun = {
  outcome: 'failure',
  failureClass: 'permanent',
  code: 'NeverArrived',
  detail: 'The account was read: nothing was done.',
} as const

function describeCapabilities({ name, settings, secrets }: ConfiguredConnector): Capability[] {
  const unset = secrets.bindPassword === undefined ? `bindPassword of connector '${name}' is not set` : null
  const { usersMayChangePassword } = readLdapSettings(settings).settings
  return ldapActions.map((actionType) => {
    const stuck = `usersMayChangePassword of connector '${name}' is false, so a user would be stuck`
    const reason = unset ?? (actionType === 'forceUserPasswordReset' && !usersMayChangePassword ? stuck : null)
    return { actionType, available: reason === null, reason }
  })
}

/** What nobody can be called is not asked for. */
function isName(identifier: string): boolean {
  // `HOST\name` is an account of a host or a domain, and no name of a directory.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return identifier.length <= maxIdentifier && !/[\x00-\x1f\x7f\\]/.test(identifier)
}

async function resolveIn(
  deps: OrderDeps,
  connector: ConfiguredConnector,
  actionType: ActionType,
  identifier: string,
): Promise<Resolution[]> {
  const can = describeCapabilities(connector).find((capability) => capability.actionType === actionType)
  try {
    return await deps.directories.ask(connector, deps.open, async (session) => {
      const accounts = await findAccounts(session, nameOf(session.settings, identifier))
      return accounts.map((account) => ({
        target: {
          kind: 'user' as const,
          key: writeKey(connector.id, account.id),
          displayName: account.displayName,
          identifier,
          aliases: account.names,
          tags: tagsOf(session, account),
        },
        supported: can?.available ?? false,
        reason: can?.reason ?? null,
      }))
    })
  } catch (cause) {
    if (cause instanceof DirectoryProblem) throw explainUnasked(connector, cause)
    throw cause
  }
}

function nameOf({ loginAttributes }: LdapSettings, value: string): Wanted {
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)
  return { attributes: isId ? [...loginAttributes, 'entryUUID'] : loginAttributes, value }
}

/** While one directory cannot be asked nobody can say that a name means exactly one account. */
function explainUnasked({ name }: ConfiguredConnector, problem: DirectoryProblem): CordonError {
  const { failureClass, detail, fix } = problem.facts
  const text = `Connector '${name}' cannot look the user up: ${detail} ${fix}`
  if (failureClass === 'permanent') return new CordonError('NoExecutor', text, { cause: problem })
  return new CordonError('ServiceUnavailable', text, { cause: problem, retryAfterSeconds: 30 })
}

function planUndo({ actionType, result }: FinishedAction): UndoPlan {
  const before = readBefore(result?.before)
  switch (actionType) {
    case 'disableUser':
      return { possible: true, actionType: 'enableUser', parameters: { restore: { value: before.restore } } }
    case 'forceUserPasswordReset':
      return { possible: true, actionType, parameters: { restore: { value: before.restore } } }
    case 'enableUser':
      return result === null || before.disabled
        ? { possible: true, actionType: 'disableUser', parameters: {} }
        : { possible: false, reason: 'The account was not disabled before.' }
    default:
      return { possible: false, reason: `${actionType} is no action of a directory.` }
  }
}

function readBefore(value: unknown): { readonly disabled: boolean; readonly restore: string | null } {
  const fields: Readonly<Record<string, unknown>> = typeof value === 'object' && value !== null ? { ...value } : {}
  return { disabled: fields.disabled === true, restore: typeof fields.restore === 'string' ? fields.restore : null }
}

async function inspectAccount(deps: OrderDeps, look: Look): Promise<Inspection> {
  const blank: Inspection = {
    readAt: deps.clock.now(),
    online: null,
    lastSeenAt: null,
    already: null,
    state: null,
    refusal: null,
    connections: { known: false, reason: 'A directory ends no connection: what the user has open stays open.' },
  }
  const [, connectorId, accountId = ''] = look.target.key.split(':')
  const connector = (await deps.list(look.tenantId)).find(({ id }) => id === connectorId)
  if (connector === undefined) return blank
  try {
    return await deps.directories.ask(connector, deps.open, async (session) => ({
      ...blank,
      online: true,
      ...(await lookAt(session, look, accountId)),
    }))
  } catch (cause) {
    if (!(cause instanceof DirectoryProblem)) throw cause
    const { code, detail, fix } = cause.facts
    return { ...blank, online: false, refusal: { code, detail: `${detail} ${fix}` } }
  }
}

async function lookAt(
  session: Session,
  { actionType }: Look,
  accountId: string,
): Promise<Pick<Inspection, 'already' | 'state' | 'refusal'>> {
  const seen = await readAccount(session, accountId)
  const decision = decide(actionType, seen, null)
  const refusal = decision.do === 'refuse' ? { code: decision.code, detail: decision.detail } : null
  return {
    already: decision.do === 'nothing',
    state: { ...describeAccount(seen.account), groups: seen.account.groups },
    refusal,
  }
}
