import type { ResourceDescription } from '../../../src/api/odata/resource.ts'
import { alerts, incidents, tasks } from '../given.ts'

// Which rules there are to test, and what each of their tests is about, is taken from the OData TC's "OData ABNF Test Cases Version 4.01"
// (OASIS, oasis-tcs/odata-abnf, abnf/odata-abnf-testcases.yaml) with the section numbers of "OData Version 4.01 Part 2: URL Conventions".
// The inputs are our own, on our own names. What the standard allows and Cordon does not offer (arithmetic, $search, type casts, references
// and so on; design contract 3.2 and 15) must be refused, and say where.

/** Accepted; or refused at that position of the option's value (0-based); or refused with a message that names no position. */
export type Outcome = 'read' | number | RegExp

/** One input of one rule. */
export interface AbnfCase {
  /** Name of the ABNF rule and, where it has one, the section of the URL conventions. */
  readonly rule: string
  readonly input: string
  readonly outcome: Outcome
  readonly resource: ResourceDescription
}

/** Inputs of one rule on one collection. */
export type Group = readonly [
  rule: string,
  resource: 'incidents' | 'alerts' | 'tasks',
  inputs: readonly (readonly [input: string, outcome: Outcome])[],
]

const resources = { incidents, alerts, tasks } as const

/** The groups as single cases. */
export function listCases(groups: readonly Group[]): AbnfCase[] {
  return groups.flatMap(([rule, resource, inputs]) =>
    inputs.map(([input, outcome]) => ({ rule, input, outcome, resource: resources[resource] })),
  )
}

/** Where the collection of a case is found. */
export function pathOf({ resource }: AbnfCase): string {
  switch (resource.entityType) {
    case 'incident':
      return '/v1.0/security/incidents'
    case 'alert':
      return '/v1.0/security/alerts_v2'
    default:
      return '/beta/security/incidentTasks'
  }
}
