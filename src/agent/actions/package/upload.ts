import { createHash } from 'node:crypto'
import { PACKAGE_PART_BYTES, type PackageComplete } from '../../../protocol/bodies/collectInvestigationPackage.ts'
import type { Clock, Sleep } from '../../host/clock.ts'

/** What the server made of a part or of the end of an upload. */
export type UploadAnswer = 'taken' | { readonly status: number; readonly code: string }

/** The two messages of an upload. Both reject when no usable answer came. */
export interface PackageChannel {
  readonly sendPart: (
    commandId: string,
    part: { readonly generation: number; readonly number: number },
    bytes: Buffer,
  ) => Promise<UploadAnswer>
  readonly complete: (commandId: string, message: PackageComplete) => Promise<UploadAnswer>
}

/** The server does not take the package, or was not reached for too long. */
export class UploadRefused extends Error {
  readonly code: string

  constructor(code: string, problem: string) {
    super(problem)
    this.name = 'UploadRefused'
    this.code = code
  }
}

/** A package on its way: bytes go in, full parts go out. */
export interface Upload {
  readonly write: (bytes: Buffer) => Promise<void>
  /** Sends the rest. @returns what the server must have now */
  readonly end: () => Promise<PackageComplete>
}

/** How long a server that cannot be reached is waited for. */
const PATIENCE_MS = 10 * 60_000
const PAUSE_CAP_MS = 30_000

/** What an upload works with. */
export interface UploadDeps {
  readonly channel: PackageChannel
  readonly clock: Clock
  readonly sleep: Sleep
  readonly failpoint: (name: string) => void
  /** Ends it: the agent stops. */
  readonly signal: AbortSignal
}

/**
 * Opens an upload. At most one part is in memory, and none on the disk of the host: it is evidence. A part that got no answer is sent
 * again; the server knows it by its number.
 * @param generation higher than that of any earlier run of the same command
 */
export function openUpload(deps: UploadDeps, commandId: string, generation: number): Upload {
  const hash = createHash('sha256')
  let held: Buffer[] = []
  let heldBytes = 0
  let parts = 0
  let size = 0
  const flush = async (bytes: Buffer): Promise<void> => {
    parts += 1
    const part = { generation, number: parts }
    requireTaken(await insist(deps, () => deps.channel.sendPart(commandId, part, bytes)))
    deps.failpoint('package-part')
  }
  return {
    write: async (bytes) => {
      hash.update(bytes)
      size += bytes.length
      held.push(bytes)
      heldBytes += bytes.length
      while (heldBytes >= PACKAGE_PART_BYTES) {
        const all = Buffer.concat(held)
        held = [all.subarray(PACKAGE_PART_BYTES)]
        heldBytes = all.length - PACKAGE_PART_BYTES
        await flush(all.subarray(0, PACKAGE_PART_BYTES))
      }
    },
    end: async () => {
      if (heldBytes > 0) await flush(Buffer.concat(held))
      return { generation, parts, size, sha256: `sha256:${hash.digest('hex')}` }
    },
  }
}

/** Tells the server that all parts were sent. @returns false when it does not have them, so that they must be collected anew */
export async function completeUpload(deps: UploadDeps, commandId: string, message: PackageComplete): Promise<boolean> {
  const answer = await insist(deps, () => deps.channel.complete(commandId, message))
  if (answer !== 'taken' && answer.status === 409) return false
  requireTaken(answer)
  return true
}

function requireTaken(answer: UploadAnswer): void {
  if (answer === 'taken') return
  const code = answer.status === 413 ? 'OverQuota' : 'UploadRefused'
  throw new UploadRefused(code, `the server refused the package: ${answer.status} ${answer.code}`)
}

/** Sends until an answer came. */
async function insist({ clock, sleep, signal }: UploadDeps, send: () => Promise<UploadAnswer>): Promise<UploadAnswer> {
  const deadlineMs = clock.elapsedMs() + PATIENCE_MS
  for (let pauseMs = 500; ; pauseMs = Math.min(PAUSE_CAP_MS, pauseMs * 2)) {
    try {
      return await send()
    } catch (error) {
      signal.throwIfAborted()
      if (clock.elapsedMs() > deadlineMs) {
        throw new UploadRefused('ChannelLost', error instanceof Error ? error.message : 'the server cannot be reached')
      }
      await sleep(pauseMs)
    }
  }
}
