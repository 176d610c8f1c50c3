import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { JsonObject } from '../../protocol/decode.ts'
import type { RunProgram } from '../host/run-program.ts'
import { type StateDirectory, stateFiles } from '../state.ts'
import type { GuardControl } from './control.ts'
import { closeMount, isNoexec, type NoexecMount, readMounts, reopenMounts } from './mounts.ts'
import type { RestrictionRecord } from './record.ts'
import type { GuardStatus } from './status.ts'

/** What bringing a restriction about and taking it back needs. */
export interface RestrictionDeps {
  readonly run: RunProgram
  readonly state: StateDirectory
  readonly guard: GuardControl
}

/** How the guard answered: see `askGuard`. */
export type GuardAnswer = GuardStatus | 'dead' | 'silent'

/** Closes what is open of the mounts a record names; the record must be on the disk. @throws MountError */
export async function closeMounts({ run }: Pick<RestrictionDeps, 'run'>, record: RestrictionRecord): Promise<void> {
  for (const mount of listOpen(record)) await closeMount(run, mount)
}

/** The mounts a record names that can be executed from. */
export function listOpen({ noexec }: Pick<RestrictionRecord, 'noexec'>): readonly NoexecMount[] {
  const present = readMounts()
  return noexec.filter(({ mountPoint }) => present.some((mount) => mount.mountPoint === mountPoint && !isNoexec(mount)))
}

/**
 * Ends a restriction: the guard first, then the mounts, then the record, so that a kill in between leaves something to go on from.
 * @throws MountError
 */
export async function liftRestriction(deps: RestrictionDeps, record: RestrictionRecord | undefined): Promise<void> {
  await deps.guard.stop()
  if (record === undefined) return
  await reopenMounts(deps.run, record.noexec)
  removeCanary(record)
  deps.state.remove(stateFiles.restriction)
}

/** Removes the programs of the self-test. */
export function removeCanary({ canary }: Pick<RestrictionRecord, 'canary'>): void {
  if (canary !== null) rmSync(dirname(canary), { recursive: true, force: true })
}

/** A result has little room, and a host with containers hundreds of mounts. */
function cut(names: readonly string[]): readonly string[] {
  return names.slice(0, 40).map((name) => name.slice(0, 200))
}

/** The host's restriction in the form of a result's `before` and `after`. */
export function describeRestriction(record: RestrictionRecord | undefined, guard: GuardAnswer): JsonObject {
  if (record === undefined || typeof guard === 'string') return { restricted: false }
  return {
    restricted: true,
    until: record.until,
    guardPid: guard.pid,
    mounts: cut(guard.marked),
    unmarked: cut(guard.unmarked),
    noexec: cut(record.noexec.map(({ mountPoint }) => mountPoint)),
    allowed: cut(record.allow),
  }
}
