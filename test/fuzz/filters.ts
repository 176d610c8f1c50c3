import { concreteTypesOf, type EdmProperty, propertiesOf } from '../../src/model/edm.ts'
import { edm, enums, type TypeName } from '../../src/model/generated.ts'
import type { Dice } from './dice.ts'

/** The types the three collections hold, and how their lists are called. */
export const collections: readonly { readonly type: TypeName; readonly path: string }[] = [
  { type: 'incident', path: 'incidents' },
  { type: 'alert', path: 'alerts_v2' },
  { type: 'incidentTask', path: 'incidentTasks' },
]

const oddNames = [
  'noSuch',
  'tenantSecret',
  '$it',
  '@odata.type',
  'constructor',
  '__proto__',
  'a/b/c',
  'incident/id',
  '',
]
const aliases = ['incidentId', 'type', 'lastUpdateDateTime', 'incident/id']
const comparisons = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] as const
const otherOperators = ['has', 'in', 'and', 'or', 'add', 'mod', '==', 'EQ', 'Not', 'eqs'] as const
const functions = ['tolower', 'toupper', 'trim', 'length'] as const
const oddTests = ['Contains', 'substringof', 'matchesPattern', 'now', 'cast', 'length'] as const

/** Texts that have made some parser or database stumble. */
export const hardTexts: readonly string[] = [
  ...[
    '',
    ' ',
    "'",
    "''",
    '"',
    '\\',
    '%',
    '_',
    '%25',
    '\t',
    '\n',
    '\u0000',
    '\ufeff',
    '\u202e',
    '\ud83d\ude00',
    'ß',
    'İ',
    '｡',
  ],
  ...[
    "' or '1'='1",
    "'; drop table incidents; --",
    '#{x}',
    '{{x}}',
    '../../etc/passwd',
    '<script>',
    'null',
    'true',
    'NaN',
  ],
  ...['9'.repeat(40), 'x'.repeat(2048), 'x'.repeat(2049), 'é'.repeat(300), '(', ')', ',', ';', ':', '&', '#', '+', '='],
]

const numbers = [
  '0',
  '-1',
  '1',
  '2',
  '29',
  '1.5',
  '1e3',
  '-0',
  '1e400',
  '99999999999',
  '9007199254740993',
  '2147483648',
  '007',
  '0x10',
  '+1',
  '1.',
  '.5',
  'INF',
  '-INF',
  'NaN',
] as const
const dates = [
  '2026-01-01',
  '2026-01-01T00:00:00Z',
  '2026-01-01T00:00:00.1234567Z',
  '2026-06-01T00:00:00+02:00',
  '2026-06-01T00:00:00 02:00',
  '0001-01-01T00:00Z',
  '9999-12-31T23:59:59.9999999Z',
  '0000-01-01',
  '-0001-01-01T00:00Z',
  '2026-02-30',
  '2026-13-01T25:61:61Z',
  '2026-01-01T00:00:00.123456789012345Z',
  '12345-01-01T00:00Z',
  '2026-01-01T00:00:00+99:99',
] as const

/** Properties of strings, numbers, times and enums by type, so that most conditions compare what can be compared. */
export function listScalars(type: TypeName): readonly EdmProperty[] {
  return propertiesOf(type).filter(({ collection, kind }) => !collection && (kind === 'primitive' || kind === 'enum'))
}

/** A `$filter` on a collection: mostly sensible, sometimes not. */
export function makeFilter(dice: Dice, type: TypeName, depth = 0): string {
  const inner = (): string => makeFilter(dice, type, depth + 1)
  const leaf = (): string => makeCondition(dice, type)
  if (depth > 5) return leaf()
  return dice.choose([
    [6, leaf],
    [1, () => dice.several(2, 4, inner).join(` ${dice.pick(['and', 'or', 'AND', 'Or'])} `)],
    [1, () => `(${inner()})`],
    [1, () => `not ${dice.chance(0.5) ? `(${inner()})` : inner()}`],
    [0.3, () => `(${inner()}) ${dice.pick(['eq', 'ne', 'gt'])} ${dice.pick(['true', 'false', '1', 'null'])}`],
    [0.05, () => `${dice.pick(['(', 'not ', 'not('])}`.repeat(dice.below(40)) + leaf()],
    [
      0.03,
      () =>
        Array(95 + dice.below(10))
          .fill(leaf())
          .join(' or '),
    ],
  ])
}

function makeCondition(dice: Dice, type: TypeName): string {
  return dice.choose([
    [6, () => makeComparison(dice, type)],
    [2, () => makeIn(dice, type)],
    [
      2,
      () =>
        `${dice.chance(0.9) ? dice.pick(['contains', 'startswith', 'endswith']) : dice.pick(oddTests)}(${makeScalar(dice, type)},${quote(dice.pick(hardTexts))})`,
    ],
    [2, () => makeLambda(dice, type)],
    [type === 'alert' ? 1 : 0.1, () => makeEvidence(dice)],
    [1, () => `${pickPath(dice, type)}/$count ${dice.pick(comparisons)} ${dice.pick(numbers)}`],
    [0.1, () => pickPath(dice, type)],
    [0.1, () => dice.pick(hardTexts)],
    [
      0.1,
      () =>
        `severity in (${Array(99 + dice.below(4))
          .fill("'low'")
          .join(',')})`,
    ],
  ])
}

function makeIn(dice: Dice, type: TypeName): string {
  const property = dice.pick(listScalars(type))
  const items = dice.several(dice.chance(0.95) ? 1 : 0, 4, () => makeLiteral(dice, property))
  return `${dice.chance(0.95) ? property.name : pickPath(dice, type)} in (${items.join(',')})`
}

function makeComparison(dice: Dice, type: TypeName): string {
  const property = dice.pick(dice.chance(0.95) ? listScalars(type) : propertiesOf(type))
  const left = dice.choose([
    [12, () => property.name],
    [1, () => makeScalar(dice, type)],
    [0.5, () => pickPath(dice, type)],
  ])
  const operator = dice.chance(0.97) ? dice.pick(comparisons) : dice.pick(otherOperators)
  const right = dice.chance(0.97) ? makeLiteral(dice, property) : pickPath(dice, type)
  return `${left} ${operator} ${right}`
}

function makeScalar(dice: Dice, type: TypeName): string {
  const texts = listScalars(type).filter((property) => property.type === 'Edm.String')
  const path = dice.chance(0.9) ? dice.pick(texts).name : pickPath(dice, type)
  return dice.several(0, 2, () => dice.pick(functions)).reduce((inner, name) => `${name}(${inner})`, path)
}

function makeLambda(dice: Dice, type: TypeName): string {
  const lists = [
    'customTags',
    ...propertiesOf(type)
      .filter((property) => property.collection)
      .map(({ name }) => name),
  ]
  const list = dice.chance(0.95) ? dice.pick(lists) : pickPath(dice, type)
  const ofComment = ['t/comment', 't/createdByDisplayName', 't/createdDateTime']
  const fitting = list === 'comments' ? ofComment : ['t']
  const item = dice.pick(dice.chance(0.9) ? fitting : [...ofComment, 't', 'x', 'title', 't/$count'])
  const body = dice.choose([
    [3, () => `${item} ${dice.pick(comparisons)} ${dice.chance(0.8) ? quote(dice.pick(hardTexts)) : dice.pick(dates)}`],
    [
      2,
      () =>
        `${dice.pick(['contains', 'startswith', 'endswith'])}(${dice.chance(0.3) ? `tolower(${item})` : item},${quote(dice.pick(hardTexts))})`,
    ],
    [1, () => `not ${item} eq null`],
    [1, () => `${item} in (${quote(dice.pick(hardTexts))},null)`],
    [1, () => `length(${item}) ${dice.pick(comparisons)} ${dice.pick(numbers)}`],
    [1, () => `t eq 'a' ${dice.pick(['and', 'or'])} ${item} ne 'b'`],
    [0.5, () => makeFilter(dice, type, 5)],
  ])
  return dice.choose([
    [5, () => `${list}/${dice.pick(dice.chance(0.95) ? ['any', 'all'] : ['ANY', 'some'])}(t:${body})`],
    [1, () => `${list}/any()`],
    [0.5, () => `${list}/all()`],
  ])
}

function makeEvidence(dice: Dice): string {
  const types = [...concreteTypesOf('alertEvidence'), 'noEvidence']
  const paths = [
    'mdeDeviceId',
    'hostName',
    'userAccount/userPrincipalName',
    'fileDetails/sha256',
    'ipAddress',
    'url',
    'verdict',
    '',
  ]
  const left = `e/${dice.pick(['microsoft.graph.security.', 'graph.', ''])}${dice.pick(types)}/${dice.pick(paths)}`
  const right = dice.chance(0.8) ? quote(dice.pick(hardTexts)) : dice.pick(numbers)
  return `evidence/${dice.chance(0.9) ? 'any' : 'all'}(e:${left} ${dice.chance(0.8) ? 'eq' : 'ne'} ${right})`
}

/** A literal for a property, in a tenth of the cases one that does not fit. */
export function makeLiteral(dice: Dice, property: EdmProperty): string {
  const any = (): string =>
    dice.choose([
      [3, () => quote(dice.pick(hardTexts))],
      [2, () => dice.pick(numbers)],
      [2, () => dice.pick(dates)],
      [1, () => dice.pick(['null', 'true', 'False', 'NULL'])],
      [
        1,
        () =>
          dice.pick(['unknownFutureValue', "microsoft.graph.security.alertSeverity'high'", "x.y'z'", "duration'P1D'"]),
      ],
    ])
  if (dice.chance(0.03)) return any()
  if (dice.chance(0.05)) return 'null'
  if (property.kind === 'enum') return makeEnumLiteral(dice, property.type)
  switch (property.type) {
    case 'Edm.DateTimeOffset':
      return dice.chance(0.8) ? dice.pick(dates) : quote(dice.pick(dates))
    case 'Edm.Int32':
    case 'Edm.Int64':
    case 'Edm.Double':
      return dice.pick(numbers)
    case 'Edm.Boolean':
      return dice.pick(['true', 'false', 'TRUE'])
    default:
      return quote(dice.chance(0.5) ? dice.pick(['1', '2', '29', 'a', 'ab', 'A%', 'active']) : dice.pick(hardTexts))
  }
}

function makeEnumLiteral(dice: Dice, name: keyof typeof enums): string {
  const table = enums[name]
  const member = dice.pick(Object.keys(table.members))
  return dice.choose([
    [4, () => quote(member)],
    [1, () => member],
    [1, () => quote(member.toUpperCase())],
    [1, () => `${table.qualifiedName}'${member}'`],
    [1, () => quote(String(Object.values(table.members)[0] ?? 0))],
    [0.1, () => quote(`${member},${member}`)],
    [0.1, () => dice.pick(numbers)],
  ])
}

function pickProperty(dice: Dice, type: TypeName): EdmProperty {
  return dice.pick(propertiesOf(type))
}

function pickPath(dice: Dice, type: TypeName): string {
  return dice.choose([
    [20, () => pickProperty(dice, type).name],
    [1, () => dice.pick(aliases)],
    [0.5, () => dice.pick(oddNames)],
    [0.3, () => pickProperty(dice, type).name.toUpperCase()],
    [0.3, () => `${pickProperty(dice, type).name}/${dice.pick(Object.keys(edm))}`],
  ])
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
