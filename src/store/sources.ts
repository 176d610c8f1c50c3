import type { BoundFilter, CompareOperator } from '../model/query.ts'

// The sources of an incident's alerts are bits of one column of the incident, which triggers keep (migrations/0003-sources.ts). So a condition
// on the source of any alert is one on the incident alone.

/** Bits of the two members that are none by themselves. */
const bits: ReadonlyMap<number, number> = new Map([
  [0, 2 ** 29],
  [255, 2 ** 30],
])

/** The bit by which an incident knows that one of its alerts has this member. */
export function bitOfMember(member: number): number {
  return bits.get(member) ?? member
}

/**
 * The bits of the members that fulfil a condition on an item.
 * @throws Error when it asks for what a member does not tell: a mistake of ours, since binding admits no such condition
 */
export function bitsOf(body: BoundFilter | null, members: readonly number[]): number {
  return members
    .filter((member) => body === null || holds(body, member))
    .reduce((all, one) => all | bitOfMember(one), 0)
}

function holds(filter: BoundFilter, member: number): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.terms.every((term) => holds(term, member))
    case 'or':
      return filter.terms.some((term) => holds(term, member))
    case 'not':
      return !holds(filter.term, member)
    case 'constant':
      return filter.value
    case 'isNull':
      return false
    case 'compare':
      return comparisons[filter.operator](member, Number(filter.value))
    case 'in':
      return filter.values.some((value) => Number(value) === member)
    default:
      throw new Error(`a member cannot be asked by '${filter.kind}'`)
  }
}

const comparisons: Readonly<Record<CompareOperator, (member: number, value: number) => boolean>> = {
  eq: (member, value) => member === value,
  ne: (member, value) => member !== value,
  gt: (member, value) => member > value,
  ge: (member, value) => member >= value,
  lt: (member, value) => member < value,
  le: (member, value) => member <= value,
}
