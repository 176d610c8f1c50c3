import { rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { formatInstant } from '../../protocol/instants.ts'
import type { Clock } from '../host/clock.ts'
import { readStart } from '../host/processes.ts'
import type { RunProgram } from '../host/run-program.ts'
import { openStateDirectory, type StateDirectory, stateFiles } from '../state.ts'
import { judgeContent, judgePath, type Trust } from './decide.ts'
import { type ExecEvent, type Fanotify, FanotifyError, type Kernel, nameError } from './fanotify.ts'
import { chooseMounts, listMissing, readMounts, reopenMounts } from './mounts.ts'
import { openPackageFiles, type PackageFiles } from './package-files.ts'
import { leftMs, type RestrictionRecord, readRestriction } from './record.ts'
import { type Denial, type GuardStatus, MAX_DENIALS, serveStatus } from './status.ts'
import { closeExecutable, describeExecutable, digestContent, readUser, readVital } from './trust.ts'

/** What the guard works with. */
export interface GuardDeps {
  readonly kernel: Kernel
  readonly clock: Clock
  readonly run: RunProgram
  readonly pid: number
  readonly stateDirectory: string
  /** Fires when the guard is told to end. */
  readonly signal: AbortSignal
}

/** Nothing that starts waits longer than this for a decision. @source design actions.md 8.5 */
const ANSWER_MS = 50
/** How long the wait for events is, after which the end of the guard is noticed at the latest. */
const WAIT_MS = 250
const LOOK_MS = 1_000
/** A guard that has not looked around for so long is killed by the kernel: every program would wait for it. */
const DEADLINE_SECONDS = 10
const MAX_CACHED = 50_000

interface Guarding {
  readonly deps: GuardDeps
  readonly state: StateDirectory
  readonly fanotify: Fanotify
  readonly packages: PackageFiles
  /** Decisions by version of the file. */
  readonly cache: Map<string, boolean>
  /** Decisions that wait for the content, by version: a file that is started again and again is read once. */
  readonly reading: Map<string, Promise<boolean>>
  readonly denials: Map<string, Denial>
  /** Mount point by device of what is watched. */
  readonly marked: Map<string, string>
  readonly counts: { allowed: number; denied: number; late: number }
  unmarked: readonly string[]
  record: RestrictionRecord
  trust: Trust
  /** On the clock of the host's running time. */
  deadlineMs: number
}

/**
 * Guards the start of programs until the record is gone, its time is over or the signal fires. At the end of its time, or without a record,
 * it opens what the second layer closed by itself.
 * @throws FanotifyError when nothing can be watched
 */
export async function guardPrograms(deps: GuardDeps): Promise<void> {
  const state = openStateDirectory(deps.stateDirectory)
  const record = readRestriction(state)
  if (record === undefined) return
  const packages = openPackageFiles()
  const guarding: Guarding = {
    deps,
    state,
    fanotify: deps.kernel.openFanotify(),
    packages,
    cache: new Map(),
    reading: new Map(),
    denials: new Map(),
    marked: new Map(),
    counts: { allowed: 0, denied: 0, late: 0 },
    unmarked: [],
    record,
    trust: { packages, vital: readVital(record.canary), allowed: record.allow },
    deadlineMs: deps.clock.elapsedMs() + leftMs(deps.clock, record),
  }
  try {
    markMounts(guarding)
    if (guarding.marked.size === 0)
      throw new FanotifyError('marks', `nothing could be marked: ${guarding.unmarked.join(', ')}`)
  } catch (error) {
    guarding.fanotify.close()
    throw error
  }
  state.write(stateFiles.guard, `${deps.pid} ${readStart(deps.pid)}\n`)
  const server = await serveStatus(deps.stateDirectory, () => describe(guarding))
  await watch(guarding, server)
}

async function watch(guarding: Guarding, server: Server): Promise<void> {
  const { deps, fanotify } = guarding
  let end: 'told' | 'replaced' | 'over' | undefined
  const look = (): void => {
    deps.kernel.setDeadline(DEADLINE_SECONDS)
    end ??= lookAround(guarding)
  }
  const timer = setInterval(look, LOOK_MS)
  look()
  while (end === undefined) {
    await fanotify.wait(WAIT_MS)
    if (deps.signal.aborted) end = 'told'
    else for (const event of fanotify.read()) decide(guarding, event)
  }
  // Before anything else: whatever waits for an answer is let through.
  fanotify.close()
  clearInterval(timer)
  server.close()
  deps.kernel.setDeadline(0)
  if (end === 'over') {
    await reopenMounts(deps.run, guarding.record.noexec)
    if (readRestriction(guarding.state) !== undefined) guarding.state.remove(stateFiles.restriction)
  }
  if (isOurs(guarding)) {
    guarding.state.remove(stateFiles.guard)
    rmSync(join(deps.stateDirectory, stateFiles.guardSocket), { force: true })
  }
}

/** Takes over what changed about the restriction and the host. @returns why the guard is to end, or undefined */
function lookAround(guarding: Guarding): 'replaced' | 'over' | undefined {
  const { deps, state, packages, cache, reading } = guarding
  const record = readRestriction(state)
  // Whoever ends a restriction tells the guard first: a record that is just gone was removed with the agent.
  if (record === undefined) return 'over'
  if (!isOurs(guarding)) return 'replaced'
  if (record.until !== guarding.record.until) {
    guarding.deadlineMs = deps.clock.elapsedMs() + leftMs(deps.clock, record)
  }
  const changed = packages.refresh() || record.allow.join() !== guarding.record.allow.join()
  if (changed) {
    cache.clear()
    // What is read now was asked for under what held before.
    reading.clear()
  }
  guarding.record = record
  guarding.trust = { packages, vital: readVital(record.canary), allowed: record.allow }
  markMounts(guarding)
  return deps.clock.elapsedMs() >= guarding.deadlineMs ? 'over' : undefined
}

function isOurs({ state, deps }: Guarding): boolean {
  return (state.read(stateFiles.guard) ?? '').startsWith(`${deps.pid} `)
}

/** Watches each wanted file system once, by whatever mount it is reached; one that came later as well. */
function markMounts(guarding: Guarding): void {
  const { fanotify, record, marked } = guarding
  const mounts = readMounts()
  const problems = listMissing(mounts, record.mounts).map((path) => `${path}: nothing is mounted there`)
  for (const { device, mountPoint } of chooseMounts(mounts, record.mounts)) {
    if (marked.has(device)) continue
    const code = fanotify.markFileSystem(mountPoint)
    if (code === 0) marked.set(device, mountPoint)
    else problems.push(`${mountPoint}: ${nameError(code)}`)
  }
  guarding.unmarked = problems
}

function decide(guarding: Guarding, event: ExecEvent): void {
  const { fanotify, cache, trust } = guarding
  const executable = describeExecutable(event.fd)
  const answer = (allow: boolean): void => {
    fanotify.answer(event, allow)
    if (allow) guarding.counts.allowed += 1
    else noteDenial(guarding, event, executable.path)
  }
  const known = cache.get(executable.version)
  const opinion = known === undefined ? judgePath(executable, trust) : undefined
  if (opinion?.kind === 'read') {
    void decideByContent(guarding, event, executable.version, opinion, answer)
    return
  }
  const allow = known ?? opinion?.kind === 'allow'
  remember(guarding, executable.version, allow)
  answer(allow)
  closeExecutable(event.fd)
}

/** Reading may take longer than a start may wait: then it is let through, counted, and decided for the next time. */
async function decideByContent(
  guarding: Guarding,
  event: ExecEvent,
  version: string,
  opinion: Parameters<typeof digestContent>[1],
  answer: (allow: boolean) => void,
): Promise<void> {
  let answered = false
  const timer = setTimeout(() => {
    answered = true
    guarding.counts.late += 1
    answer(true)
  }, ANSWER_MS)
  try {
    const allow = await (guarding.reading.get(version) ?? readContent(guarding, event.fd, version, opinion))
    if (!answered) answer(allow)
  } catch {
    // Nobody can say what a file is that cannot be read.
    if (!answered) answer(false)
  } finally {
    clearTimeout(timer)
    closeExecutable(event.fd)
  }
}

function readContent(
  guarding: Guarding,
  fd: number,
  version: string,
  opinion: Parameters<typeof digestContent>[1],
): Promise<boolean> {
  const { reading } = guarding
  const isCurrent = (): boolean => reading.get(version) === decision
  const decision = digestContent(fd, opinion)
    .then((digest) => {
      const allow = judgeContent(opinion, digest)
      if (isCurrent()) remember(guarding, version, allow)
      return allow
    })
    .finally(() => {
      if (isCurrent()) reading.delete(version)
    })
  reading.set(version, decision)
  return decision
}

function remember({ cache }: Guarding, version: string, allow: boolean): void {
  if (cache.size >= MAX_CACHED) cache.clear()
  cache.set(version, allow)
}

function noteDenial({ deps, denials, counts }: Guarding, { pid }: ExecEvent, path: string): void {
  counts.denied += 1
  const before = denials.get(path)
  denials.delete(path)
  const [oldest] = denials.keys()
  if (oldest !== undefined && denials.size >= MAX_DENIALS) denials.delete(oldest)
  const lastAt = formatInstant(deps.clock.nowMs())
  denials.set(path, { path, uid: readUser(pid), count: (before?.count ?? 0) + 1, lastAt })
}

function describe({ deps, marked, unmarked, counts, denials }: Guarding): GuardStatus {
  return {
    pid: deps.pid,
    marked: [...marked.values()],
    unmarked: [...unmarked],
    ...counts,
    denials: [...denials.values()],
  }
}
