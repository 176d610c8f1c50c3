import type { FilterSyntax, LiteralSyntax, PathSyntax } from '../../src/api/odata/parse/syntax.ts'
import { fc } from '../support/fast-check.ts'

const names = ['status', 'a', 'createdDateTime', 'incident/id', 'x_1', 'customTags/$count', 'notable', 'inner', 'order']

const path: fc.Arbitrary<PathSyntax> = fc.constantFrom(...names).map((text) => ({ kind: 'path', path: text, at: 0 }))

function literal(type: LiteralSyntax['type'], text: fc.Arbitrary<string>, prefix = ''): fc.Arbitrary<LiteralSyntax> {
  return text.map((value) => ({ kind: 'literal', type, text: value, prefix, at: 0 }))
}

const anyLiteral: fc.Arbitrary<LiteralSyntax> = fc.oneof(
  literal('string', fc.string({ unit: 'grapheme', maxLength: 8 })),
  literal('string', fc.constantFrom("'", "''", "o'brien", ') or (', '')),
  literal('typed', fc.constantFrom('high', "'"), 'microsoft.graph.security.alertSeverity'),
  literal('number', fc.oneof(fc.integer().map(String), fc.constantFrom('1.5', '-2e3', '1E+10', '007'))),
  literal('datetime', fc.constantFrom('2026-01-01', '2026-01-01T00:00:00Z', '2026-01-01T00:00+01:00')),
  literal('boolean', fc.constantFrom('true', 'false')),
  literal('null', fc.constant('null')),
)

/** Every function the parser knows by name or does not: all are calls to it. */
const functionNames = [
  'contains',
  'startswith',
  'endswith',
  'tolower',
  'toupper',
  'trim',
  'length',
  'now',
  'geo.length',
]

/** A syntax tree without lambdas, which cannot stand inside each other, or with `lambda` among its leaves. */
function syntaxTree(lambda: fc.Arbitrary<FilterSyntax> | null): fc.Arbitrary<FilterSyntax> {
  return fc.letrec<{ tree: FilterSyntax }>((tie) => {
    const tree = tie('tree')
    return {
      tree: fc.oneof(
        { maxDepth: 4, depthIdentifier: lambda === null ? 'inner' : 'tree' },
        path,
        anyLiteral,
        ...(lambda === null ? [] : [lambda]),
        fc
          .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tree, { minLength: 2, maxLength: 3 }))
          .map(([kind, terms]): FilterSyntax => ({ kind, terms, at: 0 })),
        tree.map((operand): FilterSyntax => ({ kind: 'not', operand, at: 0 })),
        fc
          .tuple(fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le', 'has'), tree, tree)
          .map(([operator, left, right]): FilterSyntax => ({ kind: 'compare', operator, left, right, at: 0 })),
        fc
          .tuple(tree, fc.array(fc.oneof(anyLiteral, path), { minLength: 1, maxLength: 3 }))
          .map(([left, items]): FilterSyntax => ({ kind: 'in', left, items, at: 0 })),
        fc
          .tuple(fc.constantFrom(...functionNames), fc.array(tree, { maxLength: 2 }))
          .map(([name, args]): FilterSyntax => ({ kind: 'call', name, args, at: 0 })),
      ),
    }
  }).tree
}

const lambda: fc.Arbitrary<FilterSyntax> = fc.oneof(
  fc.tuple(fc.constantFrom('any' as const, 'all' as const), fc.constantFrom('t', '_x', 'any'), syntaxTree(null)).map(
    ([quantifier, variable, body]): FilterSyntax => ({
      kind: 'lambda',
      path: 'tags',
      quantifier,
      variable,
      body,
      at: 0,
    }),
  ),
  fc.constant<FilterSyntax>({ kind: 'lambda', path: 'a/b', quantifier: 'any', variable: '', body: null, at: 0 }),
)

/** Any syntax tree the grammar can write, sensible or not. Chains of one kind are one node unless parenthesised. */
export const anySyntax: fc.Arbitrary<FilterSyntax> = syntaxTree(lambda)

/** Small, so that random rows and random literals meet: case, wildcards of LIKE, quotes, blanks, characters outside ASCII and the BMP. */
export const sampleTexts: readonly string[] = [
  '',
  'a',
  'A',
  'ab',
  'b',
  '%',
  '_',
  'a%',
  'a_b',
  "o'b",
  ' a ',
  '\ta',
  'ß',
  'é',
  'É',
  '😀',
  '｡',
  'zz',
]
export const sampleInstants: readonly string[] = [
  '2026-01-01T00:00:00.0000000Z',
  '2026-01-01T00:00:00.0000001Z',
  '2026-06-01T12:00:00.5000000Z',
]

const textLiterals = fc.constantFrom(...sampleTexts).map((text) => `'${text.replaceAll("'", "''")}'`)
const operators = fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le')
const texts = fc.constantFrom(
  'title',
  'assignedTo',
  'category',
  'productName',
  'tolower(title)',
  'toupper(productName)',
  'trim(title)',
)

function condition(...parts: readonly (fc.Arbitrary<string> | string)[]): fc.Arbitrary<string> {
  return fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((all) => all.join(''))
}

function comparison(left: fc.Arbitrary<string>, right: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return condition(left, ' ', operators, ' ', right)
}

function list(items: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.array(items, { minLength: 1, maxLength: 3 }).map((all) => `(${all.join(',')})`)
}

const severities = fc.constantFrom("'low'", "'High'", 'medium', "microsoft.graph.security.alertSeverity'low'", "'64'")
const sources = fc.constantFrom("'microsoftDefenderForEndpoint'", 'unknownFutureValue', "'unknown'", 'null')
const states = fc.constantFrom("'benign'", "'running'", 'null', "'unknownFutureValue'")
const instants = fc.constantFrom(...sampleInstants, '2026-01-01', "'2026-06-01T14:00:00.5+02:00'", 'null')
const ids = fc.constantFrom("'2'", "'10'", "'9'", "'02'", "'x'", 'null')
const numbers = fc.constantFrom('0', '1', '2', '1.5', '-1', '99999999999')
const tests = fc.constantFrom('contains', 'startswith', 'endswith')

const leaves: fc.Arbitrary<string> = fc.oneof(
  comparison(texts, fc.oneof(textLiterals, fc.constant('null'))),
  condition(texts, ' in ', list(fc.oneof(textLiterals, fc.constant('null')))),
  condition(tests, '(', texts, ',', textLiterals, ')'),
  condition(tests, '(', texts, ',', textLiterals, ') eq ', fc.constantFrom('true', 'false')),
  comparison(fc.constantFrom('severity'), severities),
  condition('severity in ', list(severities)),
  comparison(fc.constantFrom('serviceSource'), sources),
  condition('serviceSource in ', list(sources)),
  comparison(fc.constantFrom('investigationState'), states),
  comparison(fc.constantFrom('classification'), fc.constantFrom("'truePositive'", 'null', "'unknown'")),
  comparison(fc.constantFrom('createdDateTime', 'firstActivityDateTime', 'resolvedDateTime'), instants),
  comparison(fc.constantFrom('incidentId'), ids),
  condition('incidentId in ', list(ids)),
  condition(tests, "(incidentId,'", fc.constantFrom('1', '', '0'), "')"),
  comparison(
    fc.constantFrom('length(title)', 'length(productName)', 'systemTags/$count', 'length(incidentId)'),
    numbers,
  ),
  condition(fc.constantFrom('systemTags', 'comments'), '/any()'),
  condition('systemTags/', fc.constantFrom('any', 'all'), '(t:t ', operators, ' ', textLiterals, ')'),
  condition('systemTags/', fc.constantFrom('any', 'all'), '(t:not ', tests, '(t,', textLiterals, '))'),
  condition('comments/', fc.constantFrom('any', 'all'), '(c:c/comment ', operators, ' ', textLiterals, ')'),
  condition('comments/', fc.constantFrom('any', 'all'), '(c:', tests, '(c/createdByDisplayName,', textLiterals, '))'),
  condition(
    "evidence/any(e:e/microsoft.graph.security.deviceEvidence/hostName eq '",
    fc.constantFrom('h1', 'h2'),
    "')",
  ),
  condition(
    "evidence/any(e:e/microsoft.graph.security.fileEvidence/fileDetails/sha1 eq '",
    fc.constantFrom('s1', 'h1'),
    "')",
  ),
)

/** Filters on alerts that mean something, as text. */
export const alertFilter: fc.Arbitrary<string> = fc.letrec<{ filter: string }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'filter' },
    { weight: 3, arbitrary: leaves },
    { weight: 1, arbitrary: condition('not (', tie('filter'), ')') },
    { weight: 1, arbitrary: condition('(', tie('filter'), ') and (', tie('filter'), ')') },
    { weight: 1, arbitrary: condition('(', tie('filter'), ') or (', tie('filter'), ')') },
  ),
})).filter
