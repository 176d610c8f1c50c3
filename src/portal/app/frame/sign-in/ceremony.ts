/**
 * What a browser does with passkeys, by the platform's own functions. It stands alone, so that the sign-in page loads this and nothing
 * else of the portal.
 */

/** True where the browser has passkeys for this page: not at a bare IP address, nor without TLS. */
export function hasPasskeys(): boolean {
  return typeof PublicKeyCredential === 'function' && 'parseRequestOptionsFromJSON' in PublicKeyCredential
}

/** Where and how somebody signs in. */
export interface PasskeySignIn {
  /** Where they wanted to go; the server decides. */
  readonly next?: string | null
  /** The only person who will do. */
  readonly userId?: string
  /** Ends a question that waits. */
  readonly signal?: AbortSignal
  /** Offers passkeys among what the browser fills fields with, until one is chosen. */
  readonly isOffer?: boolean
}

/**
 * Signs in with a passkey of this server that the person chooses.
 * @returns where to go
 * @throws Error whose message is for the person; see {@link explain}
 */
export async function signInWithPasskey({ next, userId, signal, isOffer }: PasskeySignIn): Promise<string> {
  const asked = await post('/auth/passkeys/sign-in/options')
  if (!isRequest(asked.publicKey)) throw new Error('The server asked for nothing.')
  const credential = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.publicKey),
    ...(signal === undefined ? {} : { signal }),
    ...(isOffer === true ? { mediation: 'conditional' } : {}),
  })
  if (!(credential instanceof PublicKeyCredential)) throw new Error('No passkey was chosen.')
  const sent = { credential: credential.toJSON(), ...(next ? { next } : {}), ...(userId ? { userId } : {}) }
  return String((await post('/auth/passkeys/sign-in', sent)).next)
}

/**
 * Makes a passkey.
 * @param publicKey options as the server wrote them
 * @returns what the server takes
 */
export async function makePasskey(publicKey: unknown): Promise<unknown> {
  if (!isCreation(publicKey)) throw new Error('The server asked for nothing.')
  const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey)
  const made = await navigator.credentials.create({ publicKey: options })
  if (!(made instanceof PublicKeyCredential)) throw new Error('No passkey was made.')
  return made.toJSON()
}

/** Makes a passkey for the person behind a sign-in link, and signs them in with both. @returns where to go */
export async function makePasskeyByLink(token: string, name: string, next: string | null): Promise<string> {
  const asked = await post('/auth/passkeys/link/options', { token })
  const credential = await makePasskey(asked.publicKey)
  const sent = { token, name, credential, ...(next ? { next } : {}) }
  return String((await post('/auth/passkeys/link', sent)).next)
}

/** What went wrong, for the person: the browser's own words are for programmers. */
export function explain(cause: unknown): string {
  if (cause instanceof DOMException) {
    if (cause.name === 'InvalidStateError') return 'This device has a passkey for you already.'
    if (cause.name === 'SecurityError') return 'The browser has no passkeys for this address.'
    if (cause.name === 'NotAllowedError') return 'No passkey was used. Try once more, or choose another way.'
  }
  if (cause instanceof TypeError) return 'The server cannot be reached.'
  return cause instanceof Error ? cause.message : String(cause)
}

async function post(path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(path, {
    method: 'POST',
    ...(body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const read: unknown = await answer.json().catch(() => null)
  const said = isObject(read) ? read : {}
  if (answer.ok) return said
  const { message } = isObject(said.error) ? said.error : {}
  throw new Error(typeof message === 'string' ? message : `The server answered ${answer.status}.`)
}

/** The platform's parser reads the rest, and refuses what it does not understand. */
function isRequest(value: unknown): value is PublicKeyCredentialRequestOptionsJSON {
  return isObject(value) && typeof value.challenge === 'string'
}

function isCreation(value: unknown): value is PublicKeyCredentialCreationOptionsJSON {
  return isObject(value) && typeof value.challenge === 'string' && isObject(value.user) && isObject(value.rp)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
