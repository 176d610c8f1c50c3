import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { Ending } from './cleanup.ts'
import { type Received, type ReceiverAnswer, startReceiver } from './receiver.ts'

/** An issuer in the hands of the test: it says of anybody whatever it is told to, rightly or wrongly signed. */
export interface FakeIssuer {
  readonly issuer: string
  /** Makes a code good for an ID token with these claims, once, for whoever knows the verifier of the challenge. */
  offer(code: string, challenge: string, claims: Readonly<Record<string, unknown>>, signedBy?: KeyObject): void
  /** Signs a token of any kind with the published key. */
  sign(claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>, key?: KeyObject): string
  /** Requests to the token endpoint. */
  redeemed(): number
  /** Members of the discovery document from now on, in place of its own. */
  describe(members: Readonly<Record<string, unknown>>): void
}

interface Offer {
  readonly challenge: string
  readonly idToken: string
}

/** A key nobody has published. */
export const strangerKey: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

/** Starts the issuer; it ends with the test. */
export async function startFakeIssuer(t: Ending): Promise<FakeIssuer> {
  const receiver = await startReceiver(t)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = receiver.origin
  const offers = new Map<string, Offer>()
  let described: Readonly<Record<string, unknown>> = {}
  let redeemed = 0
  const json = (status: number, value: unknown): ReceiverAnswer => {
    return { status, text: JSON.stringify(value), headers: { 'Content-Type': 'application/json' } }
  }
  const redeem = (request: Received): ReceiverAnswer => {
    redeemed += 1
    const form = new URLSearchParams(request.text)
    const offer = offers.get(form.get('code') ?? '')
    offers.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (offer === undefined || offer.challenge !== challenge) return json(400, { error: 'invalid_grant' })
    return json(200, { access_token: 'unused', token_type: 'Bearer', expires_in: 60, id_token: offer.idToken })
  }
  receiver.behave((request) => {
    if (request.path === '/token') return redeem(request)
    if (request.path === '/keys') {
      return json(200, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'ES256' }] })
    }
    return json(200, {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      code_challenge_methods_supported: ['S256'],
      ...described,
    })
  })
  return {
    issuer,
    offer: (code, challenge, claims, signedBy) =>
      void offers.set(code, { challenge, idToken: signToken(claims, {}, signedBy ?? privateKey) }),
    sign: (claims, header = {}, key = privateKey) => signToken(claims, header, key),
    redeemed: () => redeemed,
    describe: (members) => {
      described = members
    },
  }
}

function signToken(
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>>,
  key: KeyObject,
): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${encode({ alg: 'ES256', kid: 'k1', typ: 'JWT', ...header })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}
