import { concreteTypesOf } from '../../../model/edm.ts'
import type { TypeName } from '../../../model/generated.ts'
import type { BoundFilter } from '../../../model/query.ts'
import { type Clause, clauseError, quoteName } from '../parse/clause.ts'
import type { FilterSyntax, LambdaSyntax } from '../parse/syntax.ts'
import { type ApiVersion, resolvePath } from '../resource.ts'

/**
 * Identifiers of evidence that can be looked for.
 * @source design contract 15
 */
export const searchableIdentifiers: readonly string[] = [
  'mdeDeviceId',
  'azureAdDeviceId',
  'hostName',
  'userAccount/userPrincipalName',
  'fileDetails/sha256',
  'fileDetails/sha1',
  'ipAddress',
  'url',
  'networkMessageId',
]

const namespace = 'microsoft.graph.security.'

const evidenceTypes: ReadonlyMap<string, TypeName> = new Map(
  concreteTypesOf('alertEvidence').map((type) => [type, type]),
)

/**
 * Reads `evidence/any(e:e/microsoft.graph.security.deviceEvidence/mdeDeviceId eq '...')`: one type, one equation on such an identifier.
 * @throws CordonError BadRequest naming the part that is something else
 */
export function bindEvidence(clause: Clause, version: ApiVersion, lambda: LambdaSyntax): BoundFilter {
  const { body, quantifier, variable, at } = lambda
  if (quantifier !== 'any' || body === null) {
    throw clauseError(clause, 'Evidence can be looked for only with any and one condition', at)
  }
  if (body.kind !== 'compare' || body.operator !== 'eq') {
    throw clauseError(clause, 'Evidence can be looked for only by one eq on one identifier', body.at)
  }
  const { right } = body
  const { evidenceType, property } = splitPath(clause, variable, body.left)
  const found = resolvePath(evidenceType, property, version)
  if ('missing' in found || !searchableIdentifiers.includes(property)) {
    const message = `${quoteName(property)} of ${quoteName(evidenceType)} is no identifier to look for`
    throw clauseError(clause, `${message}; these are: ${searchableIdentifiers.join(', ')}`, body.left.at)
  }
  if (right.kind !== 'literal' || right.type !== 'string') {
    throw clauseError(clause, `${quoteName(property)} is compared with a string in single quotes`, right.at)
  }
  return { kind: 'evidence', evidenceType, property, value: right.text }
}

function splitPath(
  clause: Clause,
  variable: string,
  left: FilterSyntax,
): { readonly evidenceType: TypeName; readonly property: string } {
  const expected = `A path like ${variable}/${namespace}deviceEvidence/mdeDeviceId is expected`
  if (left.kind !== 'path') throw clauseError(clause, expected, left.at)
  const [head, cast = '', ...rest] = left.path.split('/')
  if (head !== variable || !cast.startsWith(namespace) || rest.length === 0) {
    throw clauseError(clause, expected, left.at)
  }
  const evidenceType = evidenceTypes.get(cast.slice(namespace.length))
  if (evidenceType === undefined) throw clauseError(clause, `${quoteName(cast)} is not a type of evidence`, left.at)
  return { evidenceType, property: rest.join('/') }
}
