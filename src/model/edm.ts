import { type EnumName, edm, type TypeName } from './generated.ts'

/** OData primitive types that Cordon's contract uses. */
export type PrimitiveName =
  | 'Edm.Boolean'
  | 'Edm.DateTimeOffset'
  | 'Edm.Double'
  | 'Edm.Guid'
  | 'Edm.Int32'
  | 'Edm.Int64'
  | 'Edm.String'

interface PropertyFacts {
  readonly name: string
  /** The wire value is an array of `type`; it is never null on the wire, and its items never are. */
  readonly collection: boolean
  readonly nullable: boolean
  /** Absent from v1.0. */
  readonly betaOnly?: true
  /** PATCH may change it. */
  readonly writable?: true
  /** A creating POST cannot set it. */
  readonly serverOwned?: true
  readonly requiredOnCreate?: true
  /** What a non-nullable property becomes when nobody gave it. */
  readonly default?: string | number | boolean
  /** The empty string counts as null. */
  readonly emptyIsNull?: true
  /** Characters (code points). */
  readonly minLength?: number
  /** Characters (code points) of the string or of each string of a collection; every Edm.String has it. */
  readonly maxLength?: number
  readonly maxItems?: number
  /** http or https only. */
  readonly webUrl?: true
  /** A navigation that is always present as `{ id }` and that a creating POST gives as `{ id }`. */
  readonly stub?: true
}

/** A property as the contract declares it. `type` of a collection is the type of its items. */
export type EdmProperty = PropertyFacts &
  (
    | { readonly kind: 'primitive'; readonly type: PrimitiveName }
    | { readonly kind: 'enum'; readonly type: EnumName }
    | { readonly kind: 'complex' | 'navigation'; readonly type: TypeName }
  )

/** An entity or complex type with its own properties; inherited ones are with `base`. */
export interface EdmType {
  readonly name: TypeName
  /** With namespace, without `#`. */
  readonly qualifiedName: string
  readonly kind: 'entity' | 'complex'
  readonly base: TypeName | null
  readonly abstract: boolean
  /** Takes properties that are not declared. */
  readonly open: boolean
  /** Absent from v1.0. */
  readonly betaOnly?: true
  /** Undeclared names a PATCH may carry without effect. */
  readonly ignoredInPatch?: readonly string[]
  readonly properties: readonly EdmProperty[]
}

/** An enum with its numbers, in the order of the contract. */
export interface EnumTable {
  readonly name: EnumName
  /** With namespace. */
  readonly qualifiedName: string
  readonly underlyingType: 'Edm.Byte' | 'Edm.Int32' | 'Edm.Int64'
  readonly isFlags: boolean
  readonly members: Readonly<Record<string, number>>
  /** Number of `unknownFutureValue`; members above it are hidden. Null: the enum has no such member. */
  readonly sentinel: number | null
  /** Other names that are accepted, with the member each stands for. */
  readonly aliases?: Readonly<Record<string, string>>
}

/** A bound action: what it is bound to and what its body holds. */
export interface EdmAction {
  readonly name: string
  /** With namespace. */
  readonly qualifiedName: string
  readonly boundTo: TypeName
  readonly boundToCollection: boolean
  /** Absent from v1.0. */
  readonly betaOnly?: true
  /** Body properties; `requiredOnCreate` marks those a call must give. */
  readonly parameters: readonly EdmProperty[]
  readonly returns: TypeName | null
}

/** What a single-valued navigation carries without $expand. */
export interface EntityStub {
  readonly '@odata.type'?: string
  readonly id: string
}

/**
 * A value of the contract before it is completed: at every depth only what is known, but `@odata.type` where the type carries it and
 * the id of what a navigation leads to.
 */
export type Draft<T> = T extends readonly (infer Item)[]
  ? readonly Draft<Item>[]
  : T extends object
    ? DraftObject<T>
    : T

type DraftObject<T> = {
  readonly [K in keyof T as K extends '@odata.type' ? K : never]: T[K]
} & {
  readonly [K in keyof T as K extends '@odata.type' ? never : K]?: DraftProperty<T[K]>
}

type DraftProperty<T> = unknown extends T ? T : [EntityStub] extends [T] ? EntityStub : Draft<T>

/** Name of the sentinel member of every evolvable enum. */
export const unknownFutureValue = 'unknownFutureValue'

const propertyLists = new Map<TypeName, readonly EdmProperty[]>()
const propertyMaps = new Map<TypeName, ReadonlyMap<string, EdmProperty>>()
const concreteTypes = new Map<TypeName, readonly TypeName[]>()
const typesByQualifiedName: ReadonlyMap<string, EdmType> = new Map(
  Object.values(edm).map((type) => [type.qualifiedName, type]),
)
const spellings = new WeakMap<EnumTable, ReadonlyMap<string, string>>()
const hidden = new WeakMap<EnumTable, ReadonlySet<string>>()

/** Every property of a type, inherited ones first, in the order of the contract. */
export function propertiesOf(type: TypeName): readonly EdmProperty[] {
  const known = propertyLists.get(type)
  if (known !== undefined) return known
  const { base, properties } = edm[type]
  const all = base === null ? properties : [...propertiesOf(base), ...properties]
  propertyLists.set(type, all)
  return all
}

/** The property of that exact name, own or inherited. Safe for any text: `constructor` and the like are not found. */
export function findProperty(type: TypeName, name: string): EdmProperty | undefined {
  let byName = propertyMaps.get(type)
  if (byName === undefined) {
    byName = new Map(propertiesOf(type).map((property) => [property.name, property]))
    propertyMaps.set(type, byName)
  }
  return byName.get(name)
}

/** The type an `@odata.type` names, with or without `#`; undefined when the contract has none of that name. */
export function findType(odataType: string): EdmType | undefined {
  return typesByQualifiedName.get(odataType.startsWith('#') ? odataType.slice(1) : odataType)
}

/** True when `type` is `base` or derives from it. */
export function derivesFrom(type: TypeName, base: TypeName): boolean {
  for (let at: TypeName | null = type; at !== null; at = edm[at].base) if (at === base) return true
  return false
}

/** The types a value declared as `base` can have: `base` itself unless abstract, and all concrete types below it. */
export function concreteTypesOf(base: TypeName): readonly TypeName[] {
  let names = concreteTypes.get(base)
  if (names === undefined) {
    const types = Object.values(edm).filter((type) => !type.abstract && derivesFrom(type.name, base))
    names = types.map((type) => type.name)
    concreteTypes.set(base, names)
  }
  return names
}

/**
 * True for complex types below an abstract one (evidence, response actions): their values always carry `@odata.type`, so that a client
 * can tell them apart wherever they stand.
 */
export function carriesTypeName(type: TypeName): boolean {
  if (edm[type].kind !== 'complex') return false
  for (let at: TypeName | null = type; at !== null; at = edm[at].base) if (edm[at].abstract) return true
  return false
}

/** `@odata.type` as Cordon writes it: with namespace and `#`. */
export function odataType(type: TypeName): string {
  return `#${edm[type].qualifiedName}`
}

/** The type a value declared as `declared` really has: the one its `@odata.type` names, when that derives from `declared`. */
export function actualType(declared: TypeName, value: Readonly<Record<string, unknown>>): TypeName {
  const named = value['@odata.type']
  const type = typeof named === 'string' ? findType(named) : undefined
  return type !== undefined && derivesFrom(type.name, declared) ? type.name : declared
}

/** True for an open type without declared properties: its values are `{}` rather than null when unset. */
export function isDictionary(type: TypeName): boolean {
  return edm[type].open && propertiesOf(type).length === 0
}

/**
 * The member that `text` names, in any case of ASCII letters and by its aliases; null when it names none. No trimming, no numbers, so
 * `' high'` and `'256'` are null. The result may be `unknownFutureValue` or a hidden member: the caller decides about those.
 */
export function enumValue(table: EnumTable, text: string): string | null {
  if (Object.hasOwn(table.members, text)) return text
  let known = spellings.get(table)
  if (known === undefined) {
    const names = Object.keys(table.members).map((name): [string, string] => [name.toLowerCase(), name])
    const aliases = Object.entries(table.aliases ?? {}).map(([alias, name]): [string, string] => [
      alias.toLowerCase(),
      name,
    ])
    known = new Map([...names, ...aliases])
    spellings.set(table, known)
  }
  return /^\w+$/.test(text) ? (known.get(text.toLowerCase()) ?? null) : null
}

/** The member with that number; null when there is none. */
export function enumMember(table: EnumTable, value: number): string | null {
  for (const [name, number] of Object.entries(table.members)) if (number === value) return name
  return null
}

/**
 * Reads a flags value: members by name or number, separated by commas with optional spaces (`sameActor, 1024`).
 * @returns the members in the order of their numbers, each once; null when a part names no member. May hold `unknownFutureValue`.
 */
export function readFlags(table: EnumTable, text: string): readonly string[] | null {
  let bits = 0
  for (const part of text.split(',').map((raw) => raw.trim())) {
    const name = enumValue(table, part)
    const number = name === null ? (/^\d{1,10}$/.test(part) ? Number(part) : 0) : (table.members[name] ?? 0)
    if (number === 0 || number > 0x7fffffff) return null
    bits |= number
  }
  const members = Object.entries(table.members).filter(([, number]) => (bits & number) === number)
  const known = members.reduce((sum, [, number]) => sum | number, 0)
  return known === bits ? members.sort(([, a], [, b]) => a - b).map(([name]) => name) : null
}

/** Members above the sentinel: shown and accepted only with `Prefer: include-unknown-enum-members`. */
export function hiddenMembers(table: EnumTable): ReadonlySet<string> {
  let names = hidden.get(table)
  if (names === undefined) {
    const { members, sentinel } = table
    names = new Set(Object.keys(members).filter((name) => sentinel !== null && (members[name] ?? 0) > sentinel))
    hidden.set(table, names)
  }
  return names
}

/**
 * What a caller without the opt-in sees: a hidden member is `unknownFutureValue`, in flags all hidden ones together are one.
 * @source Microsoft Graph API guidelines, evolvable enums
 */
export function maskEnum(table: EnumTable, value: string): string {
  const names = hiddenMembers(table)
  if (!table.isFlags) return names.has(value) ? unknownFutureValue : value
  const parts = value.split(',').map((part) => part.trim())
  if (!parts.some((part) => names.has(part))) return value
  return [...new Set(parts.map((part) => (names.has(part) ? unknownFutureValue : part)))].join(',')
}

const dateTimeForm =
  /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,12}))?)?(?:Z|([+\- ])(\d{2}):(\d{2})))?$/i

/**
 * Reads a point in time as clients write it: an offset or Z, seconds optional, 0-12 fraction digits of which 7 count (the rest is cut
 * off), or a date alone (midnight UTC). A space stands for the `+` of an offset, because that is what a raw `+` in a URL decodes to.
 * @returns UTC text with exactly 7 fraction digits and Z; null when it is no such text, no day of the calendar, or outside the years 1-9999
 * @source OData ABNF dateTimeOffsetValue; design contract 1.4 and 15
 */
export function readDateTime(text: string): string | null {
  const match = dateTimeForm.exec(text)
  if (match === null) return null
  const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00', fraction = '', ...offsetParts] =
    match
  const [sign, offsetHour = '00', offsetMinute = '00'] = offsetParts
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return null
  if (Number(year) === 0 || !isCalendarDay(Number(year), Number(month), Number(day))) return null

  const offset = (sign === '-' ? -1 : 1) * (Number(offsetHour) * 60 + Number(offsetMinute))
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  const utc = offset === 0 ? local : shiftMinutes(local, -offset)
  return utc === null ? null : `${utc}.${fraction.slice(0, 7).padEnd(7, '0')}Z`
}

function isCalendarDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const days = month === 2 ? (isLeap ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return day <= days
}

function shiftMinutes(local: string, minutes: number): string | null {
  const shifted = new Date(Date.parse(`${local}Z`) + minutes * 60_000).toISOString()
  const isFourDigitYear = shifted.length === 24 && !shifted.startsWith('0000')
  return isFourDigitYear ? shifted.slice(0, 19) : null
}
