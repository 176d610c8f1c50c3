import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { CordonError } from '../../../model/errors.ts'

/** What a browser signed, as far as it says so itself; not believed before the signature was checked. */
export interface ClientFacts {
  readonly challenge: string
  readonly origin: string
  /** True when the page that asked stood inside another site's. */
  readonly isFramed: boolean
}

/** Ways to reach an authenticator that are known by name. @source WebAuthn Level 3, 5.8.4 */
const transports = ['usb', 'nfc', 'ble', 'smart-card', 'hybrid', 'internal', 'cable'] as const

/**
 * Reads the JSON that `PublicKeyCredential.toJSON()` gives after a passkey was made. Members nobody asks for are passed over.
 * @throws CordonError BadRequest naming the member
 */
export function readRegistration(value: unknown): RegistrationResponseJSON {
  const { id, response } = readCredential(value)
  const given: unknown = response.transports
  return {
    id,
    rawId: id,
    type: 'public-key',
    clientExtensionResults: {},
    response: {
      clientDataJSON: readBytes(response, 'clientDataJSON'),
      attestationObject: readBytes(response, 'attestationObject'),
      transports: Array.isArray(given) ? transports.filter((known) => given.includes(known)) : [],
    },
  }
}

/** The same after a passkey has signed. */
export function readAssertion(value: unknown): AuthenticationResponseJSON {
  const { id, response } = readCredential(value)
  return {
    id,
    rawId: id,
    type: 'public-key',
    clientExtensionResults: {},
    response: {
      clientDataJSON: readBytes(response, 'clientDataJSON'),
      authenticatorData: readBytes(response, 'authenticatorData'),
      signature: readBytes(response, 'signature'),
      userHandle: readBytes(response, 'userHandle'),
    },
  }
}

/** What the browser says it signed. @throws CordonError BadRequest when it is no client data */
export function readClientFacts(clientDataJson: string): ClientFacts {
  const read = parse(Buffer.from(clientDataJson, 'base64url').toString('utf8'))
  if (!isObject(read) || typeof read.challenge !== 'string' || typeof read.origin !== 'string') {
    throw malformed('response.clientDataJSON')
  }
  return { challenge: read.challenge, origin: read.origin, isFramed: read.crossOrigin === true }
}

function readCredential(value: unknown): { readonly id: string; readonly response: Readonly<Record<string, unknown>> } {
  if (!isObject(value) || value.type !== 'public-key') throw malformed('type')
  if (!isObject(value.response)) throw malformed('response')
  const id = readBytes(value, 'id')
  // Level 3, 5.8.1: at most 1023 bytes.
  if (value.rawId !== id || id.length > 1_364) throw malformed('rawId')
  return { id, response: value.response }
}

/** Bytes as base64url without padding. */
function readBytes(from: Readonly<Record<string, unknown>>, name: string): string {
  const value = from[name]
  if (typeof value === 'string' && /^[A-Za-z0-9_-]+$/.test(value)) return value
  throw malformed(name)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // What is no JSON is no client data either; the caller says so.
    return null
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(member: string): CordonError {
  return new CordonError('BadRequest', `The passkey's answer has no ${member} as browsers write it.`, {
    target: `credential.${member}`,
  })
}
