import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { readCountQuery, readEntityQuery } from '../../src/api/odata/read-query.ts'
import { CordonError } from '../../src/model/errors.ts'
import { startStopwatch } from '../support/stopwatch.ts'
import { alerts, incidents, plain, query, tasks } from './given.ts'

function readCases(name: string): Record<string, unknown>[] {
  const list: unknown = JSON.parse(readFileSync(new URL(`../fixtures/cases/${name}.json`, import.meta.url), 'utf8'))
  assert.ok(Array.isArray(list))
  return list.filter((item) => typeof item === 'object' && item !== null)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Case paths are text, or a small recipe for a long one. */
function expandPath(path: unknown): string {
  if (typeof path !== 'object' || path === null) return textOf(path)
  const part = (name: string): string => textOf(Reflect.get(path, name))
  const count = Number(Reflect.get(path, 'count'))
  if (part('$gen') === 'wrap') {
    return part('prefix') + part('open').repeat(count) + part('inner') + part('close').repeat(count) + part('suffix')
  }
  return part('prefix') + part('unit').repeat(count) + part('suffix')
}

/** Status of reading the query, 200 when it is accepted. */
function readStatus(act: () => unknown): number {
  try {
    act()
    return 200
  } catch (error) {
    if (error instanceof CordonError) return error.status
    throw error
  }
}

suite('queries real clients send', () => {
  const sent = readCases('client-cases').filter(
    (item) => item.method === 'GET' && textOf(item.query) !== '' && item.expectStatus === 200,
  )
  test('are in the case file', () => {
    assert.ok(sent.length >= 15)
  })
  for (const item of sent) {
    const path = textOf(item.path).toLowerCase()
    // A token out of a link is checked where tokens are.
    const raw = textOf(item.query).replace(/\$skiptoken=\{[^}]*\}&?/, '')
    test(`${textOf(item.id)}: ${raw}`, () => {
      const resource = path.includes('alerts_v2') ? alerts : path.includes('incidenttasks') ? tasks : incidents
      const read = path.endsWith('count') ? readCountQuery : query

      assert.equal(
        readStatus(() => read(raw, resource, plain)),
        200,
      )
    })
  }
})

suite('hostile and broken queries', () => {
  const hostile = readCases('bad-inputs').filter(
    (item) => item.group === 'odata' && item.method === 'GET' && expandPath(item.path).includes('?'),
  )
  test('are in the case file', () => {
    assert.ok(hostile.length >= 45)
  })
  for (const item of hostile) {
    const path = expandPath(item.path)
    // Tokens are placeholders here; nothing forged opens, and paging.test.ts has the real ones.
    if (path.includes('{{')) continue
    const [where = '', raw = ''] = [path.slice(0, path.indexOf('?')), path.slice(path.indexOf('?') + 1)]
    test(`${textOf(item.id)}: ${textOf(item.why)}`, () => {
      const read = /incidents\/[^/]+$/.test(where) ? readEntityQuery : query
      const watch = startStopwatch()

      const status = readStatus(() => read(raw, incidents, plain))

      assert.ok(watch.ms() < 1_000)
      const also = Array.isArray(item.alsoAccept) ? item.alsoAccept : []
      assert.ok([item.expectStatus, ...also].includes(status), `${status}`)
    })
  }
})
