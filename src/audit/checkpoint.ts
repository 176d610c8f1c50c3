import type { KeyObject } from 'node:crypto'
import { type NoteVerifier, openNote, signNote } from './signed-note.ts'

/** What a tenant's log held at some time: signed, it is what later versions of the log are compared with. */
export interface Checkpoint {
  readonly tenantId: string
  /** Entries 1 to `size`. */
  readonly size: number
  /** Root of the Merkle tree over them, 32 bytes. */
  readonly root: Buffer
}

const originPrefix = 'cordon/audit/'

/** The name of a tenant's log, which is also the name its key signs with. */
export function originOf(tenantId: string): string {
  return `${originPrefix}${encodeURIComponent(tenantId)}`
}

/** @source C2SP tlog-checkpoint: origin, size, root hash; the key's name is the origin */
export function signCheckpoint({ tenantId, size, root }: Checkpoint, privateKey: KeyObject): string {
  const origin = originOf(tenantId)
  return signNote(`${origin}\n${size}\n${root.toString('base64')}\n`, origin, privateKey)
}

/** Reads a checkpoint that one of the keys has signed; null when it is none, or not theirs. */
export function readCheckpoint(note: string, publicKeys: readonly KeyObject[]): Checkpoint | null {
  const tenantId = namedTenant(note)
  if (tenantId === null) return null
  const name = originOf(tenantId)
  const verifiers = publicKeys.map((publicKey): NoteVerifier => ({ name, publicKey }))
  const match = /^[^\n]+\n(0|[1-9]\d{0,14})\n([A-Za-z0-9+/]{43}=)\n$/.exec(openNote(note, verifiers) ?? '')
  const root = Buffer.from(match?.[2] ?? '', 'base64')
  if (match === null || root.toString('base64') !== match[2]) return null
  return { tenantId, size: Number(match[1]), root }
}

/** The tenant a note says it is about, signed or not; null when it says nothing of the kind. */
export function namedTenant(note: string): string | null {
  const [origin = ''] = note.split('\n', 1)
  if (!origin.startsWith(originPrefix)) return null
  try {
    const tenantId = decodeURIComponent(origin.slice(originPrefix.length))
    return originOf(tenantId) === origin ? tenantId : null
  } catch (cause) {
    if (cause instanceof URIError) return null
    throw cause
  }
}
