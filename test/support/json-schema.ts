type Members = Readonly<Record<string, unknown>>

/**
 * Checks a value against a JSON schema, as far as our own OpenAPI document goes: `$ref`, `oneOf` by `@odata.type`, `anyOf`, types, enums,
 * lengths, objects and arrays.
 * @param document what `$ref` points into
 * @returns what is wrong and where; empty when the value fits
 * @throws Error for a keyword it does not know, so that nothing goes unchecked
 */
export function checkSchema(document: unknown, schema: unknown, value: unknown, path = ''): string[] {
  if (schema === true) return []
  if (!isObject(schema)) return [`${path}: no schema`]
  for (const keyword of Object.keys(schema)) if (!keywords.has(keyword)) throw new Error(`unknown keyword ${keyword}`)
  const { $ref, oneOf, anyOf, enum: members } = schema
  if (typeof $ref === 'string') return checkSchema(document, resolveReference(document, $ref), value, path)
  if (Array.isArray(oneOf)) return checkOneOf(document, schema, value, path)
  if (Array.isArray(anyOf)) {
    const tries = anyOf.map((one) => checkSchema(document, one, value, path))
    return tries.some((found) => found.length === 0) ? [] : (tries[0] ?? [`${path}: fits nothing`])
  }
  const types = [schema.type ?? []].flat()
  if (
    types.length > 0 &&
    !types.includes(typeOf(value)) &&
    !(types.includes('number') && typeOf(value) === 'integer')
  ) {
    return [`${path}: ${typeOf(value)} is not ${types.join(' or ')}`]
  }
  if (Array.isArray(members) && !members.includes(value)) return [`${path}: ${String(value)} is no member`]
  if (typeof value === 'string') return checkString(schema, value, path)
  if (Array.isArray(value))
    return value.flatMap((item, at) => checkSchema(document, schema.items ?? true, item, `${path}[${at}]`))
  return isObject(value) ? checkObject(document, schema, value, path) : []
}

const keywords = new Set([
  ...[
    'readOnly',
    '$ref',
    'oneOf',
    'anyOf',
    'discriminator',
    'type',
    'enum',
    'format',
    'description',
    'minLength',
    'maxLength',
  ],
  ...[
    'items',
    'minItems',
    'maxItems',
    'minimum',
    'maximum',
    'pattern',
    'default',
    'properties',
    'required',
    'patternProperties',
    'additionalProperties',
  ],
])

/** What a reference inside the document points to. */
export function resolveReference(document: unknown, reference: string): unknown {
  let at: unknown = document
  for (const name of reference.replace(/^#\//, '').split('/')) at = isObject(at) ? at[name] : undefined
  return at
}

function checkOneOf(document: unknown, schema: Members, value: unknown, path: string): string[] {
  const mapping = isObject(schema.discriminator) ? schema.discriminator.mapping : undefined
  const name = isObject(value) ? value['@odata.type'] : undefined
  const reference = isObject(mapping) && typeof name === 'string' ? mapping[name] : undefined
  if (typeof reference !== 'string') return [`${path}: @odata.type ${String(name)} names no schema`]
  return checkSchema(document, resolveReference(document, reference), value, path)
}

function checkString(schema: Members, value: string, path: string): string[] {
  const { format, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema
  if (format === 'date-time' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/.test(value)) return [`${path}: no instant`]
  return value.length < Number(minLength) || value.length > Number(maxLength) ? [`${path}: length`] : []
}

function checkObject(document: unknown, schema: Members, value: Members, path: string): string[] {
  const { properties = {}, required = [], patternProperties = {}, additionalProperties = true } = schema
  const missing = Array.isArray(required) ? required.filter((name) => !(name in value)) : []
  const patterns = Object.keys(patternProperties as object)
  const found = Object.entries(value).flatMap(([name, member]) => {
    const declared = isObject(properties) ? properties[name] : undefined
    if (declared !== undefined) return checkSchema(document, declared, member, `${path}/${name}`)
    if (patterns.some((pattern) => new RegExp(pattern).test(name)) || additionalProperties !== false) return []
    return [`${path}/${name}: not declared`]
  })
  return [...missing.map((name) => `${path}/${String(name)}: missing`), ...found]
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
