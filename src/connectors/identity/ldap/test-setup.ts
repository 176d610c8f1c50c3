import type { ConfiguredConnector, OpenSecrets, SetupCheck } from '../../connector.ts'
import { readPolicy } from './account.ts'
import type { Session } from './client.ts'
import { type Directories, findAccounts, isOwnAccount } from './directory.ts'
import { DirectoryProblem, type ProblemFacts } from './problem.ts'

/** Support of password policies, as a server says it of itself. @source draft-behera-ldap-password-policy-11, 6 */
const policyControl = '1.3.6.1.4.1.42.2.27.8.5.1'
/** A time no account was ever locked at. */
const neverLocked = '19000101000000Z'

/** Tries everything the actions need, in the order in which they need it, without effect; ends at the first thing that is wrong. */
export async function testSetup(
  directories: Directories,
  connector: ConfiguredConnector,
  open: OpenSecrets,
): Promise<readonly SetupCheck[]> {
  const checks: SetupCheck[] = []
  const pass = (name: string, detail: string): void => {
    checks.push({ name, ok: true, detail, code: null, setting: null, fix: null })
  }
  const begun = { name: 'connect' }
  try {
    await directories.ask(connector, open, async (session) => {
      pass('connect', `TLS to ${connector.address}, with a certificate that is good for it.`)
      pass('bind', `Bound as ${session.settings.bindDn}.`)
      for (const [name, check] of steps) {
        begun.name = name
        pass(name, await check(session))
      }
    })
  } catch (cause) {
    if (!(cause instanceof DirectoryProblem)) throw cause
    const { facts } = cause
    const isBind = begun.name === 'connect' && (facts.setting === 'bindPassword' || facts.setting === 'bindDn')
    const { code, detail, setting, fix } = facts
    checks.push({ name: isBind ? 'bind' : begun.name, ok: false, detail, code, setting, fix })
  }
  return checks
}

type Step = readonly [name: string, check: (session: Session) => Promise<string>]

const steps: readonly Step[] = [
  ['users', checkUsers],
  ['passwordPolicy', checkPolicy],
  ['write', checkWrite],
]

async function checkUsers(session: Session): Promise<string> {
  const [account] = await findAccounts(session, null)
  const { baseDn, loginAttributes } = session.settings
  if (account !== undefined) return `There are users below ${baseDn}.`
  throw wrong({
    code: 'NoUsers',
    detail: `There is no entry with ${loginAttributes[0]} and entryUUID below ${baseDn} that the account may read.`,
    setting: 'baseDn',
    fix: 'Correct baseDn or loginAttributes, or give the account read access.',
  })
}

async function checkPolicy(session: Session): Promise<string> {
  const { passwordPolicy, usersMayChangePassword } = session.settings
  const server = await session.read('', ['supportedControl'])
  if (!server?.values.supportedcontrol?.includes(policyControl)) {
    const detail = 'The directory has no password policies, so it cannot lock an account.'
    throw wrong({ code: 'NoPasswordPolicy', detail, setting: 'url', fix: 'Load the ppolicy overlay in the directory.' })
  }
  const policy = await readPolicy(session, passwordPolicy)
  const setting = 'passwordPolicy'
  if (policy === null) {
    const detail = `${passwordPolicy} is not there, or the account may not read it.`
    const fix = 'Name the entry that ppolicy_default names, and give the account read access to it.'
    throw wrong({ code: 'PolicyUnreadable', detail, setting, fix })
  }
  if (!policy.lockout) {
    const detail = `${passwordPolicy} does not have pwdLockout TRUE, so a lock would not keep anybody out.`
    throw wrong({ code: 'LockHasNoEffect', detail, setting, fix: 'Set pwdLockout: TRUE in that entry.' })
  }
  if (usersMayChangePassword && !(policy.mustChange && policy.allowUserChange)) {
    const detail = `${passwordPolicy} does not ask users for a new password after a reset, or does not let them choose one.`
    const fix =
      'Set pwdMustChange: TRUE and pwdAllowUserChange: TRUE in that entry, or usersMayChangePassword to false.'
    throw wrong({ code: 'ResetHasNoEffect', detail, setting, fix })
  }
  return `${passwordPolicy} makes locks count.`
}

/** Asks to take away a value that nobody has: the server refuses it either way, and differently when the account may not write at all. */
async function checkWrite(session: Session): Promise<string> {
  const accounts = await findAccounts(session, null)
  const account = accounts.find((candidate) => !isOwnAccount(session, candidate))
  if (account === undefined) return 'There is no user but the own account to try it on.'
  await session.exchange(account.dn, 'pwdAccountLockedTime', neverLocked, null)
  return `The account may write pwdAccountLockedTime of users, e.g. of ${account.dn}.`
}

function wrong(facts: Omit<ProblemFacts, 'failureClass'>): DirectoryProblem {
  return new DirectoryProblem({ ...facts, failureClass: 'permanent' })
}
