import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  drawUpStory,
  foldStory,
  neighboursOf,
  type StoryAlert,
} from '../../src/portal/app/screens/story/story-graph.ts'
import { findNext } from '../../src/portal/app/screens/story/walk-picture.ts'

const of = (type: string, facts: object): Record<string, unknown> => ({
  '@odata.type': `#microsoft.graph.security.${type}Evidence`,
  ...facts,
})
const device = (hostName: string): Record<string, unknown> => of('device', { hostName })
const user = (accountName: string): Record<string, unknown> => of('user', { userAccount: { accountName } })
const ip = (ipAddress: string): Record<string, unknown> => of('ip', { ipAddress })

function makeAlert(number: number, title: string, evidence: readonly Record<string, unknown>[]): StoryAlert {
  const createdDateTime = `2026-11-21T02:14:07.${String(number).padStart(7, '0')}Z`
  return { id: `a${String(number).padStart(5, '0')}`, title, evidence, createdDateTime, firstActivityDateTime: null }
}

test('an alert leads to what acted, and that to where it acted; without anybody who acted it leads there itself', () => {
  const alerts = [
    makeAlert(1, 'Sign-in from a new place', [user('kai'), ip('203.0.113.9'), device('web-07')]),
    makeAlert(2, 'Disk is full', [device('web-07')]),
  ]

  const graph = drawUpStory(alerts, new Map([['device web-07', 'isolated']]))

  assert.deepEqual(
    graph.nodes.map(({ id, layer }) => [id, layer]),
    [
      ['alert a00001', 0],
      ['user kai', 1],
      ['ip 203.0.113.9', 1],
      ['device web-07', 2],
      ['alert a00002', 0],
    ],
  )
  assert.deepEqual(
    graph.edges.map(({ from, to, alerts: via }) => `${from} > ${to} via ${via.join()}`),
    [
      'alert a00001 > user kai via Sign-in from a new place',
      'alert a00001 > ip 203.0.113.9 via Sign-in from a new place',
      'user kai > device web-07 via Sign-in from a new place',
      'ip 203.0.113.9 > device web-07 via Sign-in from a new place',
      'alert a00002 > device web-07 via Disk is full',
    ],
  )
  assert.equal(graph.nodes.find(({ id }) => id === 'device web-07')?.state, 'isolated')
  assert.deepEqual(
    neighboursOf(graph, 'device web-07').map(({ id }) => id),
    ['user kai', 'ip 203.0.113.9', 'alert a00002'],
  )
})

test('twelve hosts that stand alike are folded into one before anything else is', () => {
  const hosts = Array.from({ length: 12 }, (_, host) => device(`ws-${host}`))
  const alerts = [makeAlert(1, 'Same tool on many hosts', [user('kai'), ...hosts]), makeAlert(2, 'Other', [user('bo')])]

  const graph = foldStory(drawUpStory(alerts, new Map([['device ws-3', 'isolated']])), 8)

  const fold = graph.nodes.find(({ members }) => members.length > 1)
  assert.equal(graph.nodes.length, 5)
  assert.equal(fold?.label, '12 of kind device')
  assert.equal(fold?.state, 'isolated')
  assert.deepEqual(
    graph.edges.filter(({ to }) => to === fold?.id).map(({ from }) => from),
    ['user kai'],
  )
})

test('whatever an incident holds, at most 60 nodes are left, every thing stands in exactly one, and no line hangs loose', () => {
  const kinds = [device, user, ip]
  const thing = (number: number): Record<string, unknown> | undefined => kinds[number % 3]?.(`thing-${number % 500}`)
  const named = (number: number): Record<string, unknown>[] =>
    [thing(number), thing(number * 7 + 1), thing(number * 13 + 2)].filter((one) => one !== undefined)
  const alerts = Array.from({ length: 5_000 }, (_, number) => makeAlert(number, `Rule ${number % 90}`, named(number)))

  const whole = drawUpStory(alerts, new Map())
  const graph = foldStory(whole)

  assert.ok(whole.nodes.length > 5_400)
  assert.ok(graph.nodes.length <= 60 && graph.nodes.length > 40, `${graph.nodes.length} nodes`)
  const members = graph.nodes.flatMap((node) => node.members.map(({ id }) => id))
  assert.equal(new Set(members).size, members.length)
  assert.deepEqual(new Set(members), new Set(whole.nodes.map(({ id }) => id)))
  const ids = new Set(graph.nodes.map(({ id }) => id))
  assert.equal(ids.size, graph.nodes.length)
  assert.ok(graph.edges.every(({ from, to }) => ids.has(from) && ids.has(to) && from !== to))
})

test('arrow keys lead to every node, also to one beside a line that passes it by and to one without any line', () => {
  const node = (id: string) =>
    ({ id, kind: 'ip', label: id, layer: 1, firstAt: '', alerts: [], state: null, members: [] }) as const
  const edge = (from: string, to: string) => ({ from, to, alerts: [] })
  // The line from the alert to the device is shorter than the one to the user, and passes the user's column.
  const graph = {
    nodes: ['alert', 'device', 'user', 'alone'].map(node),
    edges: [edge('alert', 'device'), edge('alert', 'user'), edge('user', 'device')],
  }
  const places = [
    { x: 100, y: 100 },
    { x: 500, y: 100 },
    { x: 300, y: 300 },
    { x: 900, y: 50 },
  ]
  const lead = (key: string, from: number): string | undefined =>
    graph.nodes[findNext(key, from, { graph, picture: { places } }) ?? -1]?.id

  const right = [lead('ArrowRight', 0), lead('ArrowRight', 2), lead('ArrowRight', 1)]
  const left = [lead('ArrowLeft', 1), lead('ArrowLeft', 2), lead('ArrowLeft', 3)]
  const down = [0, 2, 1, 3].map((from) => lead('ArrowDown', from))
  const up = [3, 1, 2, 0].map((from) => lead('ArrowUp', from))

  assert.deepEqual(right, ['user', 'device', undefined])
  assert.deepEqual(left, ['user', 'alert', undefined])
  assert.deepEqual(down, ['user', 'device', 'alone', undefined])
  assert.deepEqual(up, ['device', 'user', 'alert', undefined])
})
