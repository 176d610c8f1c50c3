import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto'

/** What a ceremony may get wrong; what is absent is as it should be. */
export interface Twist {
  readonly origin?: string
  readonly rpId?: string
  readonly challenge?: string
  readonly userHandle?: string
  readonly type?: string
  readonly crossOrigin?: boolean
  /** Of the authenticator data: 1 present, 4 verified, 8 may be backed up, 16 is backed up. */
  readonly flags?: number
  readonly counter?: number
  /** Changes the bytes of the signature. */
  readonly signature?: (signature: Buffer) => Buffer
  /** `fmt` and `attStmt` of the attestation, encoded. */
  readonly attestation?: Buffer
}

/** An authenticator in software that keeps one passkey. It follows whatever it is told, as one in hostile hands does. */
export interface Authenticator {
  readonly credentialId: string
  /** Answers the `publicKey` of creation options, as `toJSON()` gives it. */
  make(options: unknown, twist?: Twist): Record<string, unknown>
  /** Answers the `publicKey` of request options. */
  sign(options: unknown, twist?: Twist): Record<string, unknown>
}

/** @param origin of the page it is asked from */
export function createAuthenticator(origin: string): Authenticator {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const id = randomBytes(16)
  const credentialId = id.toString('base64url')
  const rpId = new URL(origin).hostname
  let handle = ''
  const clientData = (type: string, options: unknown, twist: Twist): Buffer => {
    const challenge = twist.challenge ?? memberOf(options, 'challenge')
    const { crossOrigin = false } = twist
    return Buffer.from(
      JSON.stringify({ type: twist.type ?? type, challenge, origin: twist.origin ?? origin, crossOrigin }),
    )
  }
  const authenticatorData = (twist: Twist, more: number): Buffer => {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(twist.counter ?? 0)
    const hash = createHash('sha256')
      .update(twist.rpId ?? rpId)
      .digest()
    return Buffer.concat([hash, Buffer.from([(twist.flags ?? 5) | more]), counter])
  }
  const coseKey = mapOf(
    [number(1), number(2)],
    [number(3), number(-7)],
    [number(-1), number(1)],
    [number(-2), bytes(Buffer.from(x, 'base64url'))],
    [number(-3), bytes(Buffer.from(y, 'base64url'))],
  )
  const wrap = (response: Record<string, unknown>) => ({
    id: credentialId,
    rawId: credentialId,
    type: 'public-key',
    authenticatorAttachment: 'platform',
    clientExtensionResults: {},
    response,
  })
  return {
    credentialId,
    make: (options, twist = {}) => {
      handle = memberOf(Object(options).user, 'id')
      const length = Buffer.from([0, id.length])
      const data = Buffer.concat([authenticatorData(twist, 0x40), Buffer.alloc(16), length, id, coseKey])
      const statement = twist.attestation ?? Buffer.concat([text('fmt'), text('none'), text('attStmt'), mapOf()])
      const attestationObject = Buffer.concat([Buffer.from([0xa3]), statement, text('authData'), bytes(data)])
      return wrap({
        clientDataJSON: clientData('webauthn.create', options, twist).toString('base64url'),
        attestationObject: attestationObject.toString('base64url'),
        transports: ['internal', 'hybrid', 'carrier pigeon'],
      })
    },
    sign: (options, twist = {}) => {
      const data = authenticatorData(twist, 0)
      const client = clientData('webauthn.get', options, twist)
      const signed = createSign('sha256').update(data).update(createHash('sha256').update(client).digest())
      const signature = signed.sign(privateKey)
      return wrap({
        clientDataJSON: client.toString('base64url'),
        authenticatorData: data.toString('base64url'),
        signature: (twist.signature?.(signature) ?? signature).toString('base64url'),
        userHandle: twist.userHandle ?? handle,
      })
    },
  }
}

/** `fmt` and `attStmt` of an attestation that carries a certificate. */
export function certifiedAttestation(format: string, certificate: Buffer): Buffer {
  const statement = mapOf(
    [text('alg'), number(-7)],
    [text('sig'), bytes(Buffer.from([1]))],
    [text('x5c'), Buffer.concat([Buffer.from([0x81]), bytes(certificate)])],
  )
  return Buffer.concat([text('fmt'), text(format), text('attStmt'), statement])
}

function memberOf(value: unknown, name: string): string {
  return String(Object(value)[name])
}

/** CBOR, as far as an authenticator needs it. @source RFC 8949, 3 */
function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value])
  return value < 256
    ? Buffer.from([(major << 5) | 24, value])
    : Buffer.from([(major << 5) | 25, value >> 8, value & 0xff])
}

function number(value: number): Buffer {
  return value < 0 ? head(1, -1 - value) : head(0, value)
}

function bytes(value: Buffer): Buffer {
  return Buffer.concat([head(2, value.length), value])
}

function text(value: string): Buffer {
  return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
}

function mapOf(...pairs: readonly (readonly [Buffer, Buffer])[]): Buffer {
  return Buffer.concat([head(5, pairs.length), ...pairs.flat()])
}
