import { join } from 'node:path'

/** Where checkpoints of the audit log are written unless an option says otherwise: outside of the database. */
export function checkpointFolder(dataDir: string): string {
  return join(dataDir, 'checkpoints')
}

/** Where packages that hosts have collected are kept. */
export function packageFolder(dataDir: string): string {
  return join(dataDir, 'packages')
}

/** The embedded database of a data folder. The server and every command that works beside it open the same file. */
export function databaseFile(dataDir: string): string {
  return join(dataDir, 'cordon.db')
}
