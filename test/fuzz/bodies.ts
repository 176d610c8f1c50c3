import { concreteTypesOf, type EdmProperty, odataType, propertiesOf } from '../../src/model/edm.ts'
import { enums, type TypeName } from '../../src/model/generated.ts'
import type { Dice } from './dice.ts'
import { hardTexts } from './filters.ts'
import { toBytes } from './input.ts'

/** A value on its way into a body: what JSON has, and raw text for what `JSON.stringify` would not write. */
type Json = unknown

const rawTexts = [
  '',
  'null',
  '[]',
  '"x"',
  '{',
  '{}',
  '{"a":1,"a":2}',
  '{"__proto__":{"x":1}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"a":NaN}',
  '{"a":01}',
  '[1,]',
  '{"a":"\\ud800"}',
  '{"a":"\\u0000"}',
  '\ufeff{}',
  '{}{}',
  '1e999',
  '-',
  '{"a":1e400}',
  '// x',
  "{'a':1}",
  '{"a":"\t"}',
  '\u0000',
] as const

/** A JSON body for an entity of `type`, or something that is none. */
export function makeEntityBody(dice: Dice, type: TypeName): string {
  return dice.choose([
    [8, () => write(makeEntity(dice, type, 0))],
    [1, () => toBytes(dice.pick(rawTexts))],
    [1, () => write(makeJson(dice, 0))],
    [0.3, () => makeDeep(dice)],
    [0.2, () => toBytes(`{"comment":${JSON.stringify(dice.pick(hardTexts).repeat(1 + dice.below(30)))}}`)],
  ])
}

/** The parameters of mergeIncidents and moveAlerts. */
export function makeActionBody(dice: Dice, ids: readonly string[]): string {
  const id = (): Json => (dice.chance(0.85) ? dice.pick(ids) : makeJson(dice, 2))
  const body: Record<string, Json> = {
    [dice.chance(0.9) ? 'incidentIds' : 'IncidentIds']: dice.several(0, 4, id),
    alertIds: dice.several(0, 3, id),
    incidentId: dice.chance(0.5) ? id() : null,
    newAlertCorrelationReasons: dice.pick(['timeFrame', 'sameActor,sameAsset', 'x', '', 'unknownFutureValue']),
    correlationReasons: dice.pick(['timeFrame', 'sameActor, sameAsset', '0']),
    incidentComment: dice.pick(hardTexts).slice(0, 200),
  }
  return write(Object.fromEntries(Object.entries(body).filter(() => dice.chance(0.7))))
}

/** A comment, several, or nearly one. */
export function makeCommentBody(dice: Dice): string {
  const comment = (): Json => ({
    comment: dice.pick(hardTexts).slice(0, 300),
    ...(dice.chance(0.2) ? { '@odata.type': 'microsoft.graph.security.alertComment' } : {}),
  })
  return write(
    dice.choose([
      [4, comment],
      [1, () => dice.several(0, 3, comment)],
      [1, () => ({ value: dice.several(0, 3, comment) })],
      [1, () => makeJson(dice, 1)],
    ]),
  )
}

/** A subscription that is refused before anybody is called: its owner is above the quota, or something in it is wrong. */
export function makeSubscriptionBody(dice: Dice): string {
  const collection = dice.pick([
    'security/incidents',
    '/security/alerts_v2',
    'security/incidentTasks',
    'users',
    "security/incidents('1')",
    '',
  ])
  const body = {
    changeType: dice.pick(['created', 'created,updated', 'deleted', 'moved', '']),
    notificationUrl: dice.pick([
      'https://127.0.0.1/x',
      'http://a.invalid/',
      'https://10.0.0.5:22/',
      'https://user@a.invalid/',
      'x',
      '',
    ]),
    resource: `${collection}${dice.chance(0.3) ? `?$filter=${dice.pick(hardTexts)}` : ''}`,
    expirationDateTime: dice.pick(['2026-01-01T00:00:00Z', '9999-01-01T00:00:00Z', 'tomorrow', '']),
    clientState: dice.pick(hardTexts),
    includeResourceData: dice.pick([true, false, null, 1]),
    ...(dice.chance(0.2) ? { [dice.pick(['id', 'x', '__proto__'])]: makeJson(dice, 2) } : {}),
  }
  return write(Object.fromEntries(Object.entries(body).filter(() => dice.chance(0.9))))
}

function makeEntity(dice: Dice, type: TypeName, depth: number): Json {
  const chosen = propertiesOf(type).filter(() => dice.chance(depth === 0 ? 0.25 : 0.5))
  const entity: Record<string, Json> = {}
  for (const property of chosen) entity[property.name] = makeValue(dice, property, depth)
  if (dice.chance(0.15))
    entity['@odata.type'] = dice.chance(0.7) ? odataType(type) : dice.pick(['x', '#microsoft.graph.security.user', ''])
  if (dice.chance(0.1))
    entity[dice.pick(['extra', 'toString', '@odata.etag', 'id@odata.type', 'ID'])] = makeJson(dice, depth)
  return entity
}

function makeValue(dice: Dice, property: EdmProperty, depth: number): Json {
  if (dice.chance(0.12)) return makeJson(dice, depth + 1)
  if (property.collection) return dice.several(0, 3, () => makeItem(dice, property, depth))
  return makeItem(dice, property, depth)
}

function makeItem(dice: Dice, property: EdmProperty, depth: number): Json {
  if (property.kind === 'enum') {
    const { members } = enums[property.type]
    return dice.chance(0.9) ? dice.pick(Object.keys(members)) : dice.pick(['', 'none', 'a,b', '1'])
  }
  if (property.kind === 'complex' || property.kind === 'navigation') {
    if (depth > 3) return {}
    const types = concreteTypesOf(property.type)
    const type = types[dice.below(types.length)] ?? property.type
    const entity = makeEntity(dice, type, depth + 1)
    return dice.chance(0.9) ? { '@odata.type': odataType(type), ...Object(entity) } : entity
  }
  switch (property.type) {
    case 'Edm.Boolean':
      return dice.pick([true, false])
    case 'Edm.DateTimeOffset':
      return dice.pick([
        '2026-01-01T00:00:00Z',
        '2026-01-01T00:00:00.1234567Z',
        '2026-01-01',
        'now',
        '0000-00-00T00:00:00Z',
      ])
    case 'Edm.Int32':
    case 'Edm.Int64':
    case 'Edm.Double':
      return dice.pick([0, 1, -1, 2 ** 31, 2 ** 53, 1.5, 1e300, '7'])
    default:
      return dice.pick(hardTexts)
  }
}

function makeJson(dice: Dice, depth: number): Json {
  return dice.choose<Json>([
    [2, () => dice.pick([null, true, false, 0, -1, 1.5, 1e300, 2 ** 53])],
    [2, () => dice.pick(hardTexts)],
    [depth > 3 ? 0 : 1, () => dice.several(0, 3, () => makeJson(dice, depth + 1))],
    [
      depth > 3 ? 0 : 1,
      () =>
        Object.fromEntries(dice.several(0, 3, () => [dice.pick(hardTexts).slice(0, 40), makeJson(dice, depth + 1)])),
    ],
  ])
}

function makeDeep(dice: Dice): string {
  const depth = dice.pick([63, 64, 65, 500, 20_000])
  const [open, close] = dice.pick([
    ['[', ']'],
    ['{"a":', '}'],
  ])
  return `${open.repeat(depth)}${dice.pick(['1', '', '"x"'])}${dice.chance(0.8) ? close.repeat(depth) : ''}`
}

function write(value: Json): string {
  return toBytes(JSON.stringify(value)?.toWellFormed() ?? 'null')
}
