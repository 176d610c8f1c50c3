import type { Clock } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import { readUser } from '../../store/access.ts'
import { isDuplicateKey } from '../../store/db.ts'
import { type Actor, recordChange } from '../../store/record.ts'
import type { UserRow } from '../../store/schema.ts'
import { deletePassword, deleteSessionsOf, findPassword, readPassword, writePassword } from '../../store/sign-in.ts'
import { requireAtHome } from '../members/members.ts'
import type { AccessDeps } from '../tenants.ts'
import { HashingBusy, type PasswordHasher } from './password-hash.ts'

/** What setting and checking passwords needs. */
export interface PasswordDeps extends AccessDeps {
  readonly hasher: PasswordHasher
}

/** Fewest characters of a password that alone lets somebody in. @source NIST SP 800-63B-4, 3.1.1.2 */
export const minPasswordLength = 15
const maxPasswordLength = 256
const fewestDifferent = 5

/**
 * Sets a person's password and ends their other sessions.
 * @param keptSession hash of the session that goes on; null: none
 * @throws CordonError BadRequest for a password the rules forbid; NotFound; Conflict when another person of the tenant bears the same name,
 * or the person is from another tenant
 */
export async function setPassword(
  deps: PasswordDeps,
  actor: Actor,
  input: { readonly userId: string; readonly password: string; readonly keptSession: string | null },
): Promise<void> {
  const user = await requireUser(deps, actor.tenantId, input.userId)
  checkPassword(input.password, user.name)
  const hash = await inTime(() => deps.hasher.hash(input.password))
  const at = deps.clock.now()
  const row = {
    tenant_id: user.tenant_id,
    user_id: user.id,
    sign_in_name: foldName(user.name),
    hash,
    set_at: at,
  }
  try {
    await deps.store.transaction(async (tx) => {
      await requireAtHome(tx, user.id)
      await writePassword(tx, row)
      await deleteSessionsOf(tx, user, input.keptSession)
      const audit = { action: 'setPassword', objectType: 'user', objectId: user.id, decision: 'allowed' } as const
      await recordChange(tx, { at, actor, audit })
    })
  } catch (cause) {
    if (!isDuplicateKey(cause)) throw cause
    throw new CordonError('Conflict', 'Another person of that name signs in with a password already.', { cause })
  }
}

/** Takes a person's password away; they sign in by link or issuer from then on. Twice is nothing. */
export async function removePassword(deps: AccessDeps, actor: Actor, userId: string): Promise<void> {
  const at = deps.clock.now()
  await deps.store.transaction(async (tx) => {
    if (!(await deletePassword(tx, actor.tenantId, userId))) return
    const audit = { action: 'removePassword', objectType: 'user', objectId: userId, decision: 'allowed' } as const
    await recordChange(tx, { at, actor, audit })
  })
}

/**
 * The person of that name and password. Takes as long for a name nobody bears.
 * @throws CordonError ServiceUnavailable while too many passwords are being checked
 */
export async function provePassword(
  deps: PasswordDeps,
  tenantId: string,
  name: string,
  password: string,
): Promise<UserRow | undefined> {
  const found = await findPassword(deps.store.read, tenantId, foldName(name))
  const isRight = await inTime(() => deps.hasher.matches(password.slice(0, maxPasswordLength), found?.hash ?? null))
  return isRight ? found?.user : undefined
}

/** Whether a person has a password, and whether this is it. */
export async function checkOwnPassword(
  deps: PasswordDeps,
  tenantId: string,
  userId: string,
  password: string,
): Promise<'none' | 'right' | 'wrong'> {
  const row = await readPassword(deps.store.read, tenantId, userId)
  if (row === undefined) return 'none'
  return (await inTime(() => deps.hasher.matches(password.slice(0, maxPasswordLength), row.hash))) ? 'right' : 'wrong'
}

/**
 * Refuses what is guessed first. Length is what counts; no rules of composition.
 * @throws CordonError BadRequest saying what is wrong
 */
export function checkPassword(password: string, name: string): void {
  const characters = [...password.normalize('NFKC')]
  const problem =
    characters.length < minPasswordLength
      ? `A password has at least ${minPasswordLength} characters; several words make a good one.`
      : characters.length > maxPasswordLength
        ? `A password has at most ${maxPasswordLength} characters.`
        : /\p{Cc}/u.test(password) || !password.isWellFormed()
          ? 'A password holds no control characters.'
          : new Set(characters).size < fewestDifferent
            ? `A password has at least ${fewestDifferent} different characters.`
            : name.length > 3 && password.toLowerCase().includes(name.toLowerCase())
              ? 'A password does not hold the name it belongs to.'
              : null
  if (problem !== null) throw new CordonError('BadRequest', problem, { target: 'password' })
}

/** Counts wrong passwords per name, so that many addresses together guess no faster than one. */
export interface GuessLimit {
  /** Whole seconds until the name may be tried again, or null. */
  waitSeconds(key: string): number | null
  note(key: string): void
  /** Forgets the failures of somebody who knew it. */
  clear(key: string): void
}

const maxNames = 10_000

/**
 * Makes one limit of a server. Nobody is locked out for good: after so many in a window it is time to wait for its end.
 * @param most ten wrong passwords in ten minutes without
 */
export function createGuessLimit(
  clock: Clock,
  most: { readonly perWindow: number; readonly windowMs: number } = { perWindow: 10, windowMs: 10 * 60_000 },
): GuessLimit {
  const { perWindow, windowMs } = most
  const windows = new Map<string, { startedAtMs: number; count: number }>()
  const restMs = (key: string): number => {
    const window = windows.get(key)
    return window === undefined ? 0 : window.startedAtMs + windowMs - clock.nowMs()
  }
  return {
    waitSeconds: (key) => {
      const isOver = (windows.get(key)?.count ?? 0) >= perWindow && restMs(key) > 0
      return isOver ? Math.ceil(restMs(key) / 1_000) : null
    },
    note: (key) => {
      const window = windows.get(key)
      if (window !== undefined && restMs(key) > 0) {
        window.count += 1
        return
      }
      windows.delete(key)
      const [oldest] = windows.keys()
      if (windows.size >= maxNames && oldest !== undefined) windows.delete(oldest)
      windows.set(key, { startedAtMs: clock.nowMs(), count: 1 })
    },
    clear: (key) => void windows.delete(key),
  }
}

/** Names compare without regard to case and spelling of the same letters. */
export function foldName(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}

async function requireUser(deps: AccessDeps, tenantId: string, userId: string): Promise<UserRow> {
  const user = await readUser(deps.store.read, tenantId, userId)
  if (user !== undefined && user.disabled_at === null) return user
  throw new CordonError('NotFound', 'There is no such person in this tenant.')
}

async function inTime<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof HashingBusy)) throw cause
    throw new CordonError('ServiceUnavailable', 'Too many passwords are being checked.', {
      retryAfterSeconds: 5,
      cause,
    })
  }
}
