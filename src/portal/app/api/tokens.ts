import { isSamePerson, readSessions, type Session, toFailure } from './session.ts'

/** Bearer tokens of a session, one at a time. */
export interface Tokens {
  /** The present token, or a new one where that is about to end. */
  draw(): Promise<string>
  /** The next one is a new one. */
  forget(): void
  /** What a write to the session's own routes must carry. */
  csrf(): Readonly<Record<string, string>>
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
  const ask = (): Promise<Response> => fetch(path, { method: 'POST', headers: csrf })
  const renew = (csrfToken: string): void => {
    csrf = { 'X-CSRF-Token': csrfToken }
    drawing = null
  }
  const drawNew = async (): Promise<string> => {
    let answer = await ask()
    if (answer.status === 403) {
      // Another tab signed in again: its session is this one's too, as long as it is the same person's.
      const [again] = (await readSessions()) ?? []
      if (again !== undefined && isSamePerson(home, again)) {
        csrf = { 'X-CSRF-Token': again.csrfToken }
        answer = await ask()
      }
    }
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
    csrf: () => csrf,
    renew,
  }
}
