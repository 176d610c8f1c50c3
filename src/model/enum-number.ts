import { type EnumName, enums } from './generated.ts'

/**
 * The number a member is stored and ordered by.
 * @throws TypeError when the enum has no such member; outside text is checked before it gets here
 */
export function numberOf(name: EnumName, member: string): number {
  const number = enums[name].members[member]
  if (number === undefined) throw new TypeError(`'${member}' is no member of ${name}`)
  return number
}

/** As {@link numberOf}; null stays null. */
export function numberOrNull(name: EnumName, member: string | null): number | null {
  return member === null ? null : numberOf(name, member)
}
