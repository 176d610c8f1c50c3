import { type Session, toFailure } from './session.ts'
import { openTokens } from './tokens.ts'

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
  /** Asks what the session alone may ask, whatever the tenant: about the person's own account. @returns the answer's JSON; null without */
  callOwn(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<unknown>
  signOut(): Promise<void>
  /** Goes on with the session of a new sign-in of the same person. */
  renew(csrfToken: string): void
  /**
   * Says who asks the person to sign in again when the server wants that before it does something. The call waits, and is sent once more
   * when they have; null: nobody asks, and the call fails.
   */
  onStaleSignIn(ask: (() => Promise<boolean>) | null): void
}

/**
 * Opens the API for a session: with a short-lived bearer token that lives in this closure and nowhere else, and is for that tenant alone.
 * @param home the session where the person signed in
 */
export function openApi(session: Session, home: Session): Api {
  const tokens = openTokens(session, home)
  let askAgain: (() => Promise<boolean>) | null = null
  // Drawn while the page is being put together. Whoever sends first hears of a failure.
  tokens.draw().catch(() => {})
  const send = async (
    method: string,
    path: string,
    { body, headers, signal }: Sending,
    isRepeat = false,
  ): Promise<Response> => {
    const answer = await fetch(path, {
      method,
      headers: {
        Authorization: `Bearer ${await tokens.draw()}`,
        Accept: 'application/json, text/plain',
        Prefer: 'include-unknown-enum-members',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
    if (answer.status === 401 && !isRepeat) {
      tokens.forget()
      return send(method, path, { body, ...(headers ? { headers } : {}), ...(signal ? { signal } : {}) }, true)
    }
    if (!answer.ok) {
      const failure = await toFailure(answer)
      const isStale = failure.innerCode === 'StaleSignIn' && askAgain !== null && !isRepeat
      if (isStale && (await askAgain?.())) {
        return send(method, path, { body, ...(headers ? { headers } : {}), ...(signal ? { signal } : {}) }, true)
      }
      throw failure
    }
    return answer
  }
  const callOwn = async (method: string, path: string, body?: unknown, isRepeat = false): Promise<unknown> => {
    const answer = await tokens.sendOwn(method, path, body)
    if (answer.ok) return answer.status === 204 ? null : answer.json()
    const failure = await toFailure(answer)
    const isStale = failure.innerCode === 'StaleSignIn' && !isRepeat
    if (isStale && (await askAgain?.())) return callOwn(method, path, body, true)
    throw failure
  }
  return {
    call: async (method, path, sending = {}) => {
      const answer = await send(method, path, sending)
      const isJson = answer.headers.get('content-type')?.includes('json') === true
      const body: unknown = answer.status === 204 ? null : isJson ? await answer.json() : await answer.text()
      return { body, etag: answer.headers.get('etag') }
    },
    open: async (path, signal, type = 'text/event-stream') => send('GET', path, { signal, headers: { Accept: type } }),
    callOwn,
    signOut: async () => {
      await callOwn('POST', '/auth/sign-out')
    },
    renew: tokens.renew,
    onStaleSignIn: (ask) => {
      askAgain = ask
    },
  }
}

/** The path of a link of the server, which is absolute; null unless it leads to this very origin. */
export function toOwnPath(link: string | null): string | null {
  if (link === null) return null
  const url = new URL(link, location.origin)
  return url.origin === location.origin ? url.pathname + url.search : null
}
