import { CordonError } from '../model/errors.ts'
import type { Permission } from '../model/permissions.ts'
import type { Actor } from '../store/record.ts'

/** An authenticated actor and what it may do. */
export interface Caller extends Actor {
  readonly permissions: ReadonlySet<Permission>
}

/**
 * Lets a caller pass that holds at least one of `anyOf`.
 * @throws CordonError Forbidden in Graph's own words: roles for applications, scopes for people
 * @source observed on the live service (wazuh#31670); design contract 14.2
 */
export function requirePermission(caller: Caller, anyOf: readonly Permission[]): void {
  if (anyOf.some((permission) => caller.permissions.has(permission))) return
  const held = [...caller.permissions].sort().join(',') || ' '
  const required = anyOf.join(',')
  throw new CordonError(
    'Forbidden',
    caller.kind === 'user'
      ? `Missing scopes. API required scopes: ${required}, scopes: ${held}.`
      : `Missing application roles. API required roles: ${required}, application roles: ${held}.`,
  )
}
