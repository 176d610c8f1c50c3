/** Collections whose members may be addressed as `name('key')`. */
const keyed = new Set(['incidents', 'alerts_v2', 'incidenttasks', 'alerts', 'subscriptions'])

/** Bound actions and functions by their lower-case short name; clients also send them behind their namespace. */
const operations = new Set(['executeresponseaction', 'mergeincidents', 'movealerts', 'runhuntingquery', 'delta'])

const namespace = 'microsoft.graph.security.'
const nowhere = '/no-such-operation'

/**
 * Brings the path part of a request target into the one form the route table knows: `incidents('29')` becomes `incidents/29`, a
 * namespace-qualified action its short name, `%24count` `$count`. The query is left as it is. Ids keep their spelling. A qualified name
 * that is no known action leads to a path that no route matches, so that it is never taken for an id.
 * @source design contract 1.3
 */
export function canonicalUrl(url: string): string {
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  if (!path.includes('(') && !path.includes('%') && !path.includes('microsoft.graph') && !/MICROSOFT/i.test(path))
    return url
  const segments: string[] = []
  for (const written of path.split('/')) {
    const segment = canonicalSegment(written)
    if (segment === null) return nowhere
    segments.push(segment)
  }
  return query < 0 ? segments.join('/') : segments.join('/') + url.slice(query)
}

function canonicalSegment(segment: string): string | null {
  const dollar = segment.replace(/^%24/i, '$')
  const lower = dollar.toLowerCase()
  if (lower.startsWith(namespace)) {
    const short = lower.slice(namespace.length).replace(/\(\)$/, '')
    return operations.has(short) ? short : null
  }
  const open = lower.indexOf('(')
  if (open < 0) return dollar
  if (lower === 'delta()') return 'delta'
  const name = lower.slice(0, open)
  const key = readKey(dollar.slice(open))
  return keyed.has(name) && key !== null ? `${name}/${key}` : dollar
}

/** The key between `('` and `')`; quotes may be percent-encoded, and a doubled quote stands for one. */
function readKey(text: string): string | null {
  const plain = text.replaceAll(/%27/gi, "'").replaceAll(/%28/g, '(').replaceAll(/%29/g, ')')
  if (!plain.startsWith("('") || !plain.endsWith("')") || plain.length < 5) return null
  const key = plain.slice(2, -2)
  if (key.replaceAll("''", '').includes("'")) return null
  return key.replaceAll("''", '%27')
}
