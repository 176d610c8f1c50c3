import { writeXml, type XmlElement } from './xml.ts'

/** API versions the document is served for. */
export type ApiVersion = 'v1.0' | 'beta'

const ownVocabulary = 'Cordon'

/**
 * The public $metadata of one version: the contract without Cordon's own vocabulary and, for v1.0, without what is beta only.
 * @returns EDMX 4.0 text with an XML declaration
 */
export function writeMetadata(root: XmlElement, version: ApiVersion): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n${writeXml(keepPublic(root, version))}`
}

/** The document without Cordon's own vocabulary and, for v1.0, without what is beta only. */
export function keepPublic(element: XmlElement, version: ApiVersion): XmlElement {
  const children = element.children
    .filter((child) => isPublic(child, version))
    .map((child) => keepPublic(child, version))
  return { ...element, children }
}

function isPublic(element: XmlElement, version: ApiVersion): boolean {
  if (element.name === 'Annotation') return !element.attributes.get('Term')?.startsWith(`${ownVocabulary}.`)
  if (element.name === 'Schema' && element.attributes.get('Namespace') === ownVocabulary) return false
  return version === 'beta' || !isBetaOnly(element)
}

function isBetaOnly(element: XmlElement): boolean {
  return element.children.some((child) => child.attributes.get('Term') === `${ownVocabulary}.BetaOnly`)
}
