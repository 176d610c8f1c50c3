import type { JournalEntry } from '../journal.ts'
import type { Session } from '../session.ts'

/** Commands that take long and touch nothing others need: an isolation must not wait for a scan, nor for a package that is being collected. */
export function runsBeside({ family }: Pick<JournalEntry, 'family'>): boolean {
  return family === 'scan' || family === 'package'
}

/** Carries a command out beside the loop; its end ends a held poll, so that the result goes out at once. */
export function startBeside(session: Session, entry: JournalEntry, carryOut: () => Promise<void>): void {
  if (session.beside.has(entry.commandId)) return
  const run = carryOut().finally(() => {
    session.beside.delete(entry.commandId)
    session.turn.abort()
  })
  session.beside.set(entry.commandId, run)
}

/** Cuts short what runs beside the loop; the next run of the agent takes it up again. */
export async function endBeside(session: Session): Promise<void> {
  session.ending.abort()
  await Promise.all(session.beside.values())
}
