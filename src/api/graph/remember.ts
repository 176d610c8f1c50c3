import { readChangeMark } from '../../store/changes.ts'
import type { Store } from '../../store/db.ts'
import type { Answer, AuthorizedHandler } from '../route.ts'

interface RememberedAnswer {
  readonly mark: number
  readonly answer: Answer
}

/** Answers kept per collection, and the longest one worth keeping. */
const maxAnswers = 64
const maxCharacters = 262_144

/**
 * Answers a question that was asked before, and after which nothing of the tenant has changed, with the same answer. Pollers and open
 * portals ask the same few lists over and over, mostly while nothing happens. Every visible change leaves a row in the outbox in its own
 * transaction, so the highest number there, read before the answer was made, says whether the answer still holds. Only where those numbers
 * become visible in order: on PostgreSQL a lower one may still appear, and nothing is remembered.
 * @param handle a reading operation whose answer depends on tenant, address and headers of the request only
 */
export function rememberAnswers(deps: { readonly store: Store }, handle: AuthorizedHandler): AuthorizedHandler {
  const remembered = new Map<string, RememberedAnswer>()
  return async (call) => {
    const { prefer, accept } = call.headers
    const mark = await readChangeMark(deps.store, call.caller.tenantId)
    if (mark === null || call.rawQuery.includes('skiptoken')) return handle(call)
    const key = JSON.stringify([call.caller.tenantId, call.origin, call.path, call.rawQuery, prefer, accept])
    const known = remembered.get(key)
    if (known?.mark === mark) return known.answer
    const answer = await handle(call)
    if (typeof answer.body !== 'string' || answer.body.length > maxCharacters) return answer
    if (remembered.size >= maxAnswers) remembered.clear()
    // As bytes: turning a long text into them takes longer than all the rest of answering it again.
    remembered.set(key, { mark, answer: { ...answer, body: Buffer.from(answer.body) } })
    return answer
  }
}
