import { make, makeLazy, makeTable } from './dom.js'

/** The last part of a reference: a schema's name. */
function nameOf(reference) {
  return reference.split('/').pop()
}

/** What a reference leads to, or the thing itself. */
export function follow(document, thing) {
  let at = thing
  while (at?.$ref !== undefined) {
    at = at.$ref
      .slice(2)
      .split('/')
      .reduce((inside, name) => inside?.[name.replaceAll('~1', '/').replaceAll('~0', '~')], document)
  }
  return at
}

/** A schema in a few words, such as `array of microsoft.graph.security.alert`. */
export function describeType(schema) {
  if (schema === true || schema === undefined) return 'anything'
  if (schema.$ref !== undefined) return nameOf(schema.$ref)
  const several = schema.anyOf ?? schema.oneOf
  if (several !== undefined) return several.map(describeType).join(' or ')
  if (schema.allOf !== undefined) return schema.allOf.map(describeType).join(' and ')
  if (schema.readOnly === true && schema.type === undefined) return 'ignored'
  const types = [schema.type ?? 'anything'].flat()
  return types.map((type) => (type === 'array' ? `array of ${describeType(schema.items)}` : type)).join(' or ')
}

const limits = ['format', 'pattern', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minimum', 'maximum', 'default']

function describeLimits(schema) {
  const parts = limits.filter((name) => schema[name] !== undefined).map((name) => `${name} ${schema[name]}`)
  if (schema.enum !== undefined) parts.push(`one of ${schema.enum.join(', ')}`)
  if (schema.description !== undefined) parts.push(schema.description)
  return parts.join('; ')
}

/** The parts of a schema that are worth opening: references anywhere in it, and objects with members of their own. */
function listParts(schema) {
  if (typeof schema !== 'object' || schema === null) return []
  if (schema.$ref !== undefined || schema.properties !== undefined) return [schema]
  const inside = [schema.items, ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]
  return inside.flatMap(listParts)
}

/** A schema, whole: its members as a table, and what they are made of to open below. */
export function showSchema(document, schema) {
  const whole = follow(document, schema)
  if (whole?.properties === undefined) {
    const parts = showParts(document, whole)
    const words = parts.length > 2 ? 'One of these:' : make('code', {}, describeType(whole))
    return [make('p', {}, words, ' ', describeLimits(whole ?? {})), ...parts]
  }
  const required = new Set(whole.required)
  const rows = Object.entries(whole.properties).map(([name, member]) => [
    make('code', { class: required.has(name) ? 'required' : undefined }, name),
    make('code', {}, describeType(member)),
    describeLimits(member),
  ])
  const nodes = rows.length === 0 ? [make('p', {}, 'An empty object.')] : [makeTable(['member', 'type', ''], rows)]
  if (whole.additionalProperties !== false) nodes.push(make('p', { class: 'muted' }, 'Further members may come.'))
  return [...nodes, ...Object.entries(whole.properties).flatMap(([name, member]) => showParts(document, member, name))]
}

function showParts(document, schema, name) {
  return listParts(schema)
    .filter((part) => follow(document, part)?.enum === undefined)
    .map((part) => {
      const title = [name, part.$ref === undefined ? '' : nameOf(part.$ref)].filter(Boolean).join(': ')
      return makeLazy({}, [make('code', {}, title || 'object')], () => showSchema(document, part))
    })
    .concat(showEnums(document, schema, name))
}

function showEnums(document, schema, name) {
  return listParts(schema)
    .map((part) => [part, follow(document, part)?.enum])
    .filter(([, members]) => members !== undefined)
    .map(([part, members]) =>
      make('p', { class: 'muted' }, make('code', {}, name ?? nameOf(part.$ref ?? '')), `: ${members.join(', ')}`),
    )
}
