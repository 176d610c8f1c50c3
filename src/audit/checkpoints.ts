import type { Clock } from '../io/clock.ts'
import type { Logger } from '../io/log.ts'
import type { AuditKey } from '../io/secrets.ts'
import { listAuditEntries, listAuditHeads } from '../store/audit-log.ts'
import { flushSeen, type Store } from '../store/db.ts'
import type { AuditRow } from '../store/schema.ts'
import { type Checkpoint, readCheckpoint, signCheckpoint } from './checkpoint.ts'
import type { CheckpointFolder, NoteFile } from './checkpoint-folder.ts'
import { emptyTree, type GrowingTree, growTree, isTree, type Tree } from './merkle.ts'
import { hashRow } from './verify.ts'

/** What writing checkpoints needs. */
export interface CheckpointDeps {
  readonly store: Pick<Store, 'dialect' | 'read' | 'transaction'>
  readonly clock: Clock
  readonly log: Logger
  readonly auditKeys: readonly [AuditKey, ...AuditKey[]]
  readonly folder: CheckpointFolder
  /** From one round to the next; 10 without. */
  readonly everySeconds?: number
}

/** The running writer of checkpoints. */
export interface CheckpointWriter {
  /**
   * A tenant's newest checkpoint, made now when entries have come since the last; null when there are no entries.
   * @throws BrokenLog, or the error of the store or the folder
   */
  take(tenantId: string): Promise<string | null>
  /** Why checkpoints are not being written; null when they are. One line, without secrets or paths. */
  problem(): string | null
  /** Writes what has come since, as far as a few seconds allow, and ends. */
  stop(): Promise<void>
}

/** The log in the database is not the one that was signed, so nothing is signed until somebody has looked. */
export class BrokenLog extends Error {
  override readonly name: string = 'BrokenLog'
}

const defaultSeconds = 10
const pageSize = 500
/** The last round may take this long. */
const stopMs = 2_500

/** What is known of one log. */
interface KnownLog {
  tree: GrowingTree
  lastHash: string | null
  note: string | null
  signedSize: number
}

interface Writing extends CheckpointDeps {
  readonly logs: Map<string, KnownLog>
  readonly problems: Map<string, string>
  /** Wall clock in milliseconds after which a round breaks off; Infinity while running. */
  deadlineMs: number
}

/**
 * Signs what the logs hold, every few seconds and at the end, into a folder outside of the database. Only what continues the last signed
 * checkpoint is ever signed: every new entry is hashed anew and must fit the one before it, and at start the log must still have the root
 * that was signed last. A log that does not is not signed any more; the log file and /readyz say so.
 * @source C2SP tlog-checkpoint: a log must not sign a checkpoint inconsistent with an earlier one
 */
export function startCheckpoints(deps: CheckpointDeps): CheckpointWriter {
  const writing: Writing = { ...deps, logs: new Map(), problems: new Map(), deadlineMs: Number.POSITIVE_INFINITY }
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  // One at a time: two rounds would extend the same tree.
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return result
  }
  const run = async (): Promise<void> => {
    await inTurn(() => writeAll(writing))
    if (!stopped) timer = setTimeout(run, (deps.everySeconds ?? defaultSeconds) * 1_000)
  }
  void run()
  return {
    take: (tenantId) =>
      inTurn(() =>
        writeOne(writing, tenantId).catch((cause: unknown) => {
          noteProblem(writing, tenantId, cause)
          throw cause
        }),
      ),
    problem: () => [...writing.problems.values()][0] ?? null,
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      writing.deadlineMs = deps.clock.nowMs() + stopMs
      await inTurn(() => writeAll(writing))
    },
  }
}

/** One round; never throws. */
async function writeAll(writing: Writing): Promise<void> {
  try {
    const sizes = new Map((await listAuditHeads(writing.store.read)).map((head) => [head.tenant_id, head.size]))
    for (const tenantId of new Set([...sizes.keys(), ...writing.logs.keys()])) {
      const isUnchanged = writing.logs.get(tenantId)?.signedSize === sizes.get(tenantId)
      if (isUnchanged && !writing.problems.has(tenantId)) continue
      await writeOne(writing, tenantId).catch((cause: unknown) => noteProblem(writing, tenantId, cause))
    }
    writing.problems.delete('')
  } catch (cause) {
    noteProblem(writing, '', cause)
  }
}

function noteProblem({ log, problems }: Writing, tenantId: string, cause: unknown): void {
  const isBroken = cause instanceof BrokenLog
  problems.set(
    tenantId,
    isBroken ? 'the audit log is not the one that was signed' : 'audit checkpoints cannot be written',
  )
  log.error({ err: cause, tenantId }, isBroken ? 'the audit log was tampered with' : 'no audit checkpoint was written')
}

async function writeOne(writing: Writing, tenantId: string): Promise<string | null> {
  const known = writing.logs.get(tenantId) ?? (await resume(writing, tenantId))
  // Forgotten until it went well: what failed half-way is begun anew from what is signed.
  writing.logs.delete(tenantId)
  if (known === null || !(await advance(writing, tenantId, known))) return null
  const [head] = await listAuditHeads(writing.store.read, tenantId)
  if ((head?.size ?? 0) < known.tree.size) throw new BrokenLog(`of ${known.tree.size} entries some are gone`)
  if (known.tree.size > known.signedSize) await sign(writing, tenantId, known)
  writing.logs.set(tenantId, known)
  writing.problems.delete(tenantId)
  return known.note
}

/** Goes on from the newest checkpoint in the folder; null when time ran out meanwhile. */
async function resume(writing: Writing, tenantId: string): Promise<KnownLog | null> {
  const newest = await readNewest(writing, tenantId)
  if (newest === null) return { tree: growTree(), lastHash: null, note: null, signedSize: 0 }
  const { checkpoint, note } = newest
  const kept = readState(await writing.folder.readState(tenantId), checkpoint)
  const tree = growTree(kept?.tree ?? emptyTree)
  const known: KnownLog = { tree, lastHash: kept?.lastHash ?? null, note, signedSize: checkpoint.size }
  if (kept === null) {
    if (!(await advance(writing, tenantId, known, checkpoint.size))) return null
  } else if (tree.size > 0) {
    const [row] = await listAuditEntries(writing.store.read, tenantId, tree.size - 1, 1)
    if (row?.seq !== tree.size || row.hash !== kept.lastHash) {
      throw new BrokenLog(`entry ${tree.size}, the last that was signed, is missing or not what was written`)
    }
  }
  if (tree.size < checkpoint.size) {
    throw new BrokenLog(`entries up to ${checkpoint.size} were signed, and they are not all there`)
  }
  if (!tree.root().equals(checkpoint.root)) {
    throw new BrokenLog(`the first ${checkpoint.size} entries are not those that were signed`)
  }
  return known
}

async function readNewest(writing: Writing, tenantId: string): Promise<Signed | null> {
  let newest: Signed | null = null
  // More than one day: the clock may have gone back.
  for (const file of await writing.folder.listNotesOf(tenantId, 3)) {
    const signed = readSigned(writing, tenantId, file)
    if (newest === null || signed.checkpoint.size > newest.checkpoint.size) newest = signed
  }
  return newest
}

interface Signed {
  readonly checkpoint: Checkpoint
  readonly note: string
}

function readSigned({ auditKeys }: Writing, tenantId: string, { path, text }: NoteFile): Signed {
  const keys = auditKeys.map((key) => key.publicKey)
  const checkpoint = readCheckpoint(text, keys)
  if (checkpoint?.tenantId !== tenantId) throw new BrokenLog(`${path} is no checkpoint of this log signed by us`)
  return { checkpoint, note: text }
}

/** What was kept beside the checkpoint, so that the next start need not read the whole log. */
interface Kept {
  readonly tree: Tree
  readonly lastHash: string
}

/** Reads what was kept, when it is of the checkpoint: its root then vouches for it. */
function readState(state: string | null, { size, root }: Checkpoint): Kept | null {
  const match = /^(\d{1,15}) ([0-9a-f]{64})((?: [0-9a-f]{64})*)\n$/.exec(state ?? '')
  const [, count, lastHash = '', roots = ''] = match ?? []
  const tree = {
    size: Number(count),
    roots: roots
      .split(' ')
      .slice(1)
      .map((hash) => Buffer.from(hash, 'hex')),
  }
  if (tree.size !== size || !isTree(tree) || !growTree(tree).root().equals(root)) return null
  return { tree, lastHash }
}

function writeState({ tree, lastHash }: KnownLog): string {
  const { size, roots } = tree.snapshot()
  return `${[size, lastHash, ...roots.map((root) => root.toString('hex'))].join(' ')}\n`
}

/**
 * Takes in the entries that have come, each checked.
 * @param until a number to stop at
 * @returns false when time ran out before the end
 */
async function advance(writing: Writing, tenantId: string, known: KnownLog, until = Infinity): Promise<boolean> {
  while (known.tree.size < until) {
    if (writing.clock.nowMs() > writing.deadlineMs) return false
    const limit = Math.min(pageSize, until - known.tree.size)
    const rows = await listAuditEntries(writing.store.read, tenantId, known.tree.size, limit)
    for (const row of rows) takeIn(tenantId, known, row)
    if (rows.length < limit) break
  }
  return true
}

function takeIn(tenantId: string, known: KnownLog, row: AuditRow): void {
  const number = known.tree.size + 1
  const hash = row.seq === number ? hashRow(tenantId, row, known.lastHash) : null
  if (hash === null || hash !== row.hash) throw new BrokenLog(`entry ${number} is missing or not what was written`)
  known.tree.push(Buffer.from(hash, 'hex'))
  known.lastHash = hash
}

async function sign(writing: Writing, tenantId: string, known: KnownLog): Promise<void> {
  const { folder, clock, auditKeys } = writing
  const day = clock.now().slice(0, 10)
  // Another server on the same folder may be further; the folder then keeps what covers more.
  const file = await folder.readNote(tenantId, day)
  const other = file === null ? null : readSigned(writing, tenantId, file)
  const checkpoint = { tenantId, size: known.tree.size, root: known.tree.root() }
  // What is signed must outlast a crash of the database, or the next start would miss it.
  await flushSeen(writing.store)
  const note = signCheckpoint(checkpoint, auditKeys[0].privateKey)
  if (other === null || other.checkpoint.size < checkpoint.size) {
    await folder.writeNote(tenantId, day, note)
    await folder.writeState(tenantId, writeState(known))
  }
  known.note = note
  known.signedSize = checkpoint.size
}
