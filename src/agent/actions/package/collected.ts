/** One item of a package before it is packed. */
export interface Collected {
  readonly content: Buffer
  readonly truncated: boolean
  readonly error: string | null
}

/** Joins lines up to a size; a line is whole or not there. */
export function cutLines(lines: readonly string[], maxBytes: number): Collected {
  const kept: string[] = []
  let size = 0
  for (const line of lines) {
    size += Buffer.byteLength(line) + 1
    if (size > maxBytes) return { content: Buffer.from(`${kept.join('\n')}\n`), truncated: true, error: null }
    kept.push(line)
  }
  return { content: Buffer.from(kept.length === 0 ? '' : `${kept.join('\n')}\n`), truncated: false, error: null }
}
