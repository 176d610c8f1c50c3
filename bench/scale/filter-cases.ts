/** A question the portal asks of a list: a first page, a count or the values of a facet. */
export interface FilterCase {
  readonly name: string
  readonly path: string
  /** The same question without the part that is tried, in the same run: what its time is compared with. */
  readonly plain: string
  /** 95 of 100 answers come within so many milliseconds. @source design portal 11 */
  readonly mostMs: number
  /** It takes no option that it does not know; none of its answers is remembered. */
  readonly isStrict?: true
}

const lists = {
  incidents: { path: '/beta/security/incidents', text: 'displayName', top: 50 },
  alerts: { path: '/beta/security/alerts_v2', text: 'title', top: 100 },
  tasks: { path: '/beta/security/incidentTasks', text: 'displayName', top: 50 },
} as const
type List = keyof typeof lists

const pageMs = 150
const facetMs = 300

function withOptions(path: string, options: Readonly<Record<string, string | number>>): string {
  const stated = Object.entries(options).filter(([, value]) => value !== '')
  return `${path}?${stated.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`
}

function pageOf(list: List, filter: string, order = 'createdDateTime desc'): string {
  return withOptions(lists[list].path, { $filter: filter, $orderby: order, $top: lists[list].top })
}

function page(list: List, name: string, filter: string, order?: string): FilterCase {
  const plain = pageOf(list, '')
  return { name: `${list}, first page: ${name}`, path: pageOf(list, filter, order), plain, mostMs: pageMs }
}

function facet(list: List, property: string, name: string, filter: string): FilterCase {
  const path = `/api/v1/facets/${list}/${property}`
  const plain = withOptions(path, { n: '' })
  return {
    name: `${list}, values of ${property}: ${name}`,
    path: withOptions(path, { $filter: filter }),
    plain,
    mostMs: facetMs,
  }
}

function count(list: List, name: string, filter: string): FilterCase {
  const path = `${lists[list].path}/$count`
  return {
    name: `${list}, counted: ${name}`,
    path: withOptions(path, { $filter: filter }),
    plain: path,
    mostMs: facetMs,
  }
}

/** Part of a name, as the portal asks for it. */
function named(list: List, word: string): string {
  return `contains(tolower(${lists[list].text}),'${word}')`
}

/** Incidents with an alert of a source. */
function sourced(source: string): string {
  return `alerts/any(a:a/serviceSource eq '${source}')`
}

const analyst = "assignedTo eq 'analyst.3@contoso.example'"

const words: Readonly<Record<List, readonly (readonly [name: string, word: string])[]>> = {
  incidents: [
    ['a word all have', 'lateral'],
    ['a rare word', 'web-1234'],
    ['one in a hundred', 'web-49'],
    ['a word none has', 'zebra'],
    ['two letters all have', 'we'],
    ['two letters none has', 'zq'],
  ],
  alerts: [
    ['a word one in six has', 'powershell'],
    ['a rare word', 'web-1234'],
    ['one in six hundred', 'web-49'],
    ['a word none has', 'zebra'],
    ['two letters many have', 'we'],
    ['two letters none has', 'zq'],
  ],
  tasks: [
    ['a word all have', 'isolate'],
    ['a word none has', 'zebra'],
    ['two letters none has', 'zq'],
  ],
}

const pages: readonly FilterCase[] = [
  page('incidents', 'severity first', '', 'severity desc,createdDateTime desc'),
  page('incidents', 'severity first, active', "status eq 'active'", 'severity desc,createdDateTime desc'),
  page('incidents', 'last changed first, high', "severity eq 'high'", 'lastUpdateDateTime desc'),
  page('incidents', 'tag one in a hundred has', "customTags/any(t:t eq 'vip')"),
  page('incidents', 'tag none has', "customTags/any(t:t eq 'none')"),
  page('incidents', 'owner, high, resolved', `${analyst} and severity eq 'high' and status eq 'resolved'`),
  page('incidents', 'source nearly all have', sourced('microsoftDefenderForEndpoint')),
  page('incidents', 'source one in six has', sourced('dataLossPrevention')),
  page('incidents', 'source none has', sourced('microsoft365Defender')),
  page('incidents', 'source none has, resolved', `${sourced('microsoft365Defender')} and status eq 'resolved'`),
  page('incidents', 'source, severity first', sourced('dataLossPrevention'), 'severity desc,createdDateTime desc'),
  page(
    'incidents',
    'source, a word all have',
    `${sourced('microsoft365Defender')} and ${named('incidents', 'lateral')}`,
  ),
  page('incidents', 'classification, true positive', "classification eq 'truePositive'"),
  page('incidents', 'rare word, active', `${named('incidents', 'web-1234')} and status eq 'active'`),
  page('incidents', 'rare word, severity first', named('incidents', 'web-1234'), 'severity desc,createdDateTime desc'),
  page('alerts', 'source one in fifty has', "serviceSource eq 'dataLossPrevention'"),
  page('alerts', 'owner, high, new', `${analyst} and severity eq 'high' and status eq 'new'`),
  page(
    'alerts',
    'frequent word, rare source, new',
    `${named('alerts', 'powershell')} and serviceSource eq 'dataLossPrevention' and status eq 'new' and severity eq 'high'`,
  ),
  page(
    'alerts',
    'frequent word, source none has',
    `${named('alerts', 'powershell')} and serviceSource eq 'microsoft365Defender'`,
  ),
  page('tasks', 'failed', "actionStatus eq 'failed'"),
]

const everyWord = (Object.keys(lists) as List[]).flatMap((list) =>
  words[list].map(([name, word]) => [list, name, named(list, word)] as const),
)

const facets: readonly FilterCase[] = [
  ...['status', 'severity', 'assignedTo', 'customTags', 'classification', 'source'].flatMap((property) => [
    facet('incidents', property, 'all', ''),
    facet('incidents', property, 'a source', sourced('dataLossPrevention')),
    facet('incidents', property, 'active', "status eq 'active'"),
    facet('incidents', property, 'an owner', analyst),
    facet('incidents', property, 'a tag', "customTags/any(t:t eq 'vip')"),
    facet('incidents', property, 'a word all have', named('incidents', 'lateral')),
    facet('incidents', property, 'a rare word', named('incidents', 'web-1234')),
  ]),
  ...['status', 'severity', 'assignedTo', 'serviceSource', 'classification'].flatMap((property) => [
    facet('alerts', property, 'all', ''),
    facet('alerts', property, 'new', "status eq 'new'"),
    facet('alerts', property, 'an owner', analyst),
    facet('alerts', property, 'a word one in six has', named('alerts', 'powershell')),
    facet('alerts', property, 'a rare word', named('alerts', 'web-1234')),
    facet('alerts', property, 'two letters none has', named('alerts', 'zq')),
  ]),
  ...['actionStatus', 'actionType', 'source'].map((property) =>
    facet('tasks', property, 'a word all have', named('tasks', 'isolate')),
  ),
]

function ofAssets(name: string, path: string, mostMs = facetMs): FilterCase {
  return { name: `assets: ${name}`, path, plain: '/api/v1/assets/contained', mostMs, isStrict: true }
}

/** The newest incidents that a queue shows at once. */
const onePage = Array.from({ length: 50 }, (_, at) => 100_000 - at).join()

const assets: readonly FilterCase[] = [
  ofAssets('devices by name', '/api/v1/assets/devices'),
  ofAssets('devices, 200 names', '/api/v1/assets/devices?$top=200'),
  ofAssets('devices, a beginning', '/api/v1/assets/devices?beginning=web-12'),
  ofAssets('one device of 200 alerts', '/api/v1/assets/devices/web-1234'),
  ofAssets('of an incident', '/api/v1/incidents/99990/assets'),
  ofAssets('counted for a page of incidents', `/api/v1/assets/counts?incidents=${onePage}`, pageMs),
]

/** Everything the portal's filters ask, at the sizes of the design. */
export const filterCases: readonly FilterCase[] = [
  ...pages,
  ...everyWord.map(([list, name, filter]) => page(list, name, filter)),
  ...everyWord.map(([list, name, filter]) => count(list, name, filter)),
  count('incidents', 'source one in six has', sourced('dataLossPrevention')),
  ...facets,
  ...assets,
]
