import { isQueryableList, valueTypeOf } from '../../src/api/odata/resource.ts'
import { type EdmProperty, unknownFutureValue } from '../../src/model/edm.ts'
import { enums } from '../../src/model/generated.ts'
import { fc } from '../support/fast-check.ts'
import { sampleInstants, sampleTexts } from './arbitraries.ts'
import { type Collection, type Filterable, listNames } from './whole-model.ts'

const comparisons = ['eq', 'ne', 'gt', 'ge', 'lt', 'le']
const tests = ['contains', 'startswith', 'endswith']
const texts = ['', 'a', 'A', '%', '_', "o'b", ' a ', 'É', '😀', 'zz'].filter((text) => sampleTexts.includes(text))

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Every form a condition can have on every name of a collection: each operator, function and quantifier with several literals. */
export function listConditions(collection: Collection): string[] {
  const { aliases } = collection.resource
  const spellings = (path: string): string[] => [
    path,
    ...Object.keys(aliases).filter((alias) => aliases[alias] === path),
  ]
  return listNames(collection).flatMap((name) =>
    spellings(name.path).flatMap((path) =>
      isQueryableList(name.property)
        ? listConditionsOnItems(path, name.property)
        : listConditionsOnScalar(collection, { ...name, path }, name.path),
    ),
  )
}

function listConditionsOnScalar(collection: Collection, { path, property }: Filterable, canonical: string): string[] {
  const isDigits = collection.traits.digits.includes(canonical)
  const literals = isDigits ? ["'2'", "'10'", "'02'", "'x'", "''", 'null'] : listLiterals(property)
  const [first = 'null', second = 'null'] = literals
  return [
    ...literals.flatMap((literal) => comparisons.map((operator) => `${path} ${operator} ${literal}`)),
    ...literals.map((literal) => `not (${path} eq ${literal})`),
    `not (${path} ne ${first})`,
    `(${path} gt ${first}) eq false`,
    `(${path} eq ${first}) ne false`,
    `${path} in (${literals.join(',')})`,
    `${path} in (${first},null)`,
    `not (${path} in (${first},${second}))`,
    ...(valueTypeOf(property) === 'text' ? listTextConditions(path) : []),
  ]
}

/** Functions on a text, nested as well; the text is a property or an element of a list. */
function listTextConditions(text: string): string[] {
  const folded = [`tolower(${text})`, `toupper(${text})`, `trim(${text})`, `trim(toupper(${text}))`]
  return [
    ...tests.flatMap((test) => texts.map((value) => `${test}(${text},${quote(value)})`)),
    ...tests.map((test) => `not ${test}(${text},'a')`),
    ...tests.map((test) => `${test}(${text},'a') eq false`),
    ...folded.flatMap((scalar) => [
      `${scalar} eq 'a'`,
      `${scalar} ne 'A'`,
      `contains(${scalar},'B')`,
      `${scalar} in ('a','É')`,
    ]),
    ...['0', '1', '3', '1.5', '-1', '99999999999'].flatMap((value) =>
      comparisons.map((operator) => `length(${text}) ${operator} ${value}`),
    ),
    `length(trim(${text})) in (0,1,2)`,
  ]
}

function listLiterals(property: EdmProperty): string[] {
  if (property.kind === 'enum') return [...listMembers(property.type), quote(unknownFutureValue), 'null']
  switch (valueTypeOf(property)) {
    case 'datetime':
      return [...sampleInstants, '2026-01-01', "'2026-06-01T14:00:00.5+02:00'", 'null']
    case 'int':
      return ['0', '1', '2.5', '-1', '1e2', '99999999999', '-1e300', 'null']
    default:
      return [...texts.map(quote), 'null']
  }
}

/** Members a caller without the opt-in may name: by name, by number, with the type in front. */
function listMembers(name: keyof typeof enums): string[] {
  const { members, sentinel, qualifiedName } = enums[name]
  const visible = Object.entries(members).filter(([, number]) => sentinel === null || number < sentinel)
  return visible
    .slice(0, 3)
    .flatMap(([member, number]) => [quote(member), quote(String(number)), `${qualifiedName}'${member}'`])
}

function listConditionsOnItems(path: string, property: EdmProperty): string[] {
  const item = property.kind === 'primitive' ? 't' : 't/comment'
  const bodies = [
    ...texts.flatMap((text) => comparisons.map((operator) => `${item} ${operator} ${quote(text)}`)),
    ...listTextConditions(item),
    `${item} in ('a','ab',null)`,
    `not (${item} in ('a','ab'))`,
    `${item} eq null`,
    `not (${item} ne null)`,
    `${item} eq 'a' or ${item} eq 'b'`,
    `startswith(${item},'a') and not endswith(${item},'b')`,
    ...(property.kind === 'primitive' ? [] : listCommentConditions()),
  ]
  return [
    `${path}/any()`,
    `not ${path}/any()`,
    ...['any', 'all'].flatMap((quantifier) => bodies.map((body) => `${path}/${quantifier}(t:${body})`)),
    `not ${path}/any(t:${item} eq 'a')`,
    `not ${path}/all(t:${item} eq 'a')`,
    `${path}/all(t:${item} ne 'a') eq false`,
    ...['0', '1', '2', '1.5', '-1'].flatMap((value) =>
      comparisons.map((operator) => `${path}/$count ${operator} ${value}`),
    ),
    `${path}/$count in (0,2)`,
  ]
}

function listCommentConditions(): string[] {
  return [
    ...comparisons.map((operator) => `t/createdDateTime ${operator} ${sampleInstants[1]}`),
    "t/createdByDisplayName eq 'a' and t/comment ne 'a'",
    't/createdByDisplayName ne null',
  ]
}

/** Conditions on enums that a caller may send who sees hidden members: every member there is. */
export function listRevealedConditions(collection: Collection): string[] {
  return listNames(collection).flatMap(({ path, property }) => {
    if (property.kind !== 'enum') return []
    const members = Object.keys(enums[property.type].members)
    return [
      ...members.flatMap((member) => comparisons.map((operator) => `${path} ${operator} ${quote(member)}`)),
      `${path} in (${members.map(quote).join(',')})`,
      `not (${path} in (${members.slice(-2).map(quote).join(',')}))`,
    ]
  })
}

/** Conditions joined, negated and nested at random. */
export function joinConditions(conditions: readonly string[]): fc.Arbitrary<string> {
  return fc.letrec<{ filter: string }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'joined' },
      { weight: 3, arbitrary: fc.constantFrom(...conditions) },
      { weight: 1, arbitrary: tie('filter').map((inner) => `not (${inner})`) },
      { weight: 1, arbitrary: tie('filter').map((inner) => `(${inner}) eq false`) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(fc.array(tie('filter'), { minLength: 2, maxLength: 3 }), fc.constantFrom(' and ', ' or '))
          .map(([terms, operator]) => terms.map((term) => `(${term})`).join(operator)),
      },
      // Without parentheses, so that precedence decides.
      {
        weight: 1,
        arbitrary: fc
          .tuple(...Array.from({ length: 4 }, () => fc.constantFrom(...conditions)))
          .map(([a, b, c, d]) => `${a} or ${b} and ${c} or ${d}`),
      },
    ),
  })).filter
}
