import type { Clock } from '../../../io/clock.ts'
import type { Outbound } from '../../../io/outbound.ts'
import { ownAccountTag } from '../../../model/safety/verdict.ts'
import type { ConfiguredConnector, Health, OpenSecrets } from '../../connector.ts'
import { type Account, accountAttributes, readPolicy, type Seen, toAccount } from './account.ts'
import type { Session, Wanted } from './client.ts'
import { DirectoryProblem } from './problem.ts'
import { normalizeDn } from './settings.ts'

/** How this server gets at directories, and how it found them. */
export interface Directories {
  /** Does something in a session, and remembers whether that went well. @throws DirectoryProblem */
  ask<T>(connector: ConfiguredConnector, open: OpenSecrets, work: (session: Session) => Promise<T>): Promise<T>
  health(connector: ConfiguredConnector): Health
}

/** The directories of all tenants, asked under the rules for outbound connections. */
export function openDirectories(deps: { readonly clock: Clock; readonly outbound: Outbound }): Directories {
  const found = new Map<string, Health & { readonly version: number }>()
  const note = ({ tenantId, id, version }: ConfiguredConnector, problem: DirectoryProblem | null): void => {
    const { code = null, detail = null } = problem?.facts ?? {}
    const state = problem === null ? 'working' : 'failing'
    found.set(`${tenantId}/${id}`, { state, at: deps.clock.now(), code, detail, version })
  }
  return {
    ask: async (connector, open, work) => {
      // Loaded with the first directory that is asked: most servers have none.
      const { withSession } = await import('./client.ts')
      try {
        const result = await withSession({ outbound: deps.outbound, open }, connector, work)
        note(connector, null)
        return result
      } catch (cause) {
        if (cause instanceof DirectoryProblem) note(connector, cause)
        throw cause
      }
    },
    health: ({ tenantId, id, version }) => {
      const last = found.get(`${tenantId}/${id}`)
      if (last?.version !== version) return { state: 'untested', at: null, code: null, detail: null }
      const { state, at, code, detail } = last
      return { state, at, code, detail }
    },
  }
}

/** The accounts that fit; at most two. */
export async function findAccounts(session: Session, wanted: Wanted): Promise<Account[]> {
  const entries = await session.find(wanted, accountAttributes(session.settings))
  return entries.flatMap((entry) => toAccount(session.settings, entry) ?? [])
}

/** The one account of that entryUUID with its policy. @throws DirectoryProblem when there is not exactly one */
export async function readAccount(session: Session, id: string): Promise<Seen> {
  const [account, ...others] = await findAccounts(session, { attributes: ['entryUUID'], value: id })
  if (account !== undefined && others.length === 0) {
    return { account, policy: await readPolicy(session, account.policyDn) }
  }
  throw new DirectoryProblem({
    code: 'TargetNotFound',
    failureClass: 'permanent',
    detail: 'The account is no longer in the directory, or no longer below the base of users.',
    setting: 'baseDn',
    fix: 'Look the account up; it was moved or removed after the action was requested.',
  })
}

/** True for the account the connector itself binds as: without it nothing could be taken back. */
export function isOwnAccount(session: Session, account: Account): boolean {
  return normalizeDn(account.dn) === normalizeDn(session.settings.bindDn)
}

/** What the safety policy may speak of: the groups the directory says it is in. */
export function tagsOf(session: Session, account: Account): string[] {
  return [
    ...account.groups.map((group) => `group:${group}`),
    ...(isOwnAccount(session, account) ? [ownAccountTag] : []),
  ]
}
