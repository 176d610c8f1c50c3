/**
 * @typedef {{ signedIn: true, user: { name: string, role: string }, tenant: { id: string, name: string }, csrfToken: string }} Session
 * @typedef {{ id: string, displayName: string | null, severity: string, status: string, createdDateTime: string, lastUpdateDateTime: string }} Incident
 * @typedef {{ id: string, title: string | null, severity: string, status: string, createdDateTime: string }} Alert
 * @typedef {{ id: string, displayName: string, description: string | null, actionType: string, status: string, actionStatus: string, source: string, lastModifiedDateTime: string, responseAction: { identifierValue?: string } | null }} Task
 * @typedef {{ get: (path: string) => Promise<any>, count: (path: string) => Promise<number>, post: (path: string) => Promise<void>, signOut: () => Promise<void> }} Api
 */

/** An answer of the server that says no, in the server's own words. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

/** @returns {Promise<Session | null>} */
export async function readSession() {
  const answer = await fetch('/auth/session', { headers: { Accept: 'application/json' } })
  if (!answer.ok) throw await toError(answer)
  const state = await answer.json()
  return state.signedIn ? state : null
}

/**
 * The Graph routes, called with a short-lived bearer token that lives in this closure and nowhere else.
 * @param {Session} session
 * @returns {Api}
 */
export function openApi(session) {
  let token = ''
  let endsAtMs = 0

  const draw = async () => {
    if (token !== '' && performance.now() < endsAtMs) return token
    const answer = await fetch('/auth/token', { method: 'POST', headers: { 'X-CSRF-Token': session.csrfToken } })
    if (!answer.ok) throw await toError(answer)
    const drawn = await answer.json()
    token = drawn.access_token
    // A minute early, so that no request sets out with a token that ends on its way.
    endsAtMs = performance.now() + (drawn.expires_in - 60) * 1000
    return token
  }
  /**
   * @param {'GET' | 'POST'} method
   * @param {string} path
   */
  const call = async (method, path) => {
    /** @type {Record<string, string>} */
    const headers = {
      Authorization: `Bearer ${await draw()}`,
      Accept: 'application/json, text/plain',
      Prefer: 'include-unknown-enum-members',
    }
    // One id per press of a button: the server does the same press once only.
    if (method === 'POST') headers['client-request-id'] = crypto.randomUUID()
    const answer = await fetch(path, { method, headers })
    if (answer.status === 401) token = ''
    if (!answer.ok) throw await toError(answer)
    return answer
  }
  return {
    get: async (path) => (await call('GET', path)).json(),
    count: async (path) => Number(await (await call('GET', path)).text()),
    post: async (path) => {
      await call('POST', path)
    },
    signOut: async () => {
      const headers = { 'X-CSRF-Token': session.csrfToken }
      const answer = await fetch('/auth/sign-out', { method: 'POST', headers })
      if (!answer.ok) throw await toError(answer)
    },
  }
}

/**
 * @param {Response} answer
 * @returns {Promise<ApiError>}
 */
async function toError(answer) {
  const text = await answer.text()
  try {
    return new ApiError(answer.status, String(JSON.parse(text).error.message))
  } catch {
    // Not our error body: something between us and the server answered.
    return new ApiError(answer.status, `The server answered ${answer.status}.`)
  }
}
