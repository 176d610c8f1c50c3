import type { Clock } from '../io/clock.ts'
import type { Store } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'

/** What leaving a trace of an export needs. */
export interface RecordExportDeps {
  readonly store: Pick<Store, 'transaction'>
  readonly clock: Clock
  readonly log: { readonly error: (facts: object, text: string) => void }
}

/** What somebody takes away as a file. */
export interface ExportSubject {
  readonly action: 'exportAudit' | 'exportExecutions'
  readonly filter: object
  readonly format: string
}

/** How far a file came: to its end, or to where it was cut off. */
export interface ExportEnd {
  readonly ending: 'whole' | 'cut'
  /** Rows handed over; of a file that was cut off the last of them may not have arrived. */
  readonly rows: number
  /** Of the text handed over, in hex. Whoever finds a file finds its entry by it. */
  readonly sha256: string
}

/**
 * Records who took which rows away. Written when the file has ended, so that an export of the audit log, which reads from its newest entry
 * backwards, never holds its own entry.
 * @throws whatever the database throws for a whole file, which then must not look whole; a cut one is beyond help, and the fault is logged
 */
export async function recordExport(
  deps: RecordExportDeps,
  actor: Actor,
  { action, filter, format }: ExportSubject,
  { ending, rows, sha256 }: ExportEnd,
): Promise<void> {
  const details = { filter, format, rows, sha256, ending }
  const audit = { action, objectType: 'export', objectId: sha256, decision: 'allowed', details } as const
  try {
    await deps.store.transaction((tx) => recordChange(tx, { at: deps.clock.now(), actor, audit }))
  } catch (cause) {
    if (ending === 'whole') throw cause
    deps.log.error({ err: cause, requestId: actor.requestId }, 'an export that was cut off could not be recorded')
  }
}
