import type { EntityRef } from '../normalised.ts'
import type { CorrelationRules } from './rules.ts'
import { entityKey, type Partners } from './state.ts'

/** Others one alert adds to an entity at most, so that an alert with a hundred items costs no more than a few thousand steps. */
const maxPartnersPerAlert = 40

/** An entity's partners while a batch is worked on. */
export type WorkingPartners = Map<number, number>

/** Unpacks stored partners. */
export function openPartners(stored: Partners): WorkingPartners {
  return new Map(stored)
}

/** Packs partners to store: the newest, one more than makes a hub. */
export function packPartners(partners: WorkingPartners, rules: CorrelationRules): Partners {
  const newest = [...partners].sort((a, b) => a[1] - b[1] || a[0] - b[0])
  return newest.slice(-(rules.hubPartners + 1))
}

/**
 * Notes that the things of one alert were seen together in `hour`. Names of the same thing are no partners; a thing counts once, under
 * its first name.
 */
export function notePartners(
  entities: readonly EntityRef[],
  hour: number,
  partnersOf: (entity: EntityRef) => WorkingPartners,
  rules: CorrelationRules,
): void {
  const things = firstNames(entities)
  if (things.length < 2) return
  for (const entity of entities) {
    const partners = partnersOf(entity)
    for (const { thing, hash } of things) {
      if (thing === entity.thing) continue
      const known = partners.get(hash)
      if (known === undefined || known < hour) partners.set(hash, hour)
    }
    // Twice what decides is kept while working; storing keeps less.
    if (partners.size > 2 * (rules.hubPartners + maxPartnersPerAlert)) dropOldest(partners, rules.hubPartners + 1)
  }
}

/** True when more than {@link CorrelationRules.hubPartners} others were seen with the entity within the hub window around `hour`. */
export function isHub(partners: WorkingPartners, hour: number, rules: CorrelationRules): boolean {
  if (partners.size <= rules.hubPartners) return false
  let near = 0
  for (const seen of partners.values()) if (Math.abs(seen - hour) <= rules.hubWindowHours) near++
  return near > rules.hubPartners
}

function firstNames(entities: readonly EntityRef[]): { thing: number; hash: number }[] {
  const things: { thing: number; hash: number }[] = []
  const seen = new Set<number>()
  for (const entity of entities) {
    if (!entity.links || seen.has(entity.thing)) continue
    seen.add(entity.thing)
    things.push({ thing: entity.thing, hash: hashOf(entityKey(entity)) })
    if (things.length >= maxPartnersPerAlert) break
  }
  return things
}

function dropOldest(partners: WorkingPartners, keep: number): void {
  const oldest = [...partners].sort((a, b) => a[1] - b[1] || a[0] - b[0])
  for (const [hash] of oldest.slice(0, Math.max(0, oldest.length - keep))) partners.delete(hash)
}

/** FNV-1a, 32 bits: two names that collide only count as one partner. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
