import { dirname } from 'node:path'
import { formatInstant } from '../../protocol/instants.ts'
import type { ActionDeps } from '../actions/action.ts'
import { renewAllowed } from '../actions/restriction/allowed.ts'
import { GuardError } from '../guard/control.ts'
import { chooseNoexec, MountError, readMounts } from '../guard/mounts.ts'
import { leftMs, type RestrictionRecord, readRestriction, writeRestriction } from '../guard/record.ts'
import { closeMounts, type GuardAnswer, liftRestriction, listOpen } from '../guard/restriction.ts'
import type { GuardStatus } from '../guard/status.ts'
import { readBootId } from '../host/facts.ts'
import type { Session } from '../session.ts'
import { isReleasedByCode } from './break-glass.ts'

/** What bringing a restriction back needs. */
export type RestrictionCareDeps = Pick<ActionDeps, 'run' | 'clock' | 'state' | 'guard'>

/** How the restriction the agent remembers stands to what guards it. */
export type RestrictionCare =
  /** Nothing is remembered. */
  | { readonly kind: 'none' }
  | { readonly kind: 'inForce'; readonly until: string; readonly guard: GuardStatus }
  /** Brought back; `lost` says what had become of it. */
  | {
      readonly kind: 'restored'
      readonly until: string
      readonly guard: GuardStatus
      readonly lost: 'reboot' | 'guardDied' | 'guardSilent' | 'mountOpened'
    }
  /** Its time is over, or a code has ended it; everything of it is gone. */
  | { readonly kind: 'ended'; readonly until: string }
  /** Begun by a command that was cut short before its test: the command itself decides. */
  | { readonly kind: 'untested' }

/**
 * Makes the host hold what the agent remembers: a guard that is gone, after a reboot or because somebody ended it, is started again; one
 * that does not answer is ended first, because every program waits for it; a mount that was opened is closed again. What is over is lifted.
 * @throws GuardError, MountError
 */
export async function restoreRestriction(deps: RestrictionCareDeps): Promise<RestrictionCare> {
  const record = readRestriction(deps.state)
  if (record === undefined) return { kind: 'none' }
  const { until } = record
  if (isReleasedByCode(deps.state, record.commandId) || leftMs(deps.clock, record) <= 0) {
    await liftRestriction(deps, record)
    return { kind: 'ended', until }
  }
  const guard = await deps.guard.ask()
  if (typeof guard === 'object' && listOpen(record).length === 0) return { kind: 'inForce', until, guard }
  if (!record.tested) {
    // Nothing on the host starts while it hangs, and the command that begun it may never be taken up.
    if (guard === 'silent') await deps.guard.stop()
    return { kind: 'untested' }
  }
  const lost = nameLoss(record, guard)
  // Read anew: the lease may have been renewed, or ended by the guard, while it was asked.
  const current = readRestriction(deps.state)
  if (current === undefined) return { kind: 'none' }
  const next = { ...current, bootId: readBootId(), noexec: refreshNoexec(current) }
  writeRestriction(deps.state, next)
  const alive = typeof guard === 'object' ? guard : await startAgain(deps)
  await closeMounts(deps, next)
  return { kind: 'restored', until: next.until, guard: alive, lost }
}

async function startAgain({ guard }: RestrictionCareDeps): Promise<GuardStatus> {
  await guard.stop()
  return guard.start()
}

/** What was mounted anew meanwhile, by a boot or by somebody, is remembered as it is now; the rest as it was before we closed it. */
function refreshNoexec({ noexec }: RestrictionRecord): RestrictionRecord['noexec'] {
  const mounts = readMounts()
  return noexec.flatMap((closed) => {
    const mount = mounts.find(({ mountPoint }) => mountPoint === closed.mountPoint)
    if (mount === undefined || mount.device === closed.device) return [closed]
    return chooseNoexec([mount])
  })
}

function nameLoss(
  record: RestrictionRecord,
  guard: GuardAnswer,
): 'reboot' | 'guardDied' | 'guardSilent' | 'mountOpened' {
  if (typeof guard === 'object') return 'mountOpened'
  if (record.bootId !== readBootId()) return 'reboot'
  return guard === 'dead' ? 'guardDied' : 'guardSilent'
}

const lossReports = {
  guardDied: { kind: 'GuardDied', detail: 'the execution guard was gone and everything could start; it guards again' },
  guardSilent: {
    kind: 'GuardSilent',
    detail: 'the execution guard did not answer and was ended; a new one guards again',
  },
  mountOpened: {
    kind: 'MountOpened',
    detail: 'programs could start again from a mount that was closed; it is closed again',
  },
}

/**
 * Brings host and record of the restriction together, and notes for the next heartbeat what somebody did to it and what was denied.
 * @returns whether there is something to tell the server
 */
export async function settleRestriction(session: Session): Promise<boolean> {
  const told = session.tamper.length
  const before = session.restriction.restricted
  try {
    const care = await session.guardTurn(() => {
      if (renewAllowed(session.actions)) session.host.log('other programs are allowed now')
      return restoreRestriction(session.actions)
    })
    if (care.kind === 'ended') session.host.log('restriction ended', { until: care.until })
    const guard = care.kind === 'inForce' || care.kind === 'restored' ? care.guard : undefined
    const restrictedUntil = care.kind === 'inForce' || care.kind === 'restored' ? care.until : null
    session.restriction = { restricted: guard !== undefined, restrictedUntil }
    if (care.kind === 'restored') {
      session.host.log('restriction restored', { lost: care.lost, until: care.until })
      if (care.lost !== 'reboot') note(session, lossReports[care.lost].kind, lossReports[care.lost].detail)
    }
    if (guard !== undefined) noteDenials(session, guard)
  } catch (error) {
    // The host must stay in contact; the next look comes within a second.
    if (!(error instanceof GuardError || error instanceof MountError)) throw error
    session.restriction = { restricted: false, restrictedUntil: null }
    if (before) note(session, 'GuardNotRestored', error.message.slice(0, 900))
    session.host.log('restriction could not be restored', { problem: error.message })
  }
  return session.tamper.length > told || session.restriction.restricted !== before
}

/** A program is told once for as long as one guard lives: what is denied is often tried again and again. */
function noteDenials(session: Session, { pid, denials, late }: GuardStatus): void {
  const { reported, actions } = session
  const canary = readRestriction(actions.state)?.canary ?? null
  for (const { path, uid, count } of denials) {
    const key = `${pid}:${path}`
    if (reported.has(key) || (canary !== null && dirname(path) === dirname(canary))) continue
    reported.add(key)
    note(session, 'ExecutionDenied', `user ${uid}: ${path.slice(0, 800)} (${count} times so far)`)
  }
  const key = `${pid}:late:${late}`
  if (late === 0 || reported.has(key)) return
  reported.add(key)
  note(session, 'GuardLate', `${late} programs started because the guard had no answer in time`)
}

function note(session: Session, kind: string, detail: string): void {
  session.host.log('restriction', { kind, detail })
  session.tamper.push({ kind, at: formatInstant(session.host.clock.nowMs()), detail })
}

const LOOK_MS = 1_000

/** Watches over the guard while a restriction is in force; what has to be told ends a held poll. @returns what ends the watch */
export function watchRestriction(session: Session): () => void {
  let looking = false
  const look = async (): Promise<void> => {
    if (looking || readRestriction(session.state) === undefined) return
    looking = true
    if (await settleRestriction(session)) session.turn.abort()
    looking = false
  }
  const timer = setInterval(() => void look(), LOOK_MS)
  return () => clearInterval(timer)
}
