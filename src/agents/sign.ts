import type { KeyObject } from 'node:crypto'
import { type Command, signCommand } from '../protocol/command.ts'
import { type NamedPublicKey, writePublicKey } from '../protocol/jws.ts'

/** Signs commands with the server's command key, which lies outside the database. */
export interface CommandSigner {
  /** What agents pin when they enrol. */
  readonly publicKey: NamedPublicKey
  /** The signed command, JWS compact. */
  readonly sign: (command: Command) => string
}

/** Makes a signer of the server's command key. */
export function createSigner(key: { readonly kid: string; readonly privateKey: KeyObject }): CommandSigner {
  return {
    publicKey: { kid: key.kid, publicKey: writePublicKey(key.privateKey) },
    sign: (command) => signCommand(key.privateKey, key.kid, command),
  }
}
