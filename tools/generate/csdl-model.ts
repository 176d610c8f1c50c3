/** Facts of a generated row by the row's property name. */
export type Facts = Readonly<Record<string, string | number | boolean>>

/** A property, navigation property or action parameter of the document, with Cordon's annotations as facts. */
export interface CsdlProperty {
  readonly name: string
  readonly kind: 'primitive' | 'enum' | 'complex' | 'navigation'
  /** `Edm.X`, or the local name of a type or enum; of the items when `collection`. */
  readonly type: string
  readonly collection: boolean
  readonly nullable: boolean
  /** What Cordon's annotations say beside these. */
  readonly facts: Facts
}

/** An entity or complex type of the document. */
export interface CsdlType {
  readonly name: string
  readonly qualifiedName: string
  readonly kind: 'entity' | 'complex'
  readonly base: string | null
  readonly abstract: boolean
  readonly open: boolean
  readonly betaOnly: boolean
  readonly ignoredInPatch: readonly string[]
  readonly properties: readonly CsdlProperty[]
}

/** An enum of the document. */
export interface CsdlEnum {
  readonly name: string
  readonly qualifiedName: string
  readonly underlyingType: string
  readonly isFlags: boolean
  readonly members: readonly { readonly name: string; readonly value: number; readonly aliases: readonly string[] }[]
}

/** A bound action of the document; the binding parameter is `boundTo`, not a parameter. */
export interface CsdlAction {
  readonly name: string
  readonly qualifiedName: string
  readonly boundTo: string
  readonly boundToCollection: boolean
  readonly betaOnly: boolean
  readonly parameters: readonly CsdlProperty[]
  readonly returns: string | null
}

/** The document without its XML. */
export interface Csdl {
  readonly types: readonly CsdlType[]
  readonly enums: readonly CsdlEnum[]
  readonly actions: readonly CsdlAction[]
}
