let order: readonly string[] = []

/** Keeps the order of the list last looked at, for walking through it from incident to incident. */
export function rememberOrder(ids: readonly string[]): void {
  order = ids
}

/** The incident before or after one in that order; null at its ends, and for one that is not in it. */
export function neighbourOf(id: string, step: -1 | 1): string | null {
  const at = order.indexOf(id)
  return at < 0 ? null : (order[at + step] ?? null)
}
