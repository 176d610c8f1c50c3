import { readChangeMark } from '../../store/changes.ts'
import type { Store } from '../../store/db.ts'
import { type Answer, type AuthorizedHandler, shortText } from '../route.ts'

interface RememberedAnswer {
  readonly mark: number
  readonly answer: Answer
  /** Of the answer and its key, in characters. */
  readonly size: number
}

/** What the answers kept of one operation may hold together, and the longest one worth keeping, in characters. */
const maxKept = 2 * 1024 * 1024
const maxCharacters = 262_144

/**
 * Answers a question that was asked before, and after which nothing of the tenant has changed, with the same answer. Pollers and open
 * portals ask for the same few things over and over, mostly while nothing happens. Every visible change leaves a row in the outbox in its own
 * transaction, so the highest number there, read before the answer was made, says whether the answer still holds. Only where those numbers
 * become visible in order: on PostgreSQL a lower one may still appear, and nothing is remembered.
 * @param handle a reading operation whose answer depends on tenant, address and headers of the request only
 */
export function rememberAnswers(deps: { readonly store: Store }, handle: AuthorizedHandler): AuthorizedHandler {
  const remembered = new Map<string, RememberedAnswer>()
  let kept = 0
  return async (call) => {
    const { prefer, accept } = call.headers
    const mark = await readChangeMark(deps.store, call.caller.tenantId)
    if (mark === null || call.rawQuery.includes('skiptoken')) return handle(call)
    // None of them can hold a line break.
    const key = `${call.caller.tenantId}\n${call.origin}\n${call.path}\n${call.rawQuery}\n${prefer}\n${accept}`
    const known = remembered.get(key)
    if (known?.mark === mark) return known.answer
    const answer = await handle(call)
    const { body } = answer
    if (typeof body !== 'string' || body.length > maxCharacters) return answer
    kept += key.length + body.length - (known?.size ?? 0)
    if (kept > maxKept) {
      remembered.clear()
      kept = key.length + body.length
    }
    // As bytes: turning a long text into them takes longer than all the rest of answering it again.
    const ready = body.length > shortText ? { ...answer, body: writeOwnBytes(body) } : answer
    remembered.set(key, { mark, answer: ready, size: key.length + body.length })
    return answer
  }
}

/** In memory of its own: a Buffer made of a text is a piece of 64 KiB that others share, and would keep them all. */
function writeOwnBytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}
