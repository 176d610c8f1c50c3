import {
  isQueryableList,
  listFilterable,
  type ResourceDescription,
  resolvePath,
  valueTypeOf,
} from '../../src/api/odata/resource.ts'
import { type Draft, type EdmProperty, enumMember } from '../../src/model/edm.ts'
import { type Alert, enums, type Incident, type IncidentTask } from '../../src/model/generated.ts'
import { completeEntity } from '../../src/model/graph-validate.ts'
import type { KeyValue } from '../../src/model/query.ts'
import { insertAlerts } from '../../src/store/alerts.ts'
import type { Dialect, Tx } from '../../src/store/db.ts'
import { alertFilterMap, incidentFilterMap, taskFilterMap } from '../../src/store/filter-maps.ts'
import { insertIncidents } from '../../src/store/incidents.ts'
import type { FilterMap } from '../../src/store/query.ts'
import { insertTask } from '../../src/store/tasks.ts'
import { fc } from '../support/fast-check.ts'
import { sampleInstants, sampleTexts } from './arbitraries.ts'
import type { Row, Traits } from './evaluate.ts'
import { alerts, betaIncidents, tasks } from './given.ts'

export const tenant = 'tenant-whole'

/** One collection with everything a query on it can name. */
export interface Collection {
  readonly resource: ResourceDescription
  readonly table: 'incidents' | 'alerts' | 'tasks'
  readonly traits: Traits
  readonly map: (dialect: Dialect) => FilterMap
  readonly insert: (tx: Tx, row: Row) => Promise<void>
}

export const collections: readonly Collection[] = [
  {
    resource: betaIncidents,
    table: 'incidents',
    traits: { caseInsensitive: ['assignedTo'], digits: ['id', 'redirectIncidentId'] },
    map: () => incidentFilterMap,
    insert: addIncident,
  },
  {
    resource: alerts,
    table: 'alerts',
    traits: { caseInsensitive: ['assignedTo'], digits: ['incidentId'] },
    map: alertFilterMap,
    insert: addAlert,
  },
  {
    resource: tasks,
    table: 'tasks',
    traits: { caseInsensitive: [], digits: ['incident/id'] },
    map: () => taskFilterMap,
    insert: addTask,
  },
]

/** A property that filters can name, as the resource declares it. */
export interface Filterable {
  readonly path: string
  readonly property: EdmProperty
  readonly nullable: boolean
}

/** Every name a filter on the collection can hold; `evidence` and the alerts of incidents are left out, they are not like the others. */
export function listNames({ resource, map }: Collection): Filterable[] {
  const { properties } = map('sqlite')
  return listFilterable(resource).flatMap((path) => {
    const found = resolvePath(resource.entityType, path, resource.version)
    const column = properties[path]
    if ('missing' in found || column === undefined) return []
    if (column.kind === 'evidence' || column.kind === 'members') return []
    return [{ path, property: found.property, nullable: 'nullable' in column && column.nullable }]
  })
}

/** `count` random rows with ids of their own, the same for the same seed. */
export function makeRows(collection: Collection, count: number, seed: number): Row[] {
  const names = listNames(collection)
  const scalars = names.filter(({ property }) => valueTypeOf(property) !== null)
  const lists = names.filter(({ property }) => isQueryableList(property))
  const values = fc.record(Object.fromEntries(scalars.map((name) => [name.path, drawValue(collection, name)])))
  const items = fc.record(Object.fromEntries(lists.map(({ path, property }) => [path, itemsOf(property)])))
  const rows = fc.sample(fc.tuple(values, items), { numRuns: count, seed })
  return rows.map(([made, itemsMade], index) => ({
    scalars: { ...made, id: collection.table === 'incidents' ? String(index + 1) : `id-${index}`, ...tenantOf(made) },
    lists: itemsMade,
    evidence: [],
  }))
}

function tenantOf(scalars: Readonly<Record<string, KeyValue>>): Record<string, KeyValue> {
  return 'tenantId' in scalars ? { tenantId: tenant } : {}
}

function drawValue({ traits }: Collection, { path, property, nullable }: Filterable): fc.Arbitrary<KeyValue> {
  const value = traits.digits.includes(path) ? fc.constantFrom('1', '2', '9', '10', '100') : plainValue(property)
  return nullable ? fc.option<KeyValue>(value, { freq: 4 }) : value
}

function plainValue(property: EdmProperty): fc.Arbitrary<KeyValue> {
  if (property.kind === 'enum') return fc.constantFrom(...Object.values(enums[property.type].members))
  switch (valueTypeOf(property)) {
    case 'datetime':
      return fc.constantFrom(...sampleInstants)
    case 'int':
      return fc.constantFrom(0, 1, 2, 100)
    default:
      return fc.constantFrom(...sampleTexts)
  }
}

function itemsOf(property: EdmProperty): fc.Arbitrary<Row['lists'][string]> {
  const text = fc.constantFrom(...sampleTexts)
  if (property.kind === 'primitive') return fc.array(text, { maxLength: 3 })
  const optional = fc.option(text, { freq: 4 })
  const comment = {
    comment: optional,
    createdByDisplayName: optional,
    createdDateTime: fc.constantFrom(...sampleInstants),
  }
  return fc.array(fc.record(comment), { maxLength: 2 })
}

/** The row as the entity of the contract that it stands for. */
function toEntity({ resource }: Collection, row: Row): Record<string, unknown> {
  const entity: Record<string, unknown> = { ...row.lists }
  for (const [path, value] of Object.entries(row.scalars)) {
    const found = resolvePath(resource.entityType, path, resource.version)
    if ('missing' in found || path.includes('/')) continue
    const { property } = found
    entity[path] =
      property.kind === 'enum' && typeof value === 'number' ? enumMember(enums[property.type], value) : value
  }
  return entity
}

async function addIncident(tx: Tx, row: Row): Promise<void> {
  const [collection] = collections
  if (collection === undefined) return
  const draft = toEntity(collection, row) as Draft<Incident>
  const { incidentWebUrl: _url, alerts: _alerts, ...doc } = completeEntity('incident', draft, sampleInstants[0] ?? '')
  await insertIncidents(tx, [
    { doc, firstActivityAt: null, lastActivityAt: null, alertCount: 0, personSet: [], version: 0 },
  ])
}

async function addAlert(tx: Tx, row: Row): Promise<void> {
  const collection = collections[1]
  if (collection === undefined) return
  const draft = toEntity(collection, row) as Draft<Alert>
  const whole = completeEntity('alert', draft, sampleInstants[0] ?? '')
  const { alertWebUrl: _web, incidentWebUrl: _url, incidentId: _id, ...doc } = whole
  const { id, incidentId } = row.scalars
  const alert = { doc, incidentId: String(incidentId), source: 'test', providerAlertId: String(id), version: 0 }
  await insertAlerts(tx, [alert])
}

async function addTask(tx: Tx, row: Row): Promise<void> {
  const collection = collections[2]
  if (collection === undefined) return
  const draft = { ...toEntity(collection, row), responseAction: null } as Draft<IncidentTask>
  const { incident: _incident, ...doc } = completeEntity('incidentTask', draft, sampleInstants[0] ?? '')
  const incidentId = String(row.scalars['incident/id'])
  const task = { tenantId: tenant, doc, incidentId, proposedBy: null, reopened: false, version: 0 }
  await insertTask(tx, task)
}
