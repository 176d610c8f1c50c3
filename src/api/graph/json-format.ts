import { isDictionary, propertiesOf } from '../../model/edm.ts'
import { edm, type TypeName } from '../../model/generated.ts'
import { defaultFormat, type JsonFormat, readRequestFormat } from '../odata/format.ts'
import type { JsonObject } from '../odata/shape.ts'
import type { Answer, Route } from '../route.ts'

/** Names of the properties that `IEEE754Compatible=true` turns into strings, and of those that hold whatever their sender put there. */
const types = Object.keys(edm) as TypeName[]
const declared = types.flatMap((type) => propertiesOf(type))
const int64 = new Set(declared.filter((property) => property.type === 'Edm.Int64').map(({ name }) => name))
const opaque = new Set(
  declared.filter((property) => property.kind === 'complex' && isDictionary(property.type)).map(({ name }) => name),
)

/** Annotations that stay without metadata: what a client needs to go on. @source OData JSON Format 4.0, 4.5 */
const kept = /@odata\.(nextLink|deltaLink|count)$/

/**
 * A route whose JSON comes in the format the request asks for, by `$format` or else by `Accept`. What `full` adds to entities is written with
 * them; here metadata is taken away and numbers become strings.
 * @source design contract 17
 */
export function negotiateFormat(route: Route): Route {
  // The documents behind no token have forms of their own.
  if (route.access.kind !== 'permissions') return route
  return {
    ...route,
    handle: async (call) => {
      const format = readRequestFormat(call)
      const answer = await route.handle(call)
      return format === defaultFormat ? answer : writeFormat(answer, format)
    },
  }
}

function writeFormat(answer: Answer, format: JsonFormat): Answer {
  if (answer.body === undefined || answer.contentType !== undefined) return answer
  const { metadata, ieee754Compatible } = format
  const contentType = `application/json;odata.metadata=${metadata};odata.streaming=true;IEEE754Compatible=${ieee754Compatible};charset=utf-8`
  if (metadata !== 'none' && !ieee754Compatible) return { ...answer, contentType }
  const value: unknown = JSON.parse(answer.body.toString())
  return { ...answer, contentType, body: JSON.stringify(convert(value, format)) }
}

function convert(value: unknown, format: JsonFormat): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => convert(item, format))
  return typeof value === 'object' && value !== null ? convertObject(value as JsonObject, format) : value
}

function convertObject(object: JsonObject, format: JsonFormat): JsonObject {
  const result: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(object)) {
    if (format.metadata === 'none' && name.includes('@odata.') && !kept.test(name)) continue
    const isInt64 = int64.has(name) || name.endsWith('@odata.count')
    if (format.ieee754Compatible && isInt64 && typeof value === 'number') result[name] = String(value)
    else result[name] = opaque.has(name) ? value : convert(value, format)
  }
  return result
}
