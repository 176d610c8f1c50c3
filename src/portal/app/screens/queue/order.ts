let order: readonly { readonly id: string }[] = []

/** Keeps the order of the list last looked at, for walking through it from incident to incident. */
export function rememberOrder(rows: readonly { readonly id: string }[]): void {
  order = rows
}

/** The incident before or after one in that order; null at its ends, and for one that is not in it. */
export function neighbourOf(id: string, step: -1 | 1): string | null {
  const at = order.findIndex((row) => row.id === id)
  return at < 0 ? null : (order[at + step]?.id ?? null)
}
