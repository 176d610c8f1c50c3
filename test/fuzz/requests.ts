import type { TypeName } from '../../src/model/generated.ts'
import { makeActionBody, makeCommentBody, makeEntityBody, makeSubscriptionBody } from './bodies.ts'
import type { Dice } from './dice.ts'
import { collections, hardTexts } from './filters.ts'
import { type FuzzInput, tidyInput, toBytes } from './input.ts'
import { makeQuery, type TokenPool } from './queries.ts'

/** What a generator knows of the server it writes to. */
export interface Places extends TokenPool {
  readonly tenantId: string
  readonly incidentIds: readonly string[]
  readonly alertIds: readonly string[]
  readonly taskIds: readonly string[]
  /** Every operation of the server. */
  readonly routes: readonly { readonly method: string; readonly path: string }[]
}

const methods = ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'] as const
const headerValues: Readonly<Record<string, readonly string[]>> = {
  prefer: [
    'include-unknown-enum-members',
    'odata.maxpagesize=2',
    'maxpagesize=0',
    'return=minimal',
    'return="representation"; x, a="\\"',
    'odata.maxpagesize=99999999999',
    '"',
    '=;,',
    'wait=1',
  ],
  accept: [
    '*/*',
    'application/json',
    'text/html',
    'application/json;odata.metadata=full',
    'application/json;odata.metadata=x;q=0.5',
    'text/plain;q=0.9',
    ';',
    'application/json;q=0',
    'application/json;odata.metadata=none;IEEE754Compatible=true',
  ],
  'content-type': [
    'application/json',
    'application/json;charset=utf-8',
    'text/plain',
    '',
    'application/json-x',
    'multipart/mixed',
    'application/x-www-form-urlencoded',
  ],
  'content-encoding': ['gzip', 'identity', 'br', 'gzip, gzip', 'x-gzip'],
  'if-match': ['*', 'W/"1"', '"1"', 'W/"x"', 'W/', '""', 'W/"1", W/"2"', 'W/"99999999999999999999"'],
  'if-none-match': ['*', 'W/"1"', 'x'],
  'client-request-id': ['x', '11111111-1111-4111-8111-111111111111', '../../x', '\u00e9'],
  authorization: [
    '',
    'Bearer',
    'Bearer x.y.z',
    'Basic eDp5',
    'bearer  a b',
    'eyJhbGciOiJub25lIn0.e30.',
    `Bearer ${'a'.repeat(3000)}`,
  ],
  cookie: ['__Host-session=x', ';;=', '__Host-session=a; __Host-session=b'],
  'x-csrf-token': ['x'],
  'x-seq': ['1', '-1', '1e9', 'NaN', '99999999999999999999'],
  'x-signature': ['a.b.c', '..', 'eyJhbGciOiJFZERTQSJ9..AAAA'],
  'x-cordon-protocol': ['1', '0', '2', 'x'],
  range: ['bytes=0-1'],
  expect: ['100-continue', 'x'],
  'x-http-method-override': ['DELETE'],
  origin: ['https://evil.invalid', 'null'],
  'x-forwarded-host': ['evil.invalid'],
}

/** One request, mostly to the Graph collections, now and then to anything the server has or has not. */
export function makeRequest(dice: Dice, places: Places): FuzzInput {
  const made = dice.choose([
    [10, () => makeRead(dice, places)],
    [1, () => makeChange(dice, places)],
    [0.5, () => makeBatch(dice, places)],
    [0.7, () => makeAnywhere(dice, places)],
  ])
  return tidyInput({ ...made, target: toBytes(made.target), headers: [...made.headers, ...makeHeaders(dice)] })
}

function makeRead(dice: Dice, places: Places): FuzzInput {
  const { path, type } = makePlace(dice, places)
  const query = makeQuery(dice, type, places)
  const method = dice.chance(0.95) ? 'GET' : dice.pick(methods)
  return { method, target: query === '' && dice.chance(0.8) ? path : `${path}?${query}`, headers: [], body: null }
}

/** A path that reads something, in one of the spellings that are understood, and what it yields. */
function makePlace(dice: Dice, places: Places): { path: string; type: TypeName } {
  const { type, path: name } = dice.pick(collections)
  const version = type === 'incidentTask' ? 'beta' : dice.pick(['v1.0', 'beta'])
  const root = spell(dice, `/${version}/security/${name}`)
  const one = `${root}${spellKey(dice, idOf(dice, places, type))}`
  return dice.choose<{ path: string; type: TypeName }>([
    [8, () => ({ path: root, type })],
    [1, () => ({ path: `${root}/${dice.pick(['$count', '%24count', '$COUNT'])}`, type })],
    [1, () => ({ path: `${root}/${dice.pick(['delta', 'delta()', 'microsoft.graph.security.delta()'])}`, type })],
    [1.5, () => ({ path: one, type })],
    [type === 'incident' ? 1 : 0, () => ({ path: `${one}/alerts${dice.pick(['', '/$count'])}`, type: 'alert' })],
    [
      type === 'incident' ? 0.3 : 0,
      () => ({ path: `${one}/alerts${spellKey(dice, idOf(dice, places, 'alert'))}`, type: 'alert' }),
    ],
    [type === 'incidentTask' ? 1 : 0, () => ({ path: `${one}/incident`, type: 'incident' })],
    [
      0.2,
      () => ({ path: `${one}/${dice.pick(['comments', '$value', '$ref', 'x', '', '..', '%2e%2e', ';a=b'])}`, type }),
    ],
  ])
}

function makeChange(dice: Dice, places: Places): FuzzInput {
  const { type, path: name } = dice.pick(collections)
  const version = type === 'incidentTask' ? 'beta' : dice.pick(['v1.0', 'beta'])
  const root = spell(dice, `/${version}/security/${name}`)
  const one = `${root}${spellKey(dice, idOf(dice, places, type))}`
  const ids = [...places.incidentIds, ...places.alertIds, 'x', '999999', '']
  const action = dice.pick([
    'mergeIncidents',
    'moveAlerts',
    'microsoft.graph.security.mergeIncidents',
    'executeResponseAction',
    'runHuntingQuery',
  ])
  const [method, target, body] = dice.choose<readonly [string, string, string | null]>([
    [4, () => ['PATCH', one, makeEntityBody(dice, type)]],
    [2, () => ['POST', root, makeEntityBody(dice, type)]],
    [0.5, () => ['POST', `${one}/comments`, makeCommentBody(dice)]],
    [1, () => ['POST', `${root}/${action}`, makeActionBody(dice, ids)]],
    [1, () => ['POST', `${one}/${action}`, dice.chance(0.5) ? null : makeEntityBody(dice, type)]],
    [1, () => ['POST', `/${version}/subscriptions`, makeSubscriptionBody(dice)]],
    [0.3, () => ['DELETE', `/${version}/subscriptions/${dice.pick(ids)}`, null]],
    [1, () => ['POST', `/api/v1/intake/${dice.pick(['graph', 'suricata', 'wazuh', 'ait-ads', 'x'])}`, makeLines(dice)]],
    [
      0.5,
      () => [
        'POST',
        `/${places.tenantId}/oauth2/v2.0/token`,
        `grant_type=client_credentials&client_id=${dice.pick(ids)}&client_secret=x&scope=${encodeURIComponent(dice.pick(hardTexts))}`,
      ],
    ],
  ])
  const contentType = target.includes('oauth2') ? 'application/x-www-form-urlencoded' : 'application/json'
  return { method, target, headers: body === null || dice.chance(0.1) ? [] : [['Content-Type', contentType]], body }
}

function makeLines(dice: Dice): string {
  return dice.several(0, 3, () => makeEntityBody(dice, 'alert')).join('\n')
}

function makeBatch(dice: Dice, places: Places): FuzzInput {
  const requests = dice.several(0, dice.chance(0.1) ? 22 : 4, () => {
    const inner = dice.chance(0.8) ? makeRead(dice, places) : makeChange(dice, places)
    return {
      id:
        dice.pick(['1', '2', '3', 'a', 'A', '', '1'.repeat(300)]) + (dice.chance(0.8) ? String(dice.below(1000)) : ''),
      method: dice.chance(0.95) ? inner.method : dice.pick<unknown>([null, 1, 'trace', 'get']),
      url: dice.chance(0.95)
        ? inner.target
        : dice.pick([null, '', 'https://a.invalid/x', '//a', '/$batch', '\\x', '#', 'v1.0/../../x', '%zz']),
      ...(dice.chance(0.7)
        ? {
            headers: dice.chance(0.9)
              ? ({ 'content-type': 'application/json' } as unknown)
              : dice.pick<unknown>([null, [], { a: 1 }, { A: 'x', a: 'y' }, 'x']),
          }
        : {}),
      ...(inner.body === null ? {} : { body: makeItemBody(dice, inner.body) }),
      ...(dice.chance(0.2) ? { dependsOn: dice.pick<unknown>([['1'], ['a', 'b'], [1], 'x', null]) } : {}),
    }
  })
  const wrong: readonly object[] = [{ requests: {} }, { Requests: requests }, requests, { requests, atomicityGroup: 1 }]
  const whole: object = dice.chance(0.95) ? { requests } : dice.pick(wrong)
  return {
    method: 'POST',
    target: spell(dice, `/${dice.pick(['v1.0', 'beta'])}/$batch`),
    headers: [['Content-Type', 'application/json']],
    body: toBytes(JSON.stringify(whole)),
  }
}

function makeItemBody(dice: Dice, body: string): unknown {
  // Deep ones cannot be written as JSON again.
  if (dice.chance(0.3) || body.length > 5_000) return Buffer.from(body, 'latin1').toString('base64')
  try {
    return JSON.parse(Buffer.from(body, 'latin1').toString('utf8'))
  } catch {
    return body
  }
}

/** Any operation there is, its parameters filled with something. */
function makeAnywhere(dice: Dice, places: Places): FuzzInput {
  const route = places.routes[dice.below(places.routes.length)] ?? { method: 'GET', path: '/' }
  const ids = [
    ...places.incidentIds,
    ...places.alertIds,
    ...places.taskIds,
    places.tenantId,
    'x',
    ...hardTexts.map((text) => encodeURIComponent(text.slice(0, 60))),
  ]
  const path = route.path.replaceAll(/:\w+/g, () => dice.pick(ids))
  const method = dice.chance(0.8) ? route.method : dice.pick(methods)
  const hasBody = method !== 'GET' && method !== 'HEAD' && dice.chance(0.7)
  return {
    method,
    target: dice.chance(0.8) ? path : `${path}?${makeQuery(dice, 'alert', places)}`,
    headers: hasBody ? [['Content-Type', 'application/json']] : [],
    body: hasBody ? makeEntityBody(dice, 'alert') : null,
  }
}

function makeHeaders(dice: Dice): [string, string][] {
  if (dice.chance(0.7)) return []
  const names = Object.keys(headerValues)
  return dice.several(1, 3, () => {
    const name = dice.pick(names)
    return [name, toBytes(dice.pick(headerValues[name] ?? ['']))]
  })
}

function idOf(dice: Dice, places: Places, type: TypeName): string {
  const known = type === 'incident' ? places.incidentIds : type === 'alert' ? places.alertIds : places.taskIds
  return dice.chance(0.85) ? dice.pick(known) : dice.pick(hardTexts).slice(0, 60)
}

function spellKey(dice: Dice, id: string): string {
  const escaped = encodeURIComponent(id.toWellFormed())
  return dice.choose([
    [4, () => `/${escaped}`],
    [2, () => `('${escaped}')`],
    [1, () => `(%27${escaped}%27)`],
    [0.3, () => `(${escaped})`],
    [0.2, () => `('${escaped}`],
  ])
}

function spell(dice: Dice, path: string): string {
  return dice.choose([
    [9, () => path],
    [1, () => path.toUpperCase()],
    [0.2, () => path.replace('/', '//')],
    [0.2, () => path.replace('security', 'security%2f')],
    [0.2, () => `${path}/`],
  ])
}
