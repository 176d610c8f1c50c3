import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { buildContext, projectEntity } from '../../src/api/odata/shape.ts'
import { query, tasks } from './given.ts'

const origin = 'https://cordon.example:8443'

function context(raw: string, entity: boolean, path = 'security/incidents'): string {
  return buildContext({ origin, version: 'v1.0', path, entity }, query(raw))
}

suite('@odata.context', () => {
  const prefix = `${origin}/v1.0/$metadata#security/incidents`
  const cases: readonly (readonly [raw: string, suffix: string])[] = [
    ['', ''],
    ['$expand=alerts', '(alerts())'],
    ['$select=id,status', '(id,status)'],
    ['$select=id,status&$expand=alerts', '(id,status,alerts())'],
    ['$select=id,alerts&$expand=alerts', '(id,alerts())'],
    ['$expand=alerts($select=id,title)', '(alerts(id,title))'],
    ['$select=*', ''],
  ]
  for (const [raw, suffix] of cases) {
    test(`of ${raw === '' ? 'no options' : raw} ends in "${suffix}"`, () => {
      assert.equal(context(raw, false), prefix + suffix)
      assert.equal(context(raw, true), `${prefix}${suffix}/$entity`)
    })
  }

  test('of a navigation names the entity it starts from', () => {
    assert.equal(context('', false, "security/incidents('29')/alerts"), `${prefix}('29')/alerts`)
  })
})

suite('projectEntity', () => {
  const entity = {
    '@odata.type': '#x',
    id: '29',
    status: 'active',
    severity: 'high',
    'customTags@odata.type': '#Collection(String)',
    customTags: ['a'],
    alerts: [{ id: 'a1', title: 't', severity: 'low' }],
    'alerts@odata.nextLink': 'https://x',
  }

  test('returns the entity itself when nothing was selected', () => {
    assert.equal(projectEntity(entity, query('$expand=alerts')), entity)
  })

  test('keeps what was selected with its annotations, the id and the own annotations', () => {
    assert.deepEqual(projectEntity(entity, query('$select=customTags')), {
      '@odata.type': '#x',
      id: '29',
      'customTags@odata.type': '#Collection(String)',
      customTags: ['a'],
    })
  })

  test('keeps what was expanded without being selected, and cuts it by its own $select', () => {
    assert.deepEqual(projectEntity(entity, query('$select=status&$expand=alerts($select=title)')), {
      '@odata.type': '#x',
      id: '29',
      status: 'active',
      alerts: [{ id: 'a1', title: 't' }],
      'alerts@odata.nextLink': 'https://x',
    })
  })

  test('cuts expanded entities when only they are selected from', () => {
    const { alerts, ...rest } = projectEntity(entity, query('$expand=alerts($select=severity)'))

    assert.deepEqual(alerts, [{ id: 'a1', severity: 'low' }])
    assert.equal(Object.keys(rest).length, Object.keys(entity).length - 1)
  })

  test("leaves a task's incident out unless it is named", () => {
    const task = { id: 't', status: 'open', incident: { id: '29', displayName: 'x' } }

    assert.deepEqual(projectEntity(task, query('$select=status', tasks)), { id: 't', status: 'open' })
    assert.deepEqual(projectEntity(task, query('$select=incident', tasks)), { id: 't', incident: task.incident })
    assert.deepEqual(projectEntity(task, query('$select=status&$expand=incident($select=id)', tasks)), {
      id: 't',
      status: 'open',
      incident: { id: '29' },
    })
  })
})
