import { readRestriction, writeRestriction } from '../../guard/record.ts'
import type { ActionDeps } from '../action.ts'

/** Programs that start under a restriction, beside those of packages, and who allows them. */
export interface AllowedPrograms {
  readonly byOwner: readonly string[]
  readonly byPolicy: readonly string[]
  /** Both, each entry once. */
  readonly all: readonly string[]
}

/** What `agent.conf` and the signed policy of the tenant allow at this moment. */
export function listAllowed({ config, policy }: Pick<ActionDeps, 'config' | 'policy'>): AllowedPrograms {
  const byOwner = config.execute
  const byPolicy = policy()?.programs ?? []
  return { byOwner, byPolicy, all: [...new Set([...byOwner, ...byPolicy])] }
}

/** How many entries come from whom, in words. */
export function describeAllowed({ byOwner, byPolicy }: AllowedPrograms): string {
  return `${byOwner.length} by agent.conf, ${byPolicy.length} by the policy`
}

/** Gives a restriction in force the present list, which the guard takes over within a second. @returns whether it changed */
export function renewAllowed(deps: Pick<ActionDeps, 'state' | 'config' | 'policy'>): boolean {
  const record = readRestriction(deps.state)
  const { all } = listAllowed(deps)
  if (record === undefined || record.allow.join('\n') === all.join('\n')) return false
  writeRestriction(deps.state, { ...record, allow: all })
  return true
}
