/** A JSON schema, as OpenAPI 3.1 takes it. */
export type Schema = { readonly [keyword: string]: unknown }

/** Schemas by media type. */
export type Content = { readonly [mediaType: string]: { readonly schema: Schema } }

/** What an operation says of itself, its bodies and its parameters. */
export interface Described {
  /** One line for people; without it the operation's name in words. */
  readonly summary?: string
  /** Absent: none. */
  readonly request?: Content
  /** The body of a success; absent: none. */
  readonly response?: Content
  /** Query parameters, as OpenAPI parameters. */
  readonly query?: readonly Schema[]
  /** Headers it looks at, as OpenAPI parameters. */
  readonly headers?: readonly Schema[]
  /** Schemas of path parameters that are not any text. */
  readonly path?: Readonly<Record<string, Schema>>
  /** The body of a refusal, where it is not the Graph error. */
  readonly refusal?: Schema
}

/** Operations by the name in `spec/behaviour.json`. */
export type DescribedOperations = Readonly<Record<string, Described>>

/** Any object. */
export const anyObject: Schema = { type: 'object', additionalProperties: true }

/** A reference to one of the document's schemas. */
export function refTo(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

/** JSON of that schema. */
export function json(schema: Schema): Content {
  return { 'application/json': { schema } }
}

/** Plain text. */
export function plainText(schema: Schema = { type: 'string' }): Content {
  return { 'text/plain': { schema } }
}

/**
 * An object of these members and no others.
 * @param optional members that may be missing
 */
export function record(members: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(members).filter((name) => !optional.includes(name))
  return {
    type: 'object',
    properties: members,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  }
}

/** {@link record} that may gain further members. */
export function openRecord(members: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  return { ...record(members, optional), additionalProperties: true }
}

/** A list. */
export function listOf(items: Schema, limits: { readonly minItems?: number; readonly maxItems?: number } = {}): Schema {
  return { type: 'array', items, ...limits }
}

/** That or null. */
export function nullable(schema: Schema): Schema {
  return typeof schema.type === 'string'
    ? { ...schema, type: [schema.type, 'null'] }
    : { anyOf: [schema, { type: 'null' }] }
}

/** A text, of one of these values where some are given. */
export function textOf(...values: readonly string[]): Schema {
  return values.length === 0 ? { type: 'string' } : { type: 'string', enum: values }
}

/** A point in time: UTC with seven fraction digits. */
export const instant: Schema = { type: 'string', format: 'date-time' }

export const guid: Schema = { type: 'string', format: 'uuid' }

/** A whole number from 0. */
export const count: Schema = { type: 'integer', minimum: 0 }

export const flag: Schema = { type: 'boolean' }

/** A query parameter. */
export function query(name: string, schema: Schema, description: string): Schema {
  return { name, in: 'query', required: false, schema, description }
}

/** A request header. */
export function header(name: string, description: string, schema: Schema = { type: 'string' }): Schema {
  return { name, in: 'header', required: false, schema, description }
}
