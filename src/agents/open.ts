import type { Clock, Ids } from '../io/clock.ts'
import type { Logger } from '../io/log.ts'
import type { CommandKey } from '../io/secrets.ts'
import { DEFAULT_POLL_SECONDS } from '../protocol/version.ts'
import type { Store } from '../store/db.ts'
import type { CommandDeps } from './commands.ts'
import type { PackageFolder } from './evidence/package-folder.ts'
import { createGroupCommit } from './group-commit.ts'
import { createKeyReader, type KeyReader } from './identity/authenticate.ts'
import type { EnrollDeps } from './identity/enroll.ts'
import { createPollBoard, type PollDeps } from './poll.ts'
import type { ResultDeps } from './results.ts'
import { createSigner } from './sign.ts'

/** Everything the agent channel and its connector share. */
export interface AgentChannel extends CommandDeps, EnrollDeps, PollDeps, ResultDeps {
  readonly keys: KeyReader
}

/** Kernel-timed end of an isolation without renewal. @source design actions.md 10.4 */
const defaultLeaseSeconds = 86_400
/** @source design actions.md 10.6 */
const defaultSelfTestSeconds = 30

/**
 * Puts the server end of the agents together. Call `polls.stop()` before the server waits for open requests, or held polls keep it.
 * @param options.leaseSeconds see `CommandDeps`
 */
export function openAgentChannel(
  deps: {
    readonly store: Store
    readonly clock: Clock
    readonly ids: Ids
    readonly log: Logger
    readonly commandKey: CommandKey
    readonly packages: PackageFolder
  },
  options: { readonly leaseSeconds?: number; readonly selfTestSeconds?: number } = {},
): AgentChannel {
  const { store, clock, ids, log, commandKey, packages } = deps
  return {
    store,
    clock,
    ids,
    packages,
    signer: createSigner(commandKey),
    polls: createPollBoard({ store, clock, log }),
    together: createGroupCommit(store),
    keys: createKeyReader(),
    maxHoldSeconds: DEFAULT_POLL_SECONDS,
    leaseSeconds: options.leaseSeconds ?? defaultLeaseSeconds,
    selfTestSeconds: options.selfTestSeconds ?? defaultSelfTestSeconds,
  }
}
