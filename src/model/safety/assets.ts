import type { Target } from '../execution.ts'
import type { AssetGroup, AssetMatch, SafetyPolicy } from './policy.ts'

/** A target as rules look at it. */
export interface Asset {
  readonly id: string
  readonly names: readonly string[]
  readonly tags: readonly string[]
}

/** A target with every name it goes by and every tag the policy or its own system gives it. */
export function describeAsset(policy: SafetyPolicy, target: Target): Asset {
  const names = [...new Set([target.displayName, target.identifier, ...(target.aliases ?? [])])]
  const plain: Asset = { id: target.key, names, tags: target.tags ?? [] }
  const given = policy.tags.filter((rule) => findMatch({ ...rule, tags: [] }, plain) !== null).map((rule) => rule.tag)
  return { ...plain, tags: [...new Set([...plain.tags, ...given])] }
}

/**
 * Finds what of a rule fits a thing.
 * @returns in words, e.g. `name dc-*`; null when nothing fits
 */
export function findMatch(match: AssetMatch, asset: Asset): string | null {
  const id = match.ids.find((candidate) => candidate.toLowerCase() === asset.id.toLowerCase())
  if (id !== undefined) return `id ${id}`
  const pattern = match.names.find((candidate) => asset.names.some((name) => fitsPattern(candidate, name)))
  if (pattern !== undefined) return `name ${pattern}`
  const tag = match.tags.find((candidate) => asset.tags.some((held) => held.toLowerCase() === candidate.toLowerCase()))
  return tag === undefined ? null : `tag ${tag}`
}

/** The groups a thing belongs to. */
export function listGroups(policy: SafetyPolicy, asset: Asset): readonly AssetGroup[] {
  return policy.assetGroups.filter((group) => findMatch(group, asset) !== null)
}

/** True when the rule speaks of all things, or of a group the thing belongs to. */
export function isInGroup(policy: SafetyPolicy, asset: Asset, group: string | null): boolean {
  return group === null || listGroups(policy, asset).some((candidate) => candidate.name === group)
}

/**
 * Whether a name fits a pattern, whatever their case: `*` stands for any text, `?` for one character. Takes time in proportion to both
 * lengths at most, whatever somebody writes into a pattern.
 */
export function fitsPattern(pattern: string, name: string): boolean {
  const want = pattern.toLowerCase()
  const text = name.toLowerCase()
  let at = 0
  let star = -1
  let resume = 0
  for (let position = 0; position < text.length; ) {
    if (at < want.length && want[at] === '*') {
      star = at++
      resume = position
    } else if (at < want.length && (want[at] === '?' || want[at] === text[position])) {
      at++
      position++
    } else if (star >= 0) {
      at = star + 1
      position = ++resume
    } else return false
  }
  while (want[at] === '*') at++
  return at === want.length
}
