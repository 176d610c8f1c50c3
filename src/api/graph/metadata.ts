import { CordonError } from '../../model/errors.ts'
import type { ApiVersion } from '../odata/resource.ts'
import type { OpenHandler } from '../route.ts'
import { metadataXml } from './metadata.generated.ts'

/** GET /$metadata: the EDMX document. @source design contract 20 */
export function getMetadata(version: ApiVersion): OpenHandler {
  return async () => ({ status: 200, body: metadataXml[version], contentType: 'application/xml;charset=utf-8' })
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
