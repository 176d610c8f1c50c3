import { CordonError } from '../model/errors.ts'
import { isRoleName, type RoleName, roleNames } from '../model/permissions.ts'

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const domain = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/i

/** True for a GUID in any case, without braces. */
export function isGuid(text: string): boolean {
  return guid.test(text)
}

/** True for a domain name of at least two labels. */
export function isDomain(text: string): boolean {
  return domain.test(text)
}

/**
 * Checks the name of a tenant, application or person: 1 to 120 characters, no control characters, no white space at its ends.
 * @throws CordonError BadRequest
 */
export function requireName(name: string): string {
  // Names are printed into logs and terminals, where control characters could write lines of their own.
  const isGood = name.length <= 120 && name.trim() === name && name !== '' && !/\p{Cc}/u.test(name)
  if (isGood && name.isWellFormed()) return name
  throw new CordonError('BadRequest', 'A name has 1 to 120 characters, no control characters, no space at its ends.', {
    target: 'name',
  })
}

/** @throws CordonError BadRequest listing the roles there are */
export function requireRole(role: string): RoleName {
  if (isRoleName(role)) return role
  throw new CordonError('BadRequest', `A role is one of: ${roleNames.join(', ')}.`, { target: 'role' })
}
