import { isSamePerson, readSessions, type Session, toFailure } from './session.ts'

/** Bearer tokens of a session, one at a time. */
export interface Tokens {
  /** The present token, or a new one where that is about to end. */
  draw(): Promise<string>
  /** The next one is a new one. */
  forget(): void
  /** Sends to the session's own routes, with its cookie and what a write must carry. */
  sendOwn(method: string, path: string, body?: unknown): Promise<Response>
  /** Goes on with another session of the same person. */
  renew(csrfToken: string): void
}

/**
 * Draws tokens from a session; they live in this closure and nowhere else.
 * @param home the session where the person signed in: the one the browser has
 */
export function openTokens(session: Session, home: Session): Tokens {
  const isHome = session.tenant.id === home.tenant.id
  const path = isHome ? '/auth/token' : `/auth/token?tenant=${session.tenant.id}`
  let drawing: Promise<string> | null = null
  let endsAtMs = 0
  let csrf = { 'X-CSRF-Token': session.csrfToken }
  const send = (method: string, to: string, body: unknown): Promise<Response> =>
    fetch(to, {
      method,
      headers: { ...csrf, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const renew = (csrfToken: string): void => {
    csrf = { 'X-CSRF-Token': csrfToken }
    drawing = null
  }
  const sendOwn = async (method: string, to: string, body?: unknown): Promise<Response> => {
    const answer = await send(method, to, body)
    if (answer.status !== 403) return answer
    // Another tab signed in again: its session is this one's too, as long as it is the same person's.
    const [again] = (await readSessions()) ?? []
    if (again === undefined || !isSamePerson(home, again) || again.csrfToken === csrf['X-CSRF-Token']) return answer
    csrf = { 'X-CSRF-Token': again.csrfToken }
    return send(method, to, body)
  }
  const drawNew = async (): Promise<string> => {
    const answer = await sendOwn('POST', path)
    if (!answer.ok) throw await toFailure(answer)
    const drawn: unknown = await answer.json()
    if (typeof drawn !== 'object' || drawn === null || !('access_token' in drawn)) throw new Error('No token came.')
    const life = 'expires_in' in drawn ? Number(drawn.expires_in) : 0
    // A minute early, so that no request sets out with a token that ends on its way.
    endsAtMs = performance.now() + (life - 60) * 1_000
    return String(drawn.access_token)
  }
  return {
    draw: () => {
      if (drawing !== null && performance.now() < endsAtMs) return drawing
      endsAtMs = Number.POSITIVE_INFINITY
      drawing = drawNew().catch((cause: unknown) => {
        drawing = null
        throw cause
      })
      return drawing
    },
    forget: () => {
      drawing = null
    },
    sendOwn,
    renew,
  }
}
