import { lstatSync } from 'node:fs'
import { digestJson } from '../../../protocol/canonical.ts'
import type { JsonObject } from '../../../protocol/decode.ts'
import { formatInstant } from '../../../protocol/instants.ts'
import type { Proof, ProofCheck } from '../../../protocol/result.ts'
import type { ActionDeps, ActionOutcome } from '../action.ts'
import { countAttributes } from './attributes.ts'
import { digestPath } from './digest.ts'
import { holdsContent } from './expire-vault.ts'
import { type CopyRecord, pathOf, shownPath, vaultFolder } from './record.ts'
import type { FileWork } from './stopAndQuarantineFile.ts'
import { checkSealed, openVaultKey, VaultError } from './vault.ts'

const MAX_LISTED = 40

/**
 * Reads back what a quarantine left: who still runs the file, what stands at each path, and whether each item in the vault can be opened.
 * @param searched how far the search for copies went
 */
export async function describeQuarantine(work: FileWork, before: JsonObject, searched: string): Promise<ActionOutcome> {
  const { record, body, deps } = work
  const running = body.stopProcesses ? (await work.find()).length : 0
  const kept = record.copies.filter(holdsContent)
  const remaining = await listRemaining(record.copies)
  const sealed = await countSealed(work, kept)
  const otherNames = countOtherNames(kept)
  const after: JsonObject = {
    hashes: { ...body.hashes },
    processes: running,
    killed: record.killed.slice(0, MAX_LISTED).map(({ pid, start, executable, sha256 }) => {
      return { pid, startTime: start, executable: executable.slice(0, 300), exeSha256: sha256 }
    }),
    killedTotal: record.killed.length,
    moved: kept.slice(0, MAX_LISTED).map((copy) => describeMoved(work, copy)),
    movedTotal: kept.length,
    remaining: remaining.slice(0, MAX_LISTED).map((copy) => ({ path: shownPath(copy), code: copy.code ?? 'Present' })),
    remainingTotal: remaining.length,
    otherNames,
  }
  const checks: ProofCheck[] = [
    { name: 'processes', want: '0', got: String(running) },
    { name: 'copies', want: '0', got: String(remaining.length) },
    { name: 'vault', want: String(kept.length), got: String(sealed) },
    { name: 'otherNames', want: '0', got: String(otherNames) },
    { name: 'search', want: body.walk ? 'complete' : 'not asked', got: searched },
  ]
  const effect = kept.length + record.killed.length
  const first = (effect > 0 ? remaining : record.copies).find(({ code }) => code !== null)
  // What went away by itself is no success of ours.
  const whole = checks.every(({ want, got }) => want === got) && (effect > 0 || first === undefined)
  return {
    state: whole ? 'succeeded' : effect > 0 ? 'partial' : 'failed',
    target: {
      state: whole ? (effect > 0 ? 'succeeded' : 'already') : effect > 0 ? 'partial' : 'failed',
      changed: effect > 0,
    },
    code: whole ? null : (first?.code ?? 'NotEffective'),
    detail: whole ? null : describeGap(checks, remaining),
    before,
    after,
    proof: writeProof(deps, 'proc+stat+unseal', after, checks),
  }
}

/** The proof of an action on files, made of what was read back. */
export function writeProof(
  deps: Pick<ActionDeps, 'clock' | 'deviceId'>,
  method: string,
  after: JsonObject,
  checks: readonly ProofCheck[],
): Proof {
  return {
    level: 'observed',
    method,
    observedAt: formatInstant(deps.clock.nowMs()),
    observedBy: `agent:${deps.deviceId}`,
    digest: digestJson(after),
    checks,
  }
}

function describeMoved({ order }: FileWork, copy: CopyRecord): JsonObject {
  const { sha256, sizeBytes: size, item, phase } = copy
  const attributes = countAttributes(copy.attributes ?? '')
  const vaultId = `${order.commandId}/${item}`
  return { path: shownPath(copy), sha256, size, attributes, vaultId, named: phase === 'removed' }
}

/** Copies whose path still holds the file, and those that were left for a reason that does not make them another file. */
async function listRemaining(copies: readonly CopyRecord[]): Promise<readonly CopyRecord[]> {
  const remaining: CopyRecord[] = []
  for (const copy of copies) {
    if (copy.phase === 'content') continue
    const isThere = (await digestPath(pathOf(copy)))?.sha256 === copy.sha256
    if (isThere || (copy.phase === 'left' && copy.code !== 'Changed' && copy.code !== 'Gone')) remaining.push(copy)
  }
  return remaining
}

async function countSealed({ deps, order }: FileWork, kept: readonly CopyRecord[]): Promise<number> {
  const folder = vaultFolder(deps.state, order.commandId)
  const key = openVaultKey(deps.state)
  const good = new Set<string>()
  for (const sha256 of new Set(kept.map((copy) => copy.sha256))) {
    try {
      await checkSealed(key, folder, order.commandId, sha256)
      good.add(sha256)
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
    }
  }
  return kept.filter(({ sha256 }) => good.has(sha256)).length
}

/** Names that moved files have elsewhere: a hard link that no search came to. */
function countOtherNames(kept: readonly CopyRecord[]): number {
  const files = new Map<string, { readonly links: number; found: number }>()
  for (const copy of kept) {
    if (copy.phase !== 'removed' || lstatSync(pathOf(copy), { throwIfNoEntry: false }) !== undefined) continue
    const key = `${copy.device}:${copy.inode}`
    const file = files.get(key) ?? { links: copy.links, found: 0 }
    file.found += 1
    files.set(key, file)
  }
  return [...files.values()].reduce((sum, { links, found }) => sum + Math.max(0, links - found), 0)
}

function describeGap(checks: readonly ProofCheck[], remaining: readonly CopyRecord[]): string {
  const gaps = checks
    .filter(({ want, got }) => want !== got)
    .map(({ name, want, got }) => `${name}: ${got}, not ${want}`)
  const left = remaining.slice(0, 5).map((copy) => `${shownPath(copy)} (${copy.code ?? 'Present'})`)
  return [...gaps, ...left].join('; ').slice(0, 1_500)
}
