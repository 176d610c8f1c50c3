import type { XmlElement } from './xml.ts'

/** Says where the document is not the CSDL this generator knows. */
export class CsdlError extends Error {
  constructor(at: XmlElement, problem: string) {
    super(`line ${at.line}, ${at.name} ${at.attributes.get('Name') ?? ''}: ${problem}`)
    this.name = 'CsdlError'
  }
}

/** A term of Cordon's vocabulary: which attribute holds its value (none for a tag) and what it may stand on. */
export interface Term {
  readonly attribute: 'String' | 'Int' | null
  readonly appliesTo: readonly string[]
}

/** The annotations of an element by term; true for a tag. */
export type Annotations = ReadonlyMap<string, string | number | true>

/** Prefix of the terms of OData's core vocabulary, which Cordon only passes on. */
export const coreVocabulary = 'Org.OData.Core.V1.'

const termAttributes: Readonly<Record<string, Term['attribute']>> = {
  'Edm.String': 'String',
  'Edm.Int32': 'Int',
  [`${coreVocabulary}Tag`]: null,
}

/** Refuses an element of another name or with an attribute that is not one of `attributes`. */
export function expectElement(element: XmlElement, name: string, attributes: readonly string[]): void {
  if (element.name !== name) throw new CsdlError(element, `expected ${name}`)
  for (const attribute of element.attributes.keys()) {
    if (!attributes.includes(attribute)) throw new CsdlError(element, `unknown attribute ${attribute}`)
  }
}

/** The value of an attribute that must be there. */
export function need(element: XmlElement, attribute: string): string {
  const value = element.attributes.get(attribute)
  if (value === undefined || value === '') throw new CsdlError(element, `needs ${attribute}`)
  return value
}

/** The value of an attribute that is true or false. */
export function readFlag(element: XmlElement, attribute: string, otherwise: boolean): boolean {
  const value = element.attributes.get(attribute) ?? String(otherwise)
  if (value !== 'true' && value !== 'false') throw new CsdlError(element, `${attribute} is true or false`)
  return value === 'true'
}

/** The value of an attribute that is an integer. */
export function readInteger(element: XmlElement, attribute: string): number {
  const text = need(element, attribute)
  if (!/^-?\d{1,15}$/.test(text)) throw new CsdlError(element, `${attribute} is an integer`)
  return Number(text)
}

/** The children that are not annotations; each must be one of `known`. */
export function readChildren(element: XmlElement, known: readonly string[]): readonly XmlElement[] {
  const children = element.children.filter((child) => child.name !== 'Annotation')
  for (const child of children) {
    if (!known.includes(child.name)) throw new CsdlError(child, `not allowed in ${element.name}`)
  }
  return children
}

/** Reads the declaration of one of Cordon's terms. */
export function readTerm(element: XmlElement): Term {
  expectElement(element, 'Term', ['Name', 'Type', 'AppliesTo'])
  const attribute = termAttributes[need(element, 'Type')]
  if (attribute === undefined) throw new CsdlError(element, 'a term is a string, an integer or a tag')
  return { attribute, appliesTo: need(element, 'AppliesTo').split(' ') }
}

/** Cordon's annotations of an element with their values; those of the core vocabulary only by name. */
export function readAnnotations(element: XmlElement, terms: ReadonlyMap<string, Term>): Annotations {
  const found = new Map<string, string | number | true>()
  for (const child of element.children) {
    if (child.name !== 'Annotation') continue
    const name = need(child, 'Term')
    if (found.has(name)) throw new CsdlError(child, `${name} twice`)
    found.set(name, name.startsWith(coreVocabulary) ? true : readAnnotation(element, child, terms.get(name)))
  }
  return found
}

function readAnnotation(on: XmlElement, annotation: XmlElement, term: Term | undefined): string | number | true {
  const name = need(annotation, 'Term')
  if (term === undefined) throw new CsdlError(annotation, `unknown term ${name}`)
  if (!term.appliesTo.includes(on.name)) throw new CsdlError(annotation, `${name} does not apply to ${on.name}`)
  expectElement(annotation, 'Annotation', term.attribute === null ? ['Term'] : ['Term', term.attribute])
  if (term.attribute === null) return true
  return term.attribute === 'Int' ? readInteger(annotation, 'Int') : need(annotation, 'String')
}
