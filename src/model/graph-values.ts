import {
  type EdmProperty,
  type EnumTable,
  enumValue,
  hiddenMembers,
  readDateTime,
  readFlags,
  unknownFutureValue,
} from './edm.ts'
import { type EnumName, enums } from './generated.ts'

/** Why a value is refused, and where below the value that was read. */
export class Problem {
  readonly says: string
  readonly path: string

  constructor(says: string, path = '') {
    this.says = says
    this.path = path
  }

  /** The same problem seen from one level up, where the value stands at `step`: a property name, or `[index]`. */
  at(step: string): Problem {
    const joint = this.path === '' || this.path.startsWith('[') ? '' : '/'
    return new Problem(this.says, `${step}${joint}${this.path}`)
  }
}

/** How the values of a body are read. */
export interface ReadRules {
  /** In a patch an `unknownFutureValue` counts as {@link absent}, elsewhere it is refused. */
  readonly mode: 'create' | 'patch'
  readonly includeUnknownEnumMembers: boolean
}

/** A value that counts as not sent. */
export const absent: unique symbol = Symbol('absent')

const guidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const integerForm = /^-?\d{1,16}$/
const webUrlForm = /^https?:\/\/[^\s/?#]+[^\s]*$/i

/**
 * Reads one scalar that is not null: a primitive or an enum member.
 * @returns the canonical value (enum members in the contract's case, datetimes with 7 digits, GUIDs lower case), {@link absent}, or a {@link Problem}
 */
export function readScalar(property: EdmProperty, value: unknown, rules: ReadRules): unknown {
  if (property.kind === 'enum') return readEnum(enums[property.type], value, rules)
  switch (property.type) {
    case 'Edm.String':
      return readString(property, value)
    case 'Edm.DateTimeOffset':
      return (typeof value === 'string' ? readDateTime(value) : null) ?? notDateTime
    case 'Edm.Boolean':
      return typeof value === 'boolean' ? value : notBoolean
    case 'Edm.Double':
      return typeof value === 'number' && Number.isFinite(value) ? value : notNumber
    case 'Edm.Guid':
      return typeof value === 'string' && guidForm.test(value) ? value.toLowerCase() : notGuid
    case 'Edm.Int32':
      return typeof value === 'number' && (value | 0) === value ? value : notInt32
    default:
      return readInt64(value)
  }
}

const notDateTime = new Problem('must be a date and time with its offset, such as 2026-01-02T03:04:05Z')
const notBoolean = new Problem('must be true or false')
const notNumber = new Problem('must be a number')
const notGuid = new Problem('must be a GUID')
const notInt32 = new Problem('must be an integer of 32 bits')
const notInt64 = new Problem('must be an integer that a JSON number holds exactly')

function readString(property: EdmProperty, value: unknown): string | null | Problem {
  if (typeof value !== 'string') return new Problem('must be a string')
  if (value === '' && property.emptyIsNull) return null
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = property
  if (value.length < minLength) return new Problem('must not be empty')
  if (value.length > maxLength && countCharacters(value) > maxLength) {
    return new Problem(`must have at most ${maxLength} characters`)
  }
  if (property.webUrl && !webUrlForm.test(value)) return new Problem('must be an absolute http or https URL')
  return value
}

/** Code points, so that a limit means the same for every script. */
function countCharacters(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

/** A number, or its decimal text, as clients write Int64 with IEEE754Compatible. What would lose digits is refused. */
function readInt64(value: unknown): number | Problem {
  const number = typeof value === 'string' && integerForm.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : notInt64
}

function readEnum(table: EnumTable, value: unknown, rules: ReadRules): string | typeof absent | Problem {
  if (typeof value !== 'string') return new Problem(`must be a string, one of ${listMembers(table)}`)
  const members = table.isFlags ? readFlags(table, value) : readMember(table, value)
  if (members === null) return new Problem(`must be one of ${listMembers(table)}`)
  for (const member of members) {
    if (member === unknownFutureValue) {
      return rules.mode === 'patch' ? absent : new Problem(`cannot be set to '${unknownFutureValue}'`)
    }
    if (!rules.includeUnknownEnumMembers && hiddenMembers(table).has(member)) {
      return new Problem(`takes '${member}' only with the request header 'Prefer: include-unknown-enum-members'`)
    }
  }
  return members.join(',')
}

function readMember(table: EnumTable, value: string): readonly string[] | null {
  const member = enumValue(table, value)
  return member === null ? null : [member]
}

function listMembers(table: EnumTable): string {
  const hidden = hiddenMembers(table)
  return Object.keys(table.members)
    .filter((name) => name !== unknownFutureValue && !hidden.has(name))
    .join(', ')
}

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

/** The member that is stored by this number. @throws TypeError when the enum has no such number */
export function nameOf(name: EnumName, number: number): string {
  const found = Object.entries(enums[name].members).find(([, value]) => value === number)
  if (found === undefined) throw new TypeError(`${number} is no member of ${name}`)
  return found[0]
}
