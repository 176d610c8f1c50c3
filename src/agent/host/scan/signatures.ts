import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Where Debian's ClamAV keeps its signatures. */
export const CLAMAV_DATABASE = '/var/lib/clamav'

const databaseFiles = /\.(cvd|cld|cud|hdb|hsb|hdu|hsu|mdb|msb|ndb|ndu|ldb|ldu|yara|yar|sdb|zmd|idb)$/

/** The signatures of this host. */
export interface Signatures {
  /** Of the newest file. */
  readonly ageDays: number
}

/** What is known of the signatures in a folder; undefined when there are none. */
export function readSignatures(database: string, nowMs: number): Signatures | undefined {
  const times = listIfThere(database)
    .filter((name) => databaseFiles.test(name))
    .map((name) => statSync(join(database, name)).mtimeMs)
  if (times.length === 0) return undefined
  return { ageDays: Math.max(0, Math.floor((nowMs - Math.max(...times)) / 86_400_000)) }
}

function listIfThere(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return []
    throw error
  }
}
