import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/**
 * Costs of new hashes: 32 MiB and some 200 ms. @source OWASP password storage cheat sheet: N=2^15, r=8, p=3 as an equal of N=2^17, p=1
 */
const costs = { N: 2 ** 15, r: 8, p: 3 } as const
type Costs = { readonly [part in keyof typeof costs]: number }
const keyBytes = 32
const saltBytes = 16
/** Each takes 32 MiB and a thread; more at once would let anybody who guesses slow everybody else down. */
const atOnce = 2
const maxWaiting = 50

/** Hashes passwords and compares them, a few at a time. */
export interface PasswordHasher {
  /** Hashes with a salt of its own: `scrypt$N$r$p$salt$key`, the last two in base64url. @throws HashingBusy */
  hash(password: string): Promise<string>
  /**
   * Compares a password with a stored hash. With `null` for the hash it takes as long and says no, so that the time tells nobody who exists.
   * @throws HashingBusy
   */
  matches(password: string, hash: string | null): Promise<boolean>
}

/** Too many passwords wait to be checked. */
export class HashingBusy extends Error {
  override readonly name: string = 'HashingBusy'
}

/** Makes the one hasher of a server. */
export function createPasswordHasher(): PasswordHasher {
  const inTurn = createTurns()
  return {
    hash: async (password) => {
      const salt = randomBytes(saltBytes)
      const key = await inTurn(() => derive(password, salt, costs))
      return ['scrypt', costs.N, costs.r, costs.p, salt.toString('base64url'), key.toString('base64url')].join('$')
    },
    matches: (password, hash) => inTurn(() => compare(password, hash)),
  }
}

async function compare(password: string, hash: string | null): Promise<boolean> {
  const [kind, N, r, p, salt = '', key = ''] = hash?.split('$') ?? []
  const stored = Buffer.from(key, 'base64url')
  if (kind !== 'scrypt' || stored.length !== keyBytes) {
    await derive(password, randomBytes(saltBytes), costs)
    return false
  }
  const given = await derive(password, Buffer.from(salt, 'base64url'), { N: Number(N), r: Number(r), p: Number(p) })
  return timingSafeEqual(given, stored)
}

/** One form of each password, whatever keyboard it was typed on. @source NIST SP 800-63B-4, 3.1.1.2 */
function derive(password: string, salt: Buffer, cost: Costs): Promise<Buffer> {
  const options = { ...cost, maxmem: 256 * cost.N * cost.r }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, keyBytes, options, (cause, key) =>
      cause === null ? resolve(key) : reject(cause),
    )
  })
}

function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running >= atOnce) {
      if (waiting.length >= maxWaiting) throw new HashingBusy()
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running += 1
    try {
      return await work()
    } finally {
      // A place is handed on, not given back and fought for.
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
