import { readFileSync } from 'node:fs'

/** An account of this host, as its files have it. */
export interface LocalAccount {
  readonly name: string
  readonly uid: number
  /** The password cannot be used. */
  readonly locked: boolean
  /** There is a password at all. */
  readonly hasPassword: boolean
  /** Day since 1970 from which the account is over, as written; empty for never. */
  readonly expires: string
  /** Day since 1970 of the last change of the password, as written; 0 asks for a new one. */
  readonly lastChange: string
}

/** Groups whose members may become root. */
const adminGroups = ['sudo', 'wheel', 'admin']

/** Reads an account of this host; undefined for one it does not have, e.g. one of a directory. @source passwd(5), shadow(5) */
export function readAccount(name: string): LocalAccount | undefined {
  const account = readLines('/etc/passwd').find(([login]) => login === name)
  if (account === undefined) return undefined
  const [, password = '*', lastChange = '', , , , , expires = ''] =
    readLines('/etc/shadow').find(([login]) => login === name) ?? []
  return {
    name,
    uid: Number(account[2]),
    locked: password.startsWith('!'),
    hasPassword: /^!*[^!*]/.test(password),
    expires,
    lastChange,
  }
}

/** True when nobody can log in as this account. */
export function isDisabled({ locked, expires }: Pick<LocalAccount, 'locked' | 'expires'>, nowMs: number): boolean {
  return locked && isExpired(expires, nowMs)
}

/** The last account in force that may become root, except for this one; true when there is no other. */
export function isLastAdmin(name: string, nowMs: number): boolean {
  const members = listAdmins()
  if (!members.has(name)) return false
  return ![...members].some((other) => {
    const account = other === name ? undefined : readAccount(other)
    return account !== undefined && !isDisabled(account, nowMs) && !isExpired(account.expires, nowMs)
  })
}

function isExpired(expires: string, nowMs: number): boolean {
  return /^\d+$/.test(expires) && Number(expires) * 86_400_000 <= nowMs
}

function listAdmins(): ReadonlySet<string> {
  const groups = readLines('/etc/group').filter(([group = '']) => adminGroups.includes(group))
  const ids = new Set(groups.map(([, , gid]) => gid))
  const primary = readLines('/etc/passwd').filter(([, , , gid]) => ids.has(gid))
  const listed = groups.flatMap(([, , , members = '']) => members.split(','))
  return new Set([...listed, ...primary.map(([login = '']) => login)].filter((login) => login !== ''))
}

function readLines(path: string): readonly (readonly string[])[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(':'))
}
