import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  futimesSync,
  linkSync,
  lstatSync,
  openSync,
  rmSync,
  unlinkSync,
} from 'node:fs'
import type { RestoreFileBody } from '../../../protocol/bodies/stopAndQuarantineFile.ts'
import type { JsonObject } from '../../../protocol/decode.ts'
import type { ProofCheck } from '../../../protocol/result.ts'
import { type ActionDeps, type ActionOrder, type ActionOutcome, describeFailure } from '../action.ts'
import { readAttributes, writeAttributes } from './attributes.ts'
import { digestPath, openForReading } from './digest.ts'
import { holdsContent, VAULT_DAYS } from './expire-vault.ts'
import { holdDirectory, splitPath } from './held-directory.ts'
import { classify, hiddenName, isSame } from './move-copy.ts'
import { writeProof } from './quarantine-proof.ts'
import {
  type CopyRecord,
  pathOf,
  type QuarantineRecord,
  readRecord,
  shownPath,
  vaultFolder,
  writeRecord,
} from './record.ts'
import { blobPath, openVaultKey, unsealContent, VaultError } from './vault.ts'

const MAX_LISTED = 40

/**
 * Takes a quarantine back: every copy comes back to its path with owner, mode, times and extended attributes; names that belonged to one file are one file
 * again. A path that another file has taken is left alone. Processes are not started again.
 * @source design actions.md 7.3, 8.3
 */
export async function restoreFile(deps: ActionDeps, order: ActionOrder, body: RestoreFileBody): Promise<ActionOutcome> {
  const record = readRecord(deps.state, body.executionId)
  const before = order.resumedFrom ?? describeVault(record)
  if (record === undefined) {
    const detail = `the vault holds nothing of execution ${body.executionId}`
    return describeFailure('failed', 'NotFound', detail, { before, after: before })
  }
  const wanted = record.copies.filter(({ phase }) => phase === 'removed' || phase === 'restored')
  const waiting = wanted.filter(({ phase }) => phase === 'removed')
  const expired = record.copies.filter(({ phase }) => phase === 'expired').length
  if (expired > 0 && wanted.length === 0) {
    const detail = `the vault kept ${expired} files for ${VAULT_DAYS} days and gave them up`
    return describeFailure('failed', 'Expired', detail, { before, after: before })
  }
  if (order.dryRun) return rehearse(before, waiting)
  if (order.resumedFrom === null) order.begin(before)
  deps.failpoint('restore-begun')
  let current: QuarantineRecord = record
  const failures = new Map<number, string>()
  for (const copy of waiting) {
    try {
      await restoreCopy(deps, current, copy)
      const copies = current.copies.map((old) =>
        old.item === copy.item ? { ...old, phase: 'restored' as const, code: null } : old,
      )
      current = { ...current, copies }
      writeRecord(deps.state, current)
      deps.failpoint('restore-recorded')
    } catch (error) {
      failures.set(copy.item, classify(error))
    }
  }
  dropContent(deps, current)
  const changed = order.resumedFrom !== null || waiting.length > failures.size
  return describeRestore(deps, { before, wanted, failures, changed })
}

async function restoreCopy(deps: ActionDeps, record: QuarantineRecord, copy: CopyRecord): Promise<void> {
  const { folder, name } = splitPath(pathOf(copy))
  const held = holdDirectory(folder)
  try {
    const visible = held.entry(name)
    const hidden = held.entry(hiddenName(record.commandId, copy.item))
    if (isOurs(hidden, visible)) {
      // Both names stand: only the last step is missing.
    } else if (await isBack(deps, copy, visible)) {
      return
    } else if (lstatSync(visible, { throwIfNoEntry: false }) !== undefined) {
      throw new VaultError('PathTaken', 'another file has the path by now')
    } else {
      const first = await findFirstName(deps, record, copy)
      rmSync(hidden, { force: true })
      if (first === undefined) await writeFile(deps, record, copy, hidden)
      else linkSync(first, hidden)
      deps.failpoint('restore-written')
      linkOrClear(hidden, visible)
    }
    deps.failpoint('restore-linked')
    unlinkSync(hidden)
    held.sync()
  } finally {
    held.close()
  }
}

/** Gives a file its name, never over what stands there: link(2) refuses where rename(2) would replace. */
function linkOrClear(hidden: Buffer, visible: Buffer): void {
  try {
    linkSync(hidden, visible)
  } catch (error) {
    unlinkSync(hidden)
    throw error
  }
}

/** True when both names lead to one file. */
function isOurs(hidden: Buffer, visible: Buffer): boolean {
  const stat = lstatSync(hidden, { bigint: true, throwIfNoEntry: false })
  return stat !== undefined && isSame({ device: String(stat.dev), inode: String(stat.ino) }, visible)
}

/** True when the path holds the file as it was: an earlier run brought it back and could not say so. */
async function isBack(deps: ActionDeps, copy: CopyRecord, visible: Buffer): Promise<boolean> {
  return lstatSync(visible, { throwIfNoEntry: false }) !== undefined && (await isAsBefore(deps, copy, visible))
}

async function isAsBefore(deps: ActionDeps, copy: CopyRecord, path: Buffer): Promise<boolean> {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return (
    stat?.isFile() === true &&
    Number(stat.mode & 0o7777n) === copy.mode &&
    Number(stat.uid) === copy.uid &&
    Number(stat.gid) === copy.gid &&
    String(stat.mtimeNs) === copy.modifiedNs &&
    (await digestPath(path))?.sha256 === copy.sha256 &&
    (await hasAttributes(deps, copy, path))
  )
}

async function hasAttributes({ run }: ActionDeps, { attributes }: CopyRecord, path: Buffer): Promise<boolean> {
  if (attributes === undefined) return true
  const descriptor = openForReading(path)
  try {
    return (await readAttributes(run, descriptor)) === attributes
  } catch (error) {
    if (error instanceof VaultError) return false
    throw error
  } finally {
    closeSync(descriptor)
  }
}

/** Another name of the same file that is back already. */
async function findFirstName(
  deps: ActionDeps,
  { copies }: QuarantineRecord,
  copy: CopyRecord,
): Promise<Buffer | undefined> {
  const first = copies.find(
    ({ phase, device, inode }) => phase === 'restored' && device === copy.device && inode === copy.inode,
  )
  if (first === undefined || copy.links < 2) return undefined
  return (await isAsBefore(deps, first, pathOf(first))) ? pathOf(first) : undefined
}

async function writeFile(
  deps: ActionDeps,
  { commandId }: QuarantineRecord,
  copy: CopyRecord,
  hidden: Buffer,
): Promise<void> {
  const descriptor = openSync(hidden, 'wx+', 0o600)
  try {
    const folder = vaultFolder(deps.state, commandId)
    await unsealContent(openVaultKey(deps.state), folder, commandId, copy.sha256, descriptor)
    fchownSync(descriptor, copy.uid, copy.gid)
    // After the owner, because changing that takes set-user-id away.
    fchmodSync(descriptor, copy.mode)
    if (copy.attributes !== undefined) await writeAttributes(deps.run, descriptor, copy.attributes)
    await setTimes(deps, copy, descriptor)
    fsyncSync(descriptor)
  } catch (error) {
    unlinkSync(hidden)
    throw error
  } finally {
    closeSync(descriptor)
  }
}

/** Sets both times to the nanosecond; Node itself only comes near. */
async function setTimes(deps: ActionDeps, { accessedNs, modifiedNs }: CopyRecord, descriptor: number): Promise<void> {
  futimesSync(descriptor, Number(accessedNs) / 1e9, Number(modifiedNs) / 1e9)
  const path = `/proc/${process.pid}/fd/${descriptor}`
  await deps.run('touch', ['--no-create', '-m', '-d', writeSeconds(modifiedNs), path])
  await deps.run('touch', ['--no-create', '-a', '-d', writeSeconds(accessedNs), path])
}

function writeSeconds(nanoseconds: string): string {
  const total = BigInt(nanoseconds)
  const seconds = total / 1_000_000_000n - (total < 0n && total % 1_000_000_000n !== 0n ? 1n : 0n)
  return `@${seconds}.${String(total - seconds * 1_000_000_000n).padStart(9, '0')}`
}

/** What is back needs no place in the vault; the record stays. */
function dropContent(deps: ActionDeps, { commandId, copies }: QuarantineRecord): void {
  const folder = vaultFolder(deps.state, commandId)
  const needed = copies.filter(holdsContent).map(({ sha256 }) => sha256)
  for (const { sha256 } of copies) {
    if (!needed.includes(sha256) && existsSync(blobPath(folder, sha256))) rmSync(blobPath(folder, sha256))
  }
}

interface Restored {
  readonly before: JsonObject
  readonly wanted: readonly CopyRecord[]
  readonly failures: ReadonlyMap<number, string>
  readonly changed: boolean
}

async function describeRestore(
  deps: ActionDeps,
  { before, wanted, failures, changed }: Restored,
): Promise<ActionOutcome> {
  const back: CopyRecord[] = []
  for (const copy of wanted) if (await isAsBefore(deps, copy, pathOf(copy))) back.push(copy)
  const missing = wanted.filter((copy) => !back.includes(copy))
  const after: JsonObject = {
    restored: back.slice(0, MAX_LISTED).map((copy) => ({ path: shownPath(copy), sha256: copy.sha256 })),
    restoredTotal: back.length,
    remaining: missing.slice(0, MAX_LISTED).map((copy) => {
      return { path: shownPath(copy), code: failures.get(copy.item) ?? 'NotAsBefore' }
    }),
    remainingTotal: missing.length,
  }
  const checks: ProofCheck[] = [{ name: 'restored', want: String(wanted.length), got: String(back.length) }]
  const whole = missing.length === 0
  const [first] = missing
  return {
    state: whole ? 'succeeded' : back.length > 0 ? 'partial' : 'failed',
    target: { state: whole ? (changed ? 'succeeded' : 'already') : back.length > 0 ? 'partial' : 'failed', changed },
    code: first === undefined ? null : (failures.get(first.item) ?? 'NotAsBefore'),
    detail:
      first === undefined
        ? null
        : `${missing.length} of ${wanted.length} not restored, the first: ${shownPath(first)}`.slice(0, 1_000),
    before,
    after,
    proof: writeProof(deps, 'stat+digest', after, checks),
  }
}

function describeVault(record: QuarantineRecord | undefined): JsonObject {
  const waiting = record?.copies.filter(({ phase }) => phase === 'removed') ?? []
  return { vaultItems: waiting.length, paths: waiting.slice(0, MAX_LISTED).map(shownPath) }
}

function rehearse(before: JsonObject, waiting: readonly CopyRecord[]): ActionOutcome {
  return {
    state: 'succeeded',
    target: { state: waiting.length > 0 ? 'succeeded' : 'already', changed: false },
    code: 'DryRun',
    detail: `would bring ${waiting.length} files back`,
    before,
    after: before,
    proof: null,
  }
}
