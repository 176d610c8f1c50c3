import type { Clock } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import type { Actor } from '../../store/record.ts'

/** How many requests a minute are let in. */
export interface RateLimits {
  /** Of one application or person. */
  readonly perCallerPerMinute: number
  /** Of all of a tenant's together. */
  readonly perTenantPerMinute: number
}

/** What nobody reaches who means well: Graph's own limit over all services, 130 000 in 10 seconds. @source design contract 14.4 */
export const defaultRateLimits: RateLimits = { perCallerPerMinute: 780_000, perTenantPerMinute: 780_000 }

/** What is left of a limit, and when that was. */
interface Bucket {
  left: number
  atMs: number
}

/** Callers and tenants remembered; whoever is known longest is forgotten first, and then starts anew. */
const maxKnown = 10_000

/**
 * Makes the function that lets a caller's request in or refuses it. Who was quiet for a minute may send a whole minute's requests at once;
 * after that they are let in at the pace of the limit. Kept in this process: several servers each give the whole limit.
 * @returns a function that throws CordonError TooManyRequests with the seconds until one more request is let in
 */
export function createThrottle(clock: Clock, limits: RateLimits): (actor: Pick<Actor, 'tenantId' | 'id'>) => void {
  const callers = new Map<string, Bucket>()
  const tenants = new Map<string, Bucket>()
  return ({ tenantId, id }) => {
    const nowMs = clock.nowMs()
    const caller = refill(callers, `${tenantId} ${id}`, limits.perCallerPerMinute, nowMs)
    const tenant = refill(tenants, tenantId, limits.perTenantPerMinute, nowMs)
    if (caller.left < 1) throw refusal('application', caller.left, limits.perCallerPerMinute)
    if (tenant.left < 1) throw refusal('tenant', tenant.left, limits.perTenantPerMinute)
    caller.left -= 1
    tenant.left -= 1
  }
}

function refill(known: Map<string, Bucket>, key: string, perMinute: number, nowMs: number): Bucket {
  const found = known.get(key)
  if (found !== undefined) {
    // A clock that went back gives nothing and takes nothing.
    const elapsedMs = Math.max(0, nowMs - found.atMs)
    found.left = Math.min(perMinute, found.left + (elapsedMs * perMinute) / 60_000)
    found.atMs = nowMs
    return found
  }
  const [oldest] = known.keys()
  if (known.size >= maxKnown && oldest !== undefined) known.delete(oldest)
  const bucket = { left: perMinute, atMs: nowMs }
  known.set(key, bucket)
  return bucket
}

function refusal(whose: string, left: number, perMinute: number): CordonError {
  const retryAfterSeconds = Math.max(1, Math.ceil(((1 - left) * 60) / perMinute))
  return new CordonError('TooManyRequests', `This ${whose} sends more than ${perMinute} requests a minute.`, {
    retryAfterSeconds,
  })
}
