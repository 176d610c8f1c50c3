import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../../support/cordon.ts'
import { type DatabaseKind, databaseKinds } from '../../support/databases.ts'
import { giveTenant } from '../../support/given.ts'
import { shareCordon } from '../../support/shared-cordon.ts'
import { listCases, pathOf } from './cases.ts'
import { filterGroups } from './filter-cases.ts'
import { literalGroups } from './literal-cases.ts'
import { optionGroups } from './option-cases.ts'

const alertIds = ['plain', "o'neil", 'Smartphone/Tablet', 'small (red)', 'a )b(', 'größe 😀', '29']

/** A tenant with rows that the inputs meet, and a client that may read them. */
async function openTenant(kind: DatabaseKind): Promise<{ readonly client: Client; readonly incidentId: string }> {
  const cordon = await shareCordon(kind)
  const tenant = await giveTenant(cordon)
  const first = await tenant.incident({
    displayName: 'Milk',
    customTags: ['x', 'y'],
    priorityScore: 3,
    severity: 'high',
  })
  const second = await tenant.incident({ displayName: "O'Neil", assignedTo: 'kai', severity: 'low' })
  for (const id of alertIds) {
    await tenant.alert(first, {
      id: `${id} ${tenant.id}`,
      title: 'Futterkiste',
      createdDateTime: '2026-06-01T00:00:00.0000000Z',
    })
  }
  await tenant.task(second, { displayName: 'x', description: 'y' })
  const client = await tenant.as('responder')
  return { client: suffixed(client, tenant.id), incidentId: first }
}

/** Alert ids are one's own in the whole database, so each tenant has them with its id behind; the cases name them without. */
function suffixed(client: Client, tenantId: string): Client {
  const get: Client['get'] = (path, headers) => client.get(path.replaceAll('~', `%20${tenantId}`), headers)
  return { ...client, get }
}

interface Outcome {
  readonly status: number
  /** What lists show of their rows, or the message of a refusal. */
  readonly seen: string
}

async function runQueries(kind: DatabaseKind): Promise<Map<string, Outcome>> {
  const { client } = await openTenant(kind)
  const outcomes = new Map<string, Outcome>()
  const options = listCases(optionGroups).map((item) => ({ item, query: item.input.replaceAll(' ', '%20') }))
  const filters = listCases([...literalGroups, ...filterGroups]).map((item) => ({
    item,
    query: `$filter=${encodeURIComponent(item.input)}`,
  }))
  for (const { item, query } of [...options, ...filters]) {
    const target = `${pathOf(item)}?${query.replaceAll('"', '%22').replaceAll('{', '%7B').replaceAll('}', '%7D')}`
    const { status, body, text } = await client.get(target)
    const isRead = item.outcome === 'read'
    assert.ok(isRead ? status === 200 : status === 400 || status === 406, `${target}: ${status} ${text}`)
    if (typeof item.outcome === 'number')
      assert.match(body.error.message, new RegExp(`, at position ${item.outcome}\\.$`))
    if (item.outcome instanceof RegExp) assert.match(body.error.message, item.outcome)
    const seen = isRead
      ? body.value.map((row: Record<string, unknown>) => row.displayName ?? row.title)
      : body.error.message
    outcomes.set(target, { status, seen: JSON.stringify(seen) })
  }
  return outcomes
}

test('every input of the ABNF table is answered as the table says, and equally on both databases', async () => {
  const [embedded, server] = [await runQueries('sqlite'), await runQueries('postgres')]

  assert.ok(embedded.size > 300, String(embedded.size))
  for (const [target, outcome] of embedded) assert.deepEqual(server.get(target), outcome, target)
})

const incidents = '/v1.0/security/incidents'
const alerts = '/v1.0/security/alerts_v2'

/** Paths and their status; `~` ends an alert's id, `{incident}` is an incident's id. Sections are those of the URL conventions. */
const paths: readonly (readonly [rule: string, status: number, paths: readonly string[]])[] = [
  [
    '2, 4.1 service root and metadata',
    200,
    [
      '/v1.0',
      '/v1.0/',
      '/v1.0/$metadata',
      '/beta/%24metadata',
      '/v1.0/$metadata?$format=json',
      '/v1.0/$metadata?$format=xml',
    ],
  ],
  ['4.3 entity set', 200, [incidents, '/V1.0/Security/Incidents', alerts]],
  [
    '4.3 key predicate',
    200,
    [`${alerts}('plain~')`, `${alerts}(%27plain~%27)`, `${alerts}%28%27plain~%27%29`, `${incidents}('{incident}')`],
  ],
  [
    '4.3 key predicate, doubled quotes',
    200,
    [`${alerts}('o''neil~')`, `${alerts}(%27o%27%27neil~%27)`, `${alerts}%28%27o%27%27neil~%27%29`],
  ],
  [
    '4.3 key predicate, escaped slash and parentheses',
    200,
    [
      `${alerts}('Smartphone%2FTablet~')`,
      `${alerts}('small%20%28red%29~')`,
      `${alerts}('small%20(red)~')`,
      `${alerts}('a%20)b(~')`,
    ],
  ],
  ['4.3 key predicate, characters outside ASCII', 200, [`${alerts}('gr%C3%B6%C3%9Fe%20%F0%9F%98%80~')`]],
  [
    '4.3.6 key as segment',
    200,
    [
      `${alerts}/plain~`,
      `${alerts}/29~`,
      `${alerts}/o'neil~`,
      `${alerts}/o%27neil~`,
      `${alerts}/Smartphone%2FTablet~`,
      `${alerts}/small%20%28red%29~`,
      `${incidents}/{incident}`,
    ],
  ],
  [
    '4.3 navigation',
    200,
    [
      `${incidents}/{incident}/alerts`,
      `${incidents}('{incident}')/alerts`,
      `${incidents}('{incident}')/alerts('o''neil~')`,
      `${incidents}/{incident}/alerts/plain~`,
    ],
  ],
  [
    '4.5.2 bound function',
    200,
    [
      `${incidents}/delta`,
      `${incidents}/delta()`,
      `${incidents}/delta%28%29`,
      `${incidents}/microsoft.graph.security.delta()`,
    ],
  ],
  [
    '4.8 count',
    200,
    [
      `${incidents}/$count`,
      `${incidents}/%24count`,
      `${incidents}/{incident}/alerts/$count`,
      `${incidents}/$count?$filter=priorityScore gt 5.00`,
    ],
  ],
  [
    '4.3 key predicate, a quote that is not doubled',
    404,
    [`${alerts}('o'neil~')`, `${alerts}('o%27neil~')`, `${alerts}(%27o%27neil~%27)`],
  ],
  [
    '4.3 key predicate, a slash that is not escaped',
    404,
    [`${alerts}('Smartphone/Tablet~')`, `${alerts}/Smartphone/Tablet~`],
  ],
  [
    '4.3 key predicate, malformed',
    404,
    [
      `${alerts}(plain~)`,
      `${alerts}(29)`,
      `${alerts}('plain~'`,
      `${alerts}'plain~')`,
      `${alerts}()`,
      `${alerts}('')`,
      `${alerts}("plain~")`,
      `${alerts}('plain~')x`,
      `${alerts}.('plain~')`,
      '/v1.0/security/.alerts_v2',
    ],
  ],
  [
    '4.3 key predicate with names, not offered',
    404,
    [`${alerts}(id='plain~')`, `${alerts}(id='plain~',tenantId='x')`, `${alerts}(@k)?@k='plain~'`],
  ],
  [
    '4.3.4 $entity, 4.4 $ref, 4.7 $value, 4.12 $filter and $each, 4.15 $crossjoin, 4.16 $all, 4.17 $query, not offered',
    404,
    [
      '/v1.0/$entity?$id=x',
      `${incidents}/$ref`,
      `${alerts}/plain~/$ref`,
      `${alerts}('plain~')/$value`,
      `${incidents}/$filter(@f)?@f=true`,
      `${incidents}/$each`,
      '/v1.0/$crossjoin(incidents,alerts_v2)',
      '/v1.0/$all',
      `${alerts}/plain~/$query`,
    ],
  ],
  [
    '4.6 addressing a property, not offered',
    404,
    [`${alerts}/plain~/title`, `${alerts}/plain~/title/$value`, `${incidents}/{incident}/customTags/0`],
  ],
  [
    '4.8 count is the last segment, and of collections',
    404,
    [`${incidents}/$count/x`, `${incidents}/{incident}/alerts/$count/$count`, `${incidents}/{incident}/$count`],
  ],
  [
    '4.11 type cast, not offered',
    404,
    [`${alerts}/microsoft.graph.security.alert`, `${alerts}('plain~')/microsoft.graph.security.alert`],
  ],
  [
    '4.5.1 an action at the service root',
    404,
    ['/v1.0/microsoft.graph.security.mergeIncidents', '/v1.0/security/mergeIncidents'],
  ],
]

for (const kind of databaseKinds) {
  test(`paths of the URL conventions lead where they should (${kind})`, async () => {
    const { client, incidentId } = await openTenant(kind)
    for (const [rule, status, targets] of paths) {
      for (const target of targets) {
        const reply = await client.get(target.replaceAll('{incident}', incidentId).replaceAll(' ', '%20'))
        assert.equal(reply.status, status, `${rule}: ${target}: ${reply.status} ${reply.text.slice(0, 300)}`)
      }
    }
  })

  test(`the entity of a key is the one with that id, however the key is written (${kind})`, async () => {
    const { client } = await openTenant(kind)
    for (const id of alertIds) {
      const escaped = encodeURIComponent(id)
      const doubled = encodeURIComponent(id.replaceAll("'", "''"))
      const targets = [
        `${alerts}/${escaped}~`,
        `${alerts}('${doubled}~')`,
        `${alerts}%28%27${doubled.replaceAll("'", '%27')}~%27%29`,
      ]
      const replies = await Promise.all(targets.map((target) => client.get(target)))
      for (const reply of replies)
        assert.ok(String(reply.body.id).startsWith(`${id} `), `${id}: ${reply.text.slice(0, 200)}`)
    }
  })

  test(`actions are called by short and qualified name, and by POST only (${kind})`, async () => {
    const { client, incidentId } = await openTenant(kind)
    const actions = [
      `${incidents}/mergeIncidents`,
      `${incidents}/microsoft.graph.security.mergeIncidents`,
      `${alerts}/Microsoft.Graph.Security.moveAlerts`,
    ]
    for (const target of actions) assert.equal((await client.post(target, {})).status, 403, target)
    for (const target of [
      `${incidents}/{incident}/microsoft.graph.security.noSuch`,
      `${incidents}/microsoft.graph.security.`,
    ]) {
      assert.equal((await client.post(target.replace('{incident}', incidentId), {})).status, 404, target)
    }
    assert.equal((await client.send('DELETE', `${incidents}/mergeIncidents`)).status, 405)
  })

  test(`batches name their requests and lean on each other by id (${kind})`, async () => {
    const { client, incidentId } = await openTenant(kind)
    const request = (id: unknown, url: string, more: object = {}): object => ({ id, method: 'GET', url, ...more })
    const good = ['1', 'group1', 'First-Insert~Customer_1.1', 'größe']
    const answer = await client.post('/v1.0/$batch', {
      requests: [
        ...good.map((id) => request(id, '/security/incidents?$top=1')),
        request('dependent', `security/incidents('${incidentId}')`, { dependsOn: ['group1', 'GROUP1'] }),
        request('broken', "/security/incidents?$filter=x'"),
        request('blocked', '/security/incidents', { dependsOn: ['broken'] }),
        // References to what another request made are not offered: the path leads nowhere.
        request('reference', '$group1/alerts', { dependsOn: ['group1'] }),
      ],
    })
    const statuses = new Map(
      answer.body.responses.map((item: { id: string; status: number }) => [item.id, item.status]),
    )

    for (const id of [...good, 'dependent']) assert.equal(statuses.get(id), 200, id)
    assert.deepEqual([statuses.get('broken'), statuses.get('blocked'), statuses.get('reference')], [400, 424, 404])
    const bad: readonly (readonly object[])[] = [
      [request('', '/security/incidents')],
      [request(1, '/security/incidents')],
      [request('a', '/security/incidents'), request('A', '/security/incidents')],
      [request('a', '/security/incidents', { dependsOn: ['b'] })],
      [
        request('a', '/security/incidents', { dependsOn: ['b'] }),
        request('b', '/security/incidents', { dependsOn: ['a'] }),
      ],
    ]
    for (const requests of bad) assert.equal((await client.post('/v1.0/$batch', { requests })).status, 400)
  })
}

test('contexts are written as the standard writes them', async () => {
  const { client, incidentId } = await openTenant('sqlite')
  const expected: readonly (readonly [string, RegExp])[] = [
    [incidents, /\/v1\.0\/\$metadata#security\/incidents$/],
    [`${incidents}?$select=id,status`, /#security\/incidents\(id,status\)$/],
    [`${incidents}?$expand=alerts`, /#security\/incidents\(alerts\(\)\)$/],
    [`${incidents}?$select=id&$expand=alerts($select=id,title)`, /#security\/incidents\(id,alerts\(id,title\)\)$/],
    [`${incidents}/${incidentId}`, /#security\/incidents\/\$entity$/],
    [`${incidents}/${incidentId}?$select=id`, /#security\/incidents\(id\)\/\$entity$/],
    [`${incidents}/${incidentId}/alerts`, /#security\/incidents\('\d+'\)\/alerts$/],
    [`${incidents}/delta`, /#security\/incidents\/\$delta$/],
  ]
  for (const [target, context] of expected) {
    assert.match((await client.get(target)).body['@odata.context'], context, target)
  }
})
