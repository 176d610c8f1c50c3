import { noPreferences } from '../../src/api/odata/prefer.ts'
import { readCountQuery, readDeltaQuery, readEntityQuery, readQuery } from '../../src/api/odata/read-query.ts'
import {
  type ApiVersion,
  listFilterable,
  type ResourceDescription,
  resolvePath,
  valueTypeOf,
} from '../../src/api/odata/resource.ts'
import { describeAlerts, describeIncidents, describeTasks } from '../../src/api/odata/resources.ts'
import { propertiesOf } from '../../src/model/edm.ts'
import { CordonError } from '../../src/model/errors.ts'
import type { Behaviour } from '../../test/support/behaviour.ts'

/**
 * The query options a reading operation on incidents, alerts or tasks takes: each is tried on the reader that its handler uses. Empty for
 * all other operations.
 */
export function listOptions(row: Behaviour): string[] {
  if (row.method !== 'GET' || !row.path.startsWith('/security/')) return []
  const resource = describeAt(row.path, row.versions.includes('v1.0') ? 'v1.0' : 'beta')
  const [expandable = 'nothing'] = Object.keys(resource.expandable)
  const samples: Readonly<Record<string, string>> = {
    $filter: "id eq '1'",
    $orderby: 'id',
    $select: 'id',
    $expand: expandable,
    $top: '1',
    $skip: '1',
    $count: 'true',
    $skiptoken: 'x',
    $deltatoken: 'x',
    $format: 'json',
  }
  const read = readerAt(row.path)
  return Object.keys(samples).filter((name) => {
    try {
      read(`${name}=${encodeURIComponent(samples[name] ?? '')}`, resource, noPreferences)
      return true
    } catch (cause) {
      if (cause instanceof CordonError) return false
      throw cause
    }
  })
}

function describeAt(path: string, version: ApiVersion): ResourceDescription {
  if (path.includes('/alerts')) return describeAlerts(version)
  return path.includes('/incidentTasks') && !path.endsWith('/incident') ? describeTasks() : describeIncidents(version)
}

function readerAt(path: string): typeof readQuery | typeof readEntityQuery | typeof readCountQuery {
  if (path.endsWith('/$count')) return readCountQuery
  if (path.endsWith('/delta')) return readDeltaQuery
  return path.endsWith('}') || path.endsWith('/incident') ? readEntityQuery : readQuery
}

/** What a collection's queries may name and what its bodies may hold, as a list in Markdown with a blank line at its end. */
export function writeNames(describe: (version: ApiVersion) => ResourceDescription): string[] {
  const resource = describe('v1.0')
  const beta = describe('beta')
  const { version, entityType, defaultTop, maxTop, overTop, computed } = resource
  const names = listFilterable(resource)
  const sortable = names.filter((name) => isSortable(resource, name))
  const added = listFilterable(beta).filter((name) => !names.includes(name))
  const only = names.filter((name) => !sortable.includes(name))
  const aliases = Object.entries(resource.aliases).map(([alias, path]) => `\`${alias}\` for \`${path}\``)
  const expandable = Object.entries(resource.expandable).map(([name, { many }]) =>
    many ? `\`${name}\` with options of its own` : `\`${name}\` with \`$select\``,
  )
  const above = overTop === 'refuse' ? 'more is 400' : `more is taken as ${maxTop}`
  const properties = propertiesOf(entityType).filter((property) => version === 'beta' || !property.betaOnly)
  return [
    `- Pages: ${defaultTop} rows, \`$top\` at most ${maxTop}; ${above}. \`Prefer: odata.maxpagesize\` makes them smaller.`,
    `- \`$filter\` and \`$orderby\`: ${code(sortable)}${added.length === 0 ? '' : `; on beta also ${code(added)}`}.`,
    ...(only.length === 0
      ? []
      : [`- \`$filter\` only, by \`any\`, \`all\` or \`/$count\`: ${code(only)}${sayLimits(only)}.`]),
    ...(computed.length === 0 ? [] : [`- Neither filtered nor sorted by: ${code(computed)}.`]),
    ...(aliases.length === 0 ? [] : [`- Other names: ${aliases.join(', ')}.`]),
    `- \`$expand\`: ${expandable.join(', ') || 'nothing'}.`,
    `- PATCH sets ${code(properties.filter((property) => property.writable).map((property) => property.name))}; other declared properties are ignored.`,
    '',
  ]
}

/** What of these takes less than the others. */
function sayLimits(names: readonly string[]): string {
  const limits = [
    ...(names.includes('evidence') ? ['`evidence` by `any` alone'] : []),
    ...(names.includes('alerts') ? ['`alerts` by `any` and `all` on `serviceSource` alone'] : []),
  ]
  return limits.length === 0 ? '' : ` (${limits.join(', ')})`
}

function isSortable(resource: ResourceDescription, name: string): boolean {
  const found = resolvePath(resource.entityType, name, resource.version)
  return !('missing' in found) && valueTypeOf(found.property) !== null
}

function code(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}
