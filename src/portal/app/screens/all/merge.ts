/** What of a tenant's list is not shown yet: rows that were read, and where the next ones are. */
export interface Stream<T> {
  readonly tenant: string
  readonly rows: readonly T[]
  /** Null when there are none. */
  readonly next: string | null
}

/** A page of a list of several tenants. */
export interface MergedPage<T> {
  readonly value: readonly T[]
  readonly streams: readonly Stream<T>[]
  /** Tenants that did not answer, and why; their rows are missing. */
  readonly failed: readonly { readonly tenant: string; readonly cause: unknown }[]
}

/** Reads a page of one tenant's list. */
export type ReadPage<T> = (
  tenant: string,
  path: string,
) => Promise<{ readonly value: readonly T[]; readonly next: string | null }>

/**
 * Takes the next rows of several lists that each come in one order. A list is read on only once its rows are used up, so that nothing is
 * passed over, whatever lists are longest.
 * @param compare the order of the lists; of equal rows the first list's comes first
 */
export async function takePage<T>(
  streams: readonly Stream<T>[],
  read: ReadPage<T>,
  compare: (a: T, b: T) => number,
  size: number,
): Promise<MergedPage<T>> {
  const open = streams.map((stream) => ({ ...stream, rows: [...stream.rows] }))
  const failed: { tenant: string; cause: unknown }[] = []
  const fill = async (stream: (typeof open)[number]): Promise<void> => {
    while (stream.rows.length === 0 && stream.next !== null) {
      try {
        const page = await read(stream.tenant, stream.next)
        stream.rows = [...page.value]
        stream.next = page.next
      } catch (cause) {
        stream.next = null
        failed.push({ tenant: stream.tenant, cause })
      }
    }
  }
  const value: T[] = []
  while (value.length < size) {
    await Promise.all(open.map(fill))
    const first = firstOf(open, compare)
    const row = first?.rows.shift()
    if (row === undefined) break
    value.push(row)
  }
  return { value, streams: open, failed }
}

/** True while there may be more. */
export function hasMore(streams: readonly Stream<unknown>[]): boolean {
  return streams.some(({ rows, next }) => rows.length > 0 || next !== null)
}

function firstOf<S extends { readonly rows: readonly T[] }, T>(
  streams: readonly S[],
  compare: (a: T, b: T) => number,
): S | undefined {
  let best: S | undefined
  for (const stream of streams) {
    const [row] = stream.rows
    const [least] = best?.rows ?? []
    if (row !== undefined && (least === undefined || compare(row, least) < 0)) best = stream
  }
  return best
}
