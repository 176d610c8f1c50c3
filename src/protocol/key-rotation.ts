import type { KeyObject } from 'node:crypto'
import { canonicalJson } from './canonical.ts'
import { type Decoder, object, text } from './decode.ts'
import { readPublicKey, signJws, verifyJws, writePublicKey } from './jws.ts'

/** Body of `POST /key`; the request itself is signed with the key in force, which the new one follows. */
export interface RotateKeyRequest {
  /** 32 raw bytes of the new Ed25519 key, base64url. */
  readonly publicKey: string
  /** JWS by the new key over device, key in force and new key: whoever sends this holds both, and means this step only. */
  readonly proof: string
}

/** Reads a {@link RotateKeyRequest}. */
export const decodeRotateKey: Decoder<RotateKeyRequest> = object<RotateKeyRequest>({
  publicKey: text(43),
  proof: text(1024),
})

/** Which key of which device follows which. */
export interface KeyStep {
  readonly deviceId: string
  /** Public key in force, base64url. */
  readonly from: string
}

/** A request to let a new key follow the one in force. */
export function writeRotateKey(next: KeyObject, { deviceId, from }: KeyStep): RotateKeyRequest {
  const publicKey = writePublicKey(next)
  const payload = canonicalJson({ deviceId, from, to: publicKey })
  return { publicKey, proof: signJws(next, deviceId, 'cordon-key+jwt', payload) }
}

/** True when the new key has signed exactly this step. @throws DecodeError when it is no key */
export function provesKeyStep({ publicKey, proof }: RotateKeyRequest, { deviceId, from }: KeyStep): boolean {
  const key = readPublicKey(publicKey)
  const checked = verifyJws(proof, 'cordon-key+jwt', (kid) => (kid === deviceId ? key : undefined), 1024)
  return checked.ok && checked.payload === canonicalJson({ deviceId, from, to: publicKey })
}
