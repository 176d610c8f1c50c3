import { join } from 'node:path'

/** The embedded database of a data folder. The server and every command that works beside it open the same file. */
export function databaseFile(dataDir: string): string {
  return join(dataDir, 'cordon.db')
}
