import { CordonError } from '../../model/errors.ts'
import { findFormatOption } from '../odata/format.ts'
import type { ApiVersion } from '../odata/resource.ts'
import type { Call, OpenHandler } from '../route.ts'
import { metadataJson, metadataXml } from './metadata.generated.ts'

/** GET /$metadata: the EDMX document, or CSDL JSON for who asks for it. @source design contract 20 */
export function getMetadata(version: ApiVersion): OpenHandler {
  return async (call) =>
    asksForJson(call)
      ? { status: 200, body: metadataJson[version], contentType: 'application/json;charset=utf-8' }
      : { status: 200, body: metadataXml[version], contentType: 'application/xml;charset=utf-8' }
}

/** `$format` before Accept; of Accept's ranges the one with the highest weight, and of equals the first. */
function asksForJson(call: Call): boolean {
  const format = findFormatOption(call.rawQuery)?.split(';', 1)[0]?.trim().toLowerCase()
  if (format === 'json' || format === 'application/json') return true
  if (format === 'xml' || format === 'application/xml') return false
  if (format !== undefined) {
    throw new CordonError('NotAcceptable', 'The metadata comes as application/xml or application/json.', {
      target: '$format',
    })
  }
  const { accept } = call.headers
  let best = { isJson: false, weight: 0 }
  for (const range of (typeof accept === 'string' ? accept : '').toLowerCase().split(',')) {
    const type = range.split(';', 1)[0]?.trim() ?? ''
    const isJson = type === 'application/json'
    if (!isJson && !['application/xml', 'text/xml', 'application/*', 'text/*', '*/*'].includes(type)) continue
    const weight = Number(/;\s*q=([\d.]+)/.exec(range)?.[1] ?? 1)
    if (weight > best.weight) best = { isJson, weight }
  }
  return best.isJson
}

/** GET /: the OData service document. */
export function getServiceDocument(version: ApiVersion): OpenHandler {
  return async (call) => {
    const context = `${call.origin}/${version}/$metadata`
    const value = [{ name: 'security', kind: 'Singleton', url: 'security' }]
    return { status: 200, body: JSON.stringify({ '@odata.context': context, value }) }
  }
}

/** POST /security/runHuntingQuery: clients probe for it and need a Graph error, not a missing page. */
export function runHuntingQuery(): OpenHandler {
  return async () => {
    throw new CordonError('NotImplemented', 'Cordon runs no hunting queries.')
  }
}
