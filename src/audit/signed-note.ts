import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'

// Signed notes: text that carries its Ed25519 signatures, in the form transparency logs and their witnesses use.

/** Signature type Ed25519. */
const ed25519Type = 1

/** A note of ours has one signature; witnesses may have added theirs. */
const maxSignatures = 16

/** A public key under the name it signs with. */
export interface NoteVerifier {
  readonly name: string
  readonly publicKey: KeyObject
}

/**
 * Signs a text.
 * @param text ends with a newline and has no control characters but newlines
 * @param name of the key: neither spaces nor `+`
 * @source C2SP signed-note
 */
export function signNote(text: string, name: string, privateKey: KeyObject): string {
  const signature = sign(null, Buffer.from(text), privateKey)
  const keyId = keyIdOf(name, rawPublicKey(createPublicKey(privateKey)))
  return `${text}\n\u2014 ${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`
}

/**
 * The text of a note that one of the keys has signed. Signatures of keys not given are passed over; one of a given key that is wrong makes
 * the whole note worthless.
 * @returns null when it is no note, or none that these keys vouch for
 * @source C2SP signed-note
 */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): string | null {
  const cut = note.lastIndexOf('\n\n')
  if (cut < 0 || !note.endsWith('\n') || hasControls(note)) return null
  const text = note.slice(0, cut + 1)
  const lines = note.slice(cut + 2, -1).split('\n')
  if (lines.length > maxSignatures) return null
  let isSigned = false
  for (const line of lines) {
    const match = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line)
    const bytes = Buffer.from(match?.[2] ?? '', 'base64')
    if (match === null || bytes.length < 5 || bytes.toString('base64') !== match[2]) return null
    const known = verifiers.find(
      ({ name, publicKey }) => name === match[1] && keyIdOf(name, rawPublicKey(publicKey)).equals(bytes.subarray(0, 4)),
    )
    if (known === undefined) continue
    if (!verify(null, Buffer.from(text), known.publicKey, bytes.subarray(4))) return null
    isSigned = true
  }
  return isSigned ? text : null
}

/** The public key as one line of text: `<name>+<key id>+<type and key>`, as tools for signed notes take it. */
export function writeVerifierKey({ name, publicKey }: NoteVerifier): string {
  const key = rawPublicKey(publicKey)
  return `${name}+${keyIdOf(name, key).toString('hex')}+${Buffer.concat([Buffer.of(ed25519Type), key]).toString('base64')}`
}

/** Reads what {@link writeVerifierKey} writes; null when it is something else. */
export function readVerifierKey(line: string): NoteVerifier | null {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(line.trim())
  const [, name = '', keyId = '', encoded = ''] = match ?? []
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.length !== 33 || bytes[0] !== ed25519Type) return null
  const key = bytes.subarray(1)
  if (keyIdOf(name, key).toString('hex') !== keyId) return null
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') }
  return { name, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) }
}

function rawPublicKey(publicKey: KeyObject): Buffer {
  const { x } = publicKey.export({ format: 'jwk' })
  if (typeof x !== 'string') throw new TypeError('notes are signed with Ed25519 keys')
  return Buffer.from(x, 'base64url')
}

function keyIdOf(name: string, key: Buffer): Buffer {
  const parts = [Buffer.from(name), Buffer.of(0x0a, ed25519Type), key]
  return hash('sha256', Buffer.concat(parts), 'buffer').subarray(0, 4)
}

function hasControls(note: string): boolean {
  for (let at = 0; at < note.length; at++) if (note.charCodeAt(at) < 0x20 && note[at] !== '\n') return true
  return false
}
