import { type Session, toFailure } from './session.ts'

/** What a call sends beside its path. */
export interface Sending {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** An answer that says yes. */
export interface Answered {
  readonly body: unknown
  readonly etag: string | null
}

/** The public API, spoken to as any other client would. */
export interface Api {
  call(method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, sending?: Sending): Promise<Answered>
  /** Opens an answer that is read as it comes: events, or a file of that media type. */
  open(path: string, signal: AbortSignal, type?: string): Promise<Response>
  signOut(): Promise<void>
  /** Goes on with the session of a new sign-in of the same person. */
  renew(csrfToken: string): void
}

/** Opens the API for a session: with a short-lived bearer token that lives in this closure and nowhere else. */
export function openApi(session: Session): Api {
  let drawing: Promise<string> | null = null
  let endsAtMs = 0

  let csrf = { 'X-CSRF-Token': session.csrfToken }
  const draw = async (): Promise<string> => {
    const answer = await fetch('/auth/token', { method: 'POST', headers: csrf })
    if (!answer.ok) throw await toFailure(answer)
    const drawn: unknown = await answer.json()
    if (typeof drawn !== 'object' || drawn === null || !('access_token' in drawn)) throw new Error('No token came.')
    const life = 'expires_in' in drawn ? Number(drawn.expires_in) : 0
    // A minute early, so that no request sets out with a token that ends on its way.
    endsAtMs = performance.now() + (life - 60) * 1_000
    return String(drawn.access_token)
  }
  const token = (): Promise<string> => {
    if (drawing !== null && performance.now() < endsAtMs) return drawing
    endsAtMs = Number.POSITIVE_INFINITY
    drawing = draw().catch((cause: unknown) => {
      drawing = null
      throw cause
    })
    return drawing
  }
  // Drawn while the page is being put together. Whoever sends first hears of a failure.
  token().catch(() => {})
  const send = async (
    method: string,
    path: string,
    { body, headers, signal }: Sending,
    isRepeat = false,
  ): Promise<Response> => {
    const answer = await fetch(path, {
      method,
      headers: {
        Authorization: `Bearer ${await token()}`,
        Accept: 'application/json, text/plain',
        Prefer: 'include-unknown-enum-members',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
    if (answer.status === 401 && !isRepeat) {
      drawing = null
      return send(method, path, { body, ...(headers ? { headers } : {}), ...(signal ? { signal } : {}) }, true)
    }
    if (!answer.ok) throw await toFailure(answer)
    return answer
  }
  return {
    call: async (method, path, sending = {}) => {
      const answer = await send(method, path, sending)
      const isJson = answer.headers.get('content-type')?.includes('json') === true
      const body: unknown = answer.status === 204 ? null : isJson ? await answer.json() : await answer.text()
      return { body, etag: answer.headers.get('etag') }
    },
    open: async (path, signal, type = 'text/event-stream') => send('GET', path, { signal, headers: { Accept: type } }),
    signOut: async () => {
      const answer = await fetch('/auth/sign-out', { method: 'POST', headers: csrf })
      if (!answer.ok) throw await toFailure(answer)
    },
    renew: (csrfToken) => {
      csrf = { 'X-CSRF-Token': csrfToken }
      drawing = null
    },
  }
}

/** The path of a link of the server, which is absolute; null unless it leads to this very origin. */
export function toOwnPath(link: string | null): string | null {
  if (link === null) return null
  const url = new URL(link, location.origin)
  return url.origin === location.origin ? url.pathname + url.search : null
}
