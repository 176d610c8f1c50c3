import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * Claims the embedded database for this server: a second one on the same file would take its jobs away under it. The claim is a file lock
 * of the operating system's, so it ends with the process however that dies. Commands beside a running server need none.
 * @param databaseFile path of the embedded database; the lock is a file beside it
 * @returns the function that gives the claim back
 * @throws Error when another server runs on it
 */
export function claimDatabase(databaseFile: string): () => void {
  mkdirSync(dirname(databaseFile), { recursive: true, mode: 0o700 })
  const lock = new DatabaseSync(`${databaseFile}.lock`, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw new Error(`another Cordon server is running on ${databaseFile}`, { cause })
  }
  return () => {
    if (lock.isOpen) lock.close()
  }
}
