import { nullable, number, readWith, record, text } from '../api/read.ts'

const changeForm = record({
  seq: number,
  at: text,
  resource: text,
  id: text,
  change: text,
  actorId: nullable(text),
  tenant: nullable(text),
})
const stateForm = record({ seq: number })

/** Something that changed. */
export interface Change {
  readonly seq: number
  /** When, as the server wrote it. */
  readonly at: string
  /** `incident`, `alert`, `incidentTask`, `execution`, `agent`. */
  readonly resource: string
  readonly id: string
  readonly change: string
  /** Who made it, by id; null where the server does not know. */
  readonly actorId: string | null
  /** Whose it is, on a stream of several tenants; null on that of one. */
  readonly tenant: string | null
}

/** What a stream tells. `resync`: too much was missed, everything is read anew. */
export type News =
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'ready' | 'resync'; readonly seq: number }

/** Asks for the stream. @param query empty, or begun with a question mark */
export type OpenStream = (query: string, signal: AbortSignal) => Promise<Response>

/**
 * Follows the server's changes until the connection ends. Silence for twice the server's beat ends it too.
 * @param since the number of the last change applied; null begins now
 */
export async function follow(
  open: OpenStream,
  since: number | null,
  tell: (news: News) => void,
  signal: AbortSignal,
): Promise<void> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), silentMs)
  const answer = await open(since === null ? '' : `?since=${since}`, AbortSignal.any([signal, silence.signal]))
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (reader === undefined) throw new Error('The answer has no body.')
  let rest = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) break
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), silentMs)
    const blocks = (rest + value).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const news = readBlock(block)
      if (news !== null) tell(news)
    }
  }
  clearTimeout(timer)
}

/** The server says something every 15 s. */
const silentMs = 35_000

/** Reads one event; null for a comment, and for one this page does not know. */
export function readBlock(block: string): News | null {
  let kind = 'message'
  let data = ''
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) kind = line.slice(7)
    else if (line.startsWith('data: ')) data += line.slice(6)
  }
  if (data === '') return null
  const value: unknown = JSON.parse(data)
  if (kind === 'change') return { kind, change: readWith(changeForm, value) }
  if (kind === 'ready' || kind === 'resync') return { kind, seq: readWith(stateForm, value).seq }
  return null
}
