import { hkdfSync, type KeyObject } from 'node:crypto'
import { type Command, signCommand } from '../protocol/command.ts'
import { type NamedPublicKey, writePublicKey } from '../protocol/jws.ts'
import { type AgentPolicy, signPolicy } from '../protocol/policy.ts'

/** Signs commands with the server's command key, which lies outside the database. */
export interface CommandSigner {
  /** What agents pin when they enrol. */
  readonly publicKey: NamedPublicKey
  /** The signed command, JWS compact. */
  readonly sign: (command: Command) => string
  /** The signed policy, JWS compact. */
  readonly signPolicy: (policy: AgentPolicy) => string
  /** The device's break-glass key, base64url. Derived, so that no database holds it. */
  readonly breakGlassKey: (deviceId: string) => string
}

/** Makes a signer of the server's command key. */
export function createSigner(key: { readonly kid: string; readonly privateKey: KeyObject }): CommandSigner {
  return {
    publicKey: { kid: key.kid, publicKey: writePublicKey(key.privateKey) },
    sign: (command) => signCommand(key.privateKey, key.kid, command),
    signPolicy: (policy) => signPolicy(key.privateKey, key.kid, policy),
    breakGlassKey: (deviceId) => {
      const seed = key.privateKey.export({ format: 'jwk' }).d ?? ''
      return Buffer.from(
        hkdfSync('sha256', Buffer.from(seed, 'base64url'), deviceId, 'cordon break-glass key 1', 32),
      ).toString('base64url')
    },
  }
}
