/** How far each list was scrolled, by entry of the browser's history, as long as the page lives. */
const offsets = new Map<string, number>()

/** The entry of the history that is shown now; empty where the router has not named it. */
function entryNow(): string {
  const state: unknown = history.state
  return typeof state === 'object' && state !== null && '__TSR_key' in state ? String(state.__TSR_key) : ''
}

/** Keeps how far the list of this entry is scrolled, in CSS pixels. */
export function keepOffset(pixels: number): void {
  const entry = entryNow()
  if (entry !== '') offsets.set(entry, pixels)
}

/** How far the list of this entry was scrolled when it was left; null for one that is new. */
export function readOffset(): number | null {
  return offsets.get(entryNow()) ?? null
}
