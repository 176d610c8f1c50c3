import { type Refusal, refuse } from '../../model/errors.ts'

/** Which incidents of a person's merge go where; ids are decimal numbers as text. */
export interface MergePlan {
  readonly target: string
  /** Those that become redirected, each once; empty when all share one target already. */
  readonly sources: readonly string[]
}

/**
 * Decides what a person's merge does: the first incident named survives, and one that was merged earlier stands for its survivor.
 * @param ids as named in the request
 * @param survivorOf for each incident the tenant has: itself, or what it was merged into
 * @source design contract 6
 */
export function planMerge(ids: readonly string[], survivorOf: ReadonlyMap<string, string>): MergePlan | Refusal {
  if (ids.length < 2) return refuse('BadRequest', "Property 'incidentIds' must name at least two incidents.")
  if (hasRepeats(ids)) return refuse('BadRequest', "Property 'incidentIds' names an incident twice.")
  const survivors: string[] = []
  for (const id of ids) {
    const survivor = survivorOf.get(id)
    if (survivor === undefined) return refuse('NotFound', `Incident ${id.slice(0, 100)} not found.`)
    survivors.push(survivor)
  }
  const [target = ''] = survivors
  return { target, sources: [...new Set(survivors)].filter((id) => id !== target) }
}

/** Which alerts a person's move takes out of which incident. */
export type MovePlan = ReadonlyMap<string, readonly string[]>

/**
 * Decides what a person's move does.
 * @param ids alerts as named in the request
 * @param incidentOf for each alert the tenant has: where it stands now
 * @param target survivor of the incident named; null for a new one
 * @returns alerts by the incident they leave; empty when all stand in the target already
 * @source design contract 6
 */
export function planMove(
  ids: readonly string[],
  incidentOf: ReadonlyMap<string, string>,
  target: string | null,
): MovePlan | Refusal {
  if (ids.length === 0) return refuse('BadRequest', "Property 'alertIds' must name at least one alert.")
  if (hasRepeats(ids)) return refuse('BadRequest', "Property 'alertIds' names an alert twice.")
  const leaving = new Map<string, string[]>()
  for (const id of ids) {
    const from = incidentOf.get(id)
    if (from === undefined) return refuse('NotFound', `Alert ${id.slice(0, 100)} not found.`)
    if (from === target) continue
    const alerts = leaving.get(from)
    if (alerts === undefined) leaving.set(from, [id])
    else alerts.push(id)
  }
  return leaving
}

function hasRepeats(ids: readonly string[]): boolean {
  return new Set(ids).size < ids.length
}
