import { propertiesOf } from '../../src/model/edm.ts'
import type { TypeName } from '../../src/model/generated.ts'
import type { Dice } from './dice.ts'
import { hardTexts, listScalars, makeFilter } from './filters.ts'

const wholeNumbers = [
  '0',
  '1',
  '2',
  '5',
  '49',
  '50',
  '51',
  '500',
  '1000',
  '1001',
  '2147483647',
  '2147483648',
  '-1',
  '1.0',
  '1e1',
  '0x1',
  ' 5',
  '',
  '٣',
] as const
const formats = [
  'json',
  'application/json',
  'application/json;odata.metadata=full',
  'application/json;odata.metadata=none;IEEE754Compatible=true',
  'xml',
  'atom',
  'application/json;odata.metadata=x',
  ';',
  'json;;=;a',
] as const
const usualOptions = ['orderby', 'select', 'expand', 'top', 'skip', 'count', 'format', 'skiptoken'] as const
const oddOptions = [
  'filter',
  'deltatoken',
  'search',
  'apply',
  'compute',
  'index',
  'levels',
  'id',
  'token',
  'x',
] as const

/** Tokens of links the server itself made, to be sent back whole, damaged or to another list. */
export interface TokenPool {
  readonly tokens: readonly string[]
}

/** The query part of a GET on a collection of `type`, escaped in one of the ways clients do. */
export function makeQuery(dice: Dice, type: TypeName, pool: TokenPool): string {
  const names: string[] = usualOptions.filter(() => dice.chance(0.12))
  if (dice.chance(0.75)) names.push('filter')
  if (dice.chance(0.05)) names.push(dice.pick(oddOptions))
  const pairs = names.map((name): [string, string] => [spellName(dice, name), makeValue(dice, type, name, pool)])
  const joined = pairs.map(([name, value]) => `${name}=${escapeValue(dice, value)}`)
  return joined.join(dice.chance(0.95) ? '&' : dice.pick(['&&', ';', '&?', '']))
}

function makeValue(dice: Dice, type: TypeName, name: string, pool: TokenPool): string {
  if (dice.chance(0.02)) return dice.pick(hardTexts)
  switch (name) {
    case 'filter':
      return makeFilter(dice, type)
    case 'orderby':
      return makeOrderBy(dice, type)
    case 'select':
      return makeSelect(dice, type)
    case 'expand':
      return makeExpand(dice, type)
    case 'count':
      return dice.chance(0.8) ? 'true' : dice.pick(['false', 'TRUE', '1', ''])
    case 'format':
      return dice.pick(formats)
    case 'skiptoken':
    case 'deltatoken':
      return dice.chance(0.8)
        ? pool.tokens.length === 0
          ? ''
          : dice.pick(pool.tokens)
        : dice.pick(['latest', 'AAAA', '', 'e30', '=', '..'])
    default:
      return dice.chance(0.7) ? String(dice.below(50)) : dice.pick(wholeNumbers)
  }
}

function makeOrderBy(dice: Dice, type: TypeName): string {
  const name = (): string => (dice.chance(0.9) ? dice.pick(listScalars(type)).name : pickName(dice, type))
  const item = (): string =>
    `${name()}${dice.chance(0.9) ? dice.pick(['', ' asc', ' desc', ' DESC']) : dice.pick(['  asc', '\tdesc', ' up', '/$count', ' asc asc'])}`
  return dice.several(1, 4, item).join(dice.chance(0.95) ? ',' : dice.pick([', ', ';']))
}

function makeSelect(dice: Dice, type: TypeName): string {
  if (dice.chance(0.02))
    return Array(198 + dice.below(5))
      .fill('id')
      .join(',')
  return dice
    .several(1, 5, () =>
      dice.chance(0.1) ? dice.pick(['*', '', ' ', 'id/x', 'microsoft.graph.*']) : pickName(dice, type),
    )
    .join(',')
}

function makeExpand(dice: Dice, type: TypeName): string {
  const name = dice.chance(0.8) ? (type === 'incidentTask' ? 'incident' : 'alerts') : pickName(dice, type)
  if (dice.chance(0.3)) return name
  const inner: TypeName = name === 'incident' ? 'incident' : 'alert'
  const option = (): string => {
    const chosen = dice.chance(0.95)
      ? dice.pick(['filter', 'orderby', 'select', 'top', 'skip', 'count'])
      : dice.pick(['expand', 'levels', 'x'])
    const value =
      chosen === 'filter'
        ? makeFilter(dice, inner, 3)
        : chosen === 'orderby'
          ? makeOrderBy(dice, inner)
          : chosen === 'select'
            ? makeSelect(dice, inner)
            : chosen === 'count'
              ? 'true'
              : dice.pick(wholeNumbers)
    return `${dice.chance(0.9) ? '$' : ''}${chosen}=${value}`
  }
  const items = dice.several(
    1,
    dice.chance(0.1) ? 2 : 1,
    () => `${name}(${dice.several(0, 3, option).join(';')}${dice.chance(0.95) ? ')' : ''}`,
  )
  return items.join(',')
}

function pickName(dice: Dice, type: TypeName): string {
  return dice.chance(0.97) ? dice.pick(propertiesOf(type).map(({ name }) => name)) : dice.pick(hardTexts)
}

function spellName(dice: Dice, name: string): string {
  return dice.choose([
    [8, () => `$${name}`],
    [1, () => `%24${name}`],
    [1, () => name],
    [1, () => `$${name.toUpperCase()}`],
    [0.1, () => `$${name}$`],
  ])
}

/** All but letters, only what must be, or the blank as plus. */
function escapeValue(dice: Dice, text: string): string {
  const whole = encodeURIComponent(text.isWellFormed() ? text : text.toWellFormed())
  return dice.choose([
    [4, () => whole],
    [3, () => whole.replaceAll('%20', '+')],
    [2, () => whole.replaceAll(/%(2C|3A|27|28|29|24|2F|40)/g, (escaped) => decodeURIComponent(escaped))],
  ])
}
