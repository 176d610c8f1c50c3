import { closeSync, lstatSync, rmSync } from 'node:fs'
import type { QuarantineFileBody } from '../../../protocol/bodies/stopAndQuarantineFile.ts'
import type { JsonObject } from '../../../protocol/decode.ts'
import { type ActionDeps, type ActionOrder, type ActionOutcome, describeFailure } from '../action.ts'
import { type Digests, digestPath } from './digest.ts'
import { holdsContent } from './expire-vault.ts'
import { findCopies } from './find-copies.ts'
import { createGuard, type Guard, type GuardRefusal } from './guards.ts'
import { resolveFolders } from './held-directory.ts'
import { classify, moveCopy, type VaultWork } from './move-copy.ts'
import { describeQuarantine } from './quarantine-proof.ts'
import { type CopyRecord, listRecords, type QuarantineRecord, readRecord, vaultFolder, writeRecord } from './record.ts'
import {
  createFindMatches,
  endMatches,
  type FindMatches,
  freezeMatches,
  type Match,
  openExecutable,
} from './running.ts'
import { blobPath, openVaultKey, sealContent } from './vault.ts'

/** Limits of one search; what lies beyond them is said in the proof. */
const SEARCH_MS = 10 * 60_000
const SEARCH_BYTES = 64 * 1024 ** 3
const MAX_COPIES = 1_000
/** How often a program that is started again meanwhile is ended. */
const END_ROUNDS = 20
const MAX_LISTED = 40

/** What the steps of one command share. */
export interface FileWork {
  readonly deps: ActionDeps
  readonly order: ActionOrder
  readonly body: QuarantineFileBody
  readonly find: FindMatches
  readonly guard: Guard
  /** As written last. */
  record: QuarantineRecord
}

/**
 * Ends every process that runs a file and moves every copy of it into the vault. What the host, the agent or an installed package needs
 * is refused before anything is done. Each step stands in the vault's record before the next one, so that a run that was killed goes on
 * where it was.
 * @source design actions.md 7.3, 8.3, 8.4
 */
export async function stopAndQuarantineFile(
  deps: ActionDeps,
  order: ActionOrder,
  body: QuarantineFileBody,
): Promise<ActionOutcome> {
  const known = readRecord(deps.state, order.commandId)
  const work: FileWork = {
    deps,
    order,
    body,
    find: createFindMatches(body.hashes),
    guard: createGuard({
      policy: deps.policy(),
      allowPackageFiles: body.allowPackageFiles,
      stateDirectory: deps.state.path,
    }),
    record: known ?? { commandId: order.commandId, killed: [], copies: [] },
  }
  const first = await look(work)
  const before = order.resumedFrom ?? describeBefore(first)
  const refusal = order.resumedFrom === null ? await findRefusal(work, first) : undefined
  if (refusal !== undefined) return describeFailure('refused', refusal.code, refusal.reason, { before, after: before })
  if (order.dryRun) return rehearse(first, before)
  if (order.resumedFrom === null) order.begin(before)
  deps.failpoint('file-begun')
  openVaultKey(deps.state)
  writeRecord(deps.state, work.record)
  if (body.stopProcesses) await endProcesses(work)
  plan(work, first.copies)
  const searched = first.searched ?? (await search(work, sizeOf(work, first)))
  plan(work, searched.copies)
  await moveCopies(work)
  // Whoever started the program again meanwhile finds nothing to start any more.
  if (body.stopProcesses) await endProcesses(work)
  deps.failpoint('file-moved')
  dropUnused(work)
  const nothing = work.record.copies.length === 0 && work.record.killed.length === 0
  if (nothing && !holdsElsewhere(work)) {
    const detail = 'no process runs the file and no copy of it was found'
    return describeFailure('failed', 'NotFound', detail, { before, after: { found: false } })
  }
  return describeQuarantine(work, before, searched.complete ? searched.how : 'stopped at its limit')
}

/** A copy before anything is done to it. */
interface SeenCopy {
  readonly path: Buffer
  readonly digests: Digests
}

interface Look {
  readonly matches: readonly Match[]
  readonly copies: readonly SeenCopy[]
  /** Set when the file systems were searched already, because nothing else led to a copy. */
  readonly searched: Searched | undefined
}

/** Looks without effect: at the processes, where they come from, and at the path that was named. */
async function look(work: FileWork): Promise<Look> {
  const { body, order } = work
  const matches = await work.find()
  const paths = new Map<string, Buffer>()
  for (const path of [...(body.path === undefined ? [] : [Buffer.from(body.path)]), ...matches.flatMap(findHome)]) {
    const real = tryResolve(path)
    if (real !== undefined) paths.set(real.toString('latin1'), real)
  }
  const copies: SeenCopy[] = []
  for (const path of paths.values()) {
    const digests = await digestPath(path, body.hashes)
    if (digests !== undefined) copies.push({ path, digests })
  }
  if (matches.length + copies.length > 0 || order.dryRun || order.resumedFrom !== null) {
    return { matches, copies, searched: undefined }
  }
  const searched = await search(work, body.sizeBytes)
  return { matches, copies: searched.copies, searched }
}

/** Where a process's executable stands, when that is still the same file. */
function findHome({ process: { executable, device, inode } }: Match): readonly Buffer[] {
  const stat = lstatSync(executable, { bigint: true, throwIfNoEntry: false })
  return stat?.dev === device && stat.ino === inode ? [executable] : []
}

function tryResolve(path: Buffer): Buffer | undefined {
  try {
    return resolveFolders(path)
  } catch {
    // A folder of it is gone: there is no copy there.
    return undefined
  }
}

interface Searched {
  readonly copies: readonly SeenCopy[]
  readonly complete: boolean
  readonly how: 'complete' | 'not asked'
}

async function search({ deps, body }: FileWork, sizeBytes: number | undefined): Promise<Searched> {
  if (!body.walk) return { copies: [], complete: true, how: 'not asked' }
  const { copies, complete } = await findCopies({
    hashes: body.hashes,
    sizeBytes,
    roots: deps.config.search,
    except: [deps.state.path],
    maxMs: SEARCH_MS,
    maxBytes: SEARCH_BYTES,
    maxCopies: MAX_COPIES,
    nowMs: deps.clock.elapsedMs,
  })
  return { copies, complete, how: 'complete' }
}

function sizeOf({ body, record }: FileWork, { matches, copies }: Look): number | undefined {
  return (copies[0] ?? matches[0])?.digests.sizeBytes ?? record.copies[0]?.sizeBytes ?? body.sizeBytes
}

/** Why nothing may be done at all. */
async function findRefusal({ guard }: FileWork, { matches, copies }: Look): Promise<GuardRefusal | undefined> {
  if ([...matches, ...copies].some(({ digests }) => digests.sizeBytes === 0)) {
    return { code: 'Protected', reason: 'an empty file is no evidence' }
  }
  for (const { process, digests } of matches) {
    const path = process.executable.toString('utf8').replace(/ \(deleted\)$/, '')
    const reason = await guard({ path, device: process.device, inode: process.inode, digests })
    if (reason !== undefined) return reason
  }
  for (const copy of copies) {
    const reason = await guardCopy(guard, copy)
    if (reason !== undefined) return reason
  }
  return undefined
}

async function guardCopy(guard: Guard, { path, digests }: SeenCopy): Promise<GuardRefusal | undefined> {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  if (stat === undefined) return undefined
  return guard({ path: path.toString('utf8'), device: stat.dev, inode: stat.ino, digests })
}

/** Stops, records, kills; again as long as the program comes back. */
async function endProcesses(work: FileWork): Promise<void> {
  for (let round = 0; round < END_ROUNDS; round += 1) {
    const frozen = await freezeMatches(work.find)
    if (frozen.length === 0) return
    work.deps.failpoint('file-stopped')
    await keepNameless(work, frozen)
    const known = new Set(work.record.killed.map(({ pid, start }) => `${pid}:${start}`))
    const killed = frozen
      .filter(({ process: { pid, start } }) => !known.has(`${pid}:${start}`))
      .map(({ process: { pid, start, uid, executable }, digests }) => {
        return { pid, start, uid, executable: executable.toString('utf8').slice(0, 4096), sha256: digests.sha256 }
      })
    save(work, { killed: [...work.record.killed, ...killed] })
    await endMatches(frozen, work.deps)
    work.deps.failpoint('file-killed')
  }
}

/** Keeps the content of executables that have no name any more, or never had one; with their process they would be gone. */
async function keepNameless(work: FileWork, frozen: readonly Match[]): Promise<void> {
  for (const match of frozen) {
    const { process, digests } = match
    const { device, inode } = process
    const isKnown = work.record.copies.some((copy) => copy.device === `${device}` && copy.inode === `${inode}`)
    if (isKnown || findHome(match).length > 0) continue
    const descriptor = openExecutable(process.pid)
    if (descriptor === undefined) continue
    const nameless = { ...emptyStat, device: `${device}`, inode: `${inode}`, phase: 'content' as const }
    const copy = makeCopy(work, process.executable, digests, nameless)
    try {
      const { key, folder, commandId } = openWork(work)
      await sealContent(key, folder, commandId, descriptor, digests)
      save(work, { copies: [...work.record.copies, copy] })
    } catch (error) {
      // The process is ended all the same; that its content could not be kept stands in the result.
      save(work, { copies: [...work.record.copies, { ...copy, phase: 'left', code: classify(error) }] })
    } finally {
      closeSync(descriptor)
    }
  }
}

const emptyStat = { mode: 0, uid: 0, gid: 0, accessedNs: '0', modifiedNs: '0', links: 0 }

function makeCopy(
  { record }: FileWork,
  path: Buffer,
  { sha1, sha256, sizeBytes }: Digests,
  rest: Omit<CopyRecord, 'item' | 'pathBytes' | 'sha1' | 'sha256' | 'sizeBytes' | 'code'>,
): CopyRecord {
  const item = record.copies.length + 1
  return { item, pathBytes: path.toString('base64'), sha1, sha256, sizeBytes, ...rest, code: null }
}

/** Writes down what is going to be moved, with everything that brings it back. */
function plan(work: FileWork, seen: readonly SeenCopy[]): void {
  const planned = new Set(work.record.copies.map(({ pathBytes }) => pathBytes))
  for (const { path, digests } of seen) {
    const real = tryResolve(path)
    if (real === undefined || planned.has(real.toString('base64'))) continue
    const stat = lstatSync(real, { bigint: true, throwIfNoEntry: false })
    if (stat?.isFile() !== true) continue
    planned.add(real.toString('base64'))
    const copy = makeCopy(work, real, digests, {
      mode: Number(stat.mode & 0o7777n),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      accessedNs: String(stat.atimeNs),
      modifiedNs: String(stat.mtimeNs),
      device: String(stat.dev),
      inode: String(stat.ino),
      links: Number(stat.nlink),
      phase: 'planned',
    })
    work.record = { ...work.record, copies: [...work.record.copies, copy] }
  }
  save(work, {})
  work.deps.failpoint('file-planned')
}

async function moveCopies(work: FileWork): Promise<void> {
  const vault = openWork(work)
  for (const copy of work.record.copies) {
    if (copy.phase === 'removed' || copy.phase === 'content' || copy.phase === 'left') continue
    const seen: SeenCopy = {
      path: Buffer.from(copy.pathBytes, 'base64'),
      digests: { md5: '', sha1: copy.sha1, sha256: copy.sha256, sizeBytes: copy.sizeBytes },
    }
    // What the search found was not there yet when the whole was judged.
    const reason = copy.phase === 'planned' ? await guardCopy(work.guard, seen) : undefined
    if (reason === undefined) await moveCopy(vault, copy)
    else vault.save({ ...copy, phase: 'left', code: reason.code })
  }
}

function openWork(work: FileWork): VaultWork {
  const { deps, order } = work
  return {
    key: openVaultKey(deps.state),
    folder: vaultFolder(deps.state, order.commandId),
    commandId: order.commandId,
    failpoint: deps.failpoint,
    run: deps.run,
    save: (copy) => save(work, { copies: work.record.copies.map((old) => (old.item === copy.item ? copy : old)) }),
  }
}

function save(work: FileWork, changes: Partial<QuarantineRecord>): void {
  work.record = { ...work.record, ...changes }
  writeRecord(work.deps.state, work.record)
}

/** Content that was sealed for a copy that stayed where it is needs no place. */
function dropUnused({ deps, order, record }: FileWork): void {
  const used = record.copies.filter(({ phase }) => phase !== 'left').map(({ sha256 }) => sha256)
  const folder = vaultFolder(deps.state, order.commandId)
  if (record.copies.length === 0 && record.killed.length === 0) rmSync(folder, { recursive: true, force: true })
  for (const { sha256 } of record.copies) if (!used.includes(sha256)) rmSync(blobPath(folder, sha256), { force: true })
}

/** True when an earlier command has moved this file into the vault and nobody brought it back. */
function holdsElsewhere({ deps, body }: FileWork): boolean {
  return listRecords(deps.state).some((commandId) =>
    readRecord(deps.state, commandId)?.copies.some(
      (copy) =>
        holdsContent(copy) &&
        (body.hashes.sha256 === undefined || body.hashes.sha256 === copy.sha256) &&
        (body.hashes.sha1 === undefined || body.hashes.sha1 === copy.sha1),
    ),
  )
}

function describeBefore({ matches, copies }: Look): JsonObject {
  return {
    processes: matches.length,
    listedProcesses: matches.slice(0, MAX_LISTED).map(({ process: { pid, uid, executable } }) => {
      return { pid, uid, executable: executable.toString('utf8').slice(0, 300) }
    }),
    copies: copies.length,
    listedCopies: copies.slice(0, MAX_LISTED).map(({ path }) => path.toString('utf8').slice(0, 300)),
  }
}

function rehearse({ matches, copies }: Look, before: JsonObject): ActionOutcome {
  const nothing = matches.length + copies.length === 0
  return {
    state: 'succeeded',
    target: { state: nothing ? 'notFound' : 'succeeded', changed: false },
    code: 'DryRun',
    detail: `would end ${matches.length} processes, move ${copies.length} known copies and search for more`,
    before,
    after: before,
    proof: null,
  }
}
