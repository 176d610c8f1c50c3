import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { buildNextLink, readSkipToken, writeSkipToken } from '../../src/api/odata/paging.ts'
import { boundQuery } from '../../src/api/odata/read-query.ts'
import type { Keyset } from '../../src/model/query.ts'
import { fc } from '../support/fast-check.ts'
import { alerts, query, refusalOf } from './given.ts'

const key = Buffer.alloc(32, 7)
const scope = { tenantId: 'tenant-1', resource: 'incidents' }
const position: Keyset = ['2026-01-01T00:00:00.0000000Z', 29]

function tokenOf(raw: string): string {
  return writeSkipToken(key, scope, query(raw), position)
}

suite('$skiptoken', () => {
  test('opens with the same filter and order, in any spelling and sequence of the options', () => {
    const token = tokenOf("$filter=status eq 'active'&$orderby=createdDateTime desc&$top=10")

    const again = query(
      `%24orderby=createdDateTime+desc&%24skiptoken=${token}&filter=status%20eq%20%27active%27&$top=20`,
    )

    assert.deepEqual(readSkipToken(key, scope, again), position)
  })

  test('holds any sort values', () => {
    const raw = '$orderby=displayName,priorityScore'
    fc.assert(
      fc.property(
        fc.option(fc.string({ unit: 'grapheme' })),
        fc.option(fc.integer()),
        fc.string(),
        (name, score, id) => {
          const token = writeSkipToken(key, scope, query(raw), [name, score, id])

          assert.match(token, /^[\w-]+$/)
          assert.deepEqual(readSkipToken(key, scope, query(`${raw}&$skiptoken=${token}`)), [name, score, id])
        },
      ),
    )
  })

  test('sent alone opens when the first request had neither filter nor order', () => {
    assert.deepEqual(readSkipToken(key, scope, query(`$skipToken=${tokenOf('')}`)), position)
    assert.equal(readSkipToken(key, scope, query('')), null)
  })

  const token = tokenOf("$filter=status eq 'active'")
  const wrong: readonly (readonly [name: string, raw: string])[] = [
    ['without its filter', `$skiptoken=${token}`],
    ['with another filter', `$skiptoken=${token}&$filter=status eq 'resolved'`],
    ['with an order', `$skiptoken=${token}&$filter=status eq 'active'&$orderby=severity`],
    ['cut short', `$skiptoken=${token.slice(0, -1)}&$filter=status eq 'active'`],
    ['with something behind it', `$skiptoken=${token}A&$filter=status eq 'active'`],
    [
      'with a bit flipped',
      `$skiptoken=${token.slice(0, 60)}${token[60] === 'A' ? 'B' : 'A'}${token.slice(61)}&$filter=status eq 'active'`,
    ],
    ['that is a number', '$skiptoken=50'],
    ['that is no base64url', "$skiptoken=%2F%2F'"],
  ]
  for (const [name, raw] of wrong) {
    test(`is refused ${name}`, () => {
      assert.equal(refusalOf(() => readSkipToken(key, scope, query(raw))).status, 400)
    })
  }

  test('is refused for another tenant, another collection and under another key, always with the same words', () => {
    const request = query(`$skiptoken=${token}&$filter=status eq 'active'`)

    const refusals = [
      refusalOf(() => readSkipToken(key, { ...scope, tenantId: 'tenant-2' }, request)),
      refusalOf(() => readSkipToken(key, { ...scope, resource: 'alerts_v2' }, request)),
      refusalOf(() => readSkipToken(Buffer.alloc(32, 8), scope, request)),
    ]

    assert.deepEqual(new Set(refusals.map(({ status, message }) => `${status} ${message}`)).size, 1)
    assert.equal(refusals[0]?.status, 400)
  })
})

suite('options beside $skiptoken', () => {
  const token = tokenOf('')

  test('may repeat: of $top the last counts, others may repeat their value', () => {
    const request = query(
      `$top=5&$filter=id eq '1'&$skiptoken=${token}&$top=20&$filter=id%20eq%20%271%27&$skiptoken=${token}`,
    )

    assert.equal(request.top, 20)
  })

  for (const raw of [
    "$filter=id eq '1'&$filter=id eq '2'",
    '$orderby=id&$orderby=status',
    '$count=true&$count=false',
    '$skiptoken=x',
  ]) {
    test(`may not differ: ${raw}`, () => {
      assert.match(refusalOf(() => query(`${raw}&$skiptoken=${token}`)).message, /stands twice with different values/)
    })
  }

  test('$skip no longer counts: its rows were passed over before the first page', () => {
    const request = query(`$skip=10&$skiptoken=${token}`)

    assert.equal(boundQuery(request, position).skip, 0)
    assert.equal(boundQuery(query('$skip=10'), null).skip, 10)
  })
})

suite('@odata.nextLink', () => {
  const raw =
    "$filter=contains(displayName,'{a}/+#%26é') and createdDateTime ge 2026-01-01T00:00:00+02:00&$expand=alerts($select=id;$top=5)&$orderby=severity desc&$select=id,status&$top=10&$skip=3&$count=true&junk=1".replace(
      'é',
      '%C3%A9',
    )
  const link = buildNextLink('https://h:8443', '/v1.0/security/incidents', query(raw), tokenOf(raw))
  const [start = '', tail = ''] = link.split('?')

  test('is absolute and holds no character that a client trips over', () => {
    assert.equal(start, 'https://h:8443/v1.0/security/incidents')
    assert.doesNotMatch(tail, /[/{}+#' ]/)
    assert.equal(link.split('/').at(-1), `incidents?${tail}`)
    assert.ok(link.length < 8192)
  })

  test('asks for the same as the request, but for $skip', () => {
    const next = query(tail)

    assert.deepEqual({ ...next, skip: 3, skipToken: null }, query(raw))
    assert.equal(next.skip, 0)
    assert.deepEqual(readSkipToken(key, scope, next), position)
  })

  test('survives a client that reorders and re-encodes it', () => {
    // As microsoft-graph-client does: split on & and the first =, known options first, encoded anew.
    const pairs = tail.split('&').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])
    const turned = pairs
      .reverse()
      .map(([name = '', value = '']) => `${name}=${encodeURIComponent(decodeURIComponent(value))}`)

    assert.deepEqual(readSkipToken(key, scope, query(turned.join('&'))), position)
  })

  test('keeps its meaning for any filter text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const escaped = encodeURIComponent(`title eq '${text.replaceAll("'", "''").replaceAll('\0', '')}'`)
        const first = query(`$filter=${escaped}`, alerts)

        const next =
          buildNextLink('https://h', '/p', first, writeSkipToken(key, scope, first, position)).split('?')[1] ?? ''

        assert.doesNotMatch(next, /[/{}+#' ]/)
        assert.deepEqual(query(next, alerts).filter, first.filter)
        assert.deepEqual(readSkipToken(key, scope, query(next, alerts)), position)
      }),
    )
  })

  test('stays below 8 KiB with the longest sort values', () => {
    const order = '$orderby=displayName,assignedTo,description,summary'
    const longest = 'é'.repeat(200)

    const token = writeSkipToken(key, scope, query(order), [longest, longest, longest, longest, 1])

    assert.ok(buildNextLink('https://h', '/v1.0/security/incidents', query(order), token).length < 8192)
  })
})
