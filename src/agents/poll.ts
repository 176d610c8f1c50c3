import type { Clock } from '../io/clock.ts'
import { failpoint } from '../io/failpoint.ts'
import type { Logger } from '../io/log.ts'
import type { PollAnswer, RefusedReport } from '../protocol/messages.ts'
import { MAX_COMMANDS_PER_POLL } from '../protocol/version.ts'
import { isAgentKeyOrdered } from '../store/agent-identity.ts'
import { readHolds } from '../store/agents.ts'
import type { Store } from '../store/db.ts'
import {
  giveCommands,
  markSent,
  readAgentsWithNews,
  readWaitingCommands,
  type WaitingCommand,
} from '../store/waiting-commands.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Device } from './identity/authenticate.ts'
import { type AgentPolicyDeps, signNewerPolicy } from './policy.ts'

/** Polls that are held until there is something to fetch. */
export interface PollBoard {
  /** Registers a poll; look for commands after that, so that none can slip in between. */
  readonly hold: (agentId: string, untilMs: number, onClose: OnClose) => Hold
  /** Ends the held polls of an agent. */
  readonly wake: (agentId: string) => void
  /** Ends every held poll; later ones are answered at once. Call it before the server waits for open requests. */
  readonly stop: () => void
  readonly isStopped: () => boolean
  /** Polls held now. */
  readonly held: () => number
}

/** A registered poll. */
export interface Hold {
  /** Resolves when the agent may have something to fetch, the time is up, the connection is gone, the server stops, or it was ended. */
  readonly ended: Promise<void>
  readonly end: () => void
}

/** Registers a listener for the end of a connection; answers what takes it back. */
export type OnClose = (listener: () => void) => () => void

interface HeldPoll {
  readonly untilMs: number
  readonly end: () => void
}

const sweepMs = 1_000

/**
 * Opens a board. One timer serves all polls: once a second it ends those whose time is up, and asks the store which agents have a
 * command, because another server on the same database may have written it.
 */
export function createPollBoard(deps: {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
}): PollBoard {
  const polls = new Map<string, Set<HeldPoll>>()
  let count = 0
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let asking = false

  const wake = (agentId: string): void => {
    for (const poll of [...(polls.get(agentId) ?? [])]) poll.end()
  }
  const sweep = (): void => {
    const nowMs = deps.clock.nowMs()
    for (const held of polls.values()) for (const poll of [...held]) if (poll.untilMs <= nowMs) poll.end()
    if (asking || count === 0) return
    asking = true
    readAgentsWithNews(deps.store.read, deps.clock.now())
      .then((ids) => ids.forEach(wake))
      .catch((cause: unknown) => deps.log.error({ err: cause }, 'waiting commands cannot be read'))
      .finally(() => {
        asking = false
      })
  }
  const remove = (agentId: string, poll: HeldPoll): void => {
    const held = polls.get(agentId)
    if (held?.delete(poll) !== true) return
    count -= 1
    if (held.size === 0) polls.delete(agentId)
    if (count > 0) return
    clearInterval(timer)
    timer = undefined
  }

  return {
    wake,
    held: () => count,
    stop: () => {
      stopped = true
      for (const agentId of [...polls.keys()]) wake(agentId)
    },
    isStopped: () => stopped,
    hold: (agentId, untilMs, onClose) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const poll: HeldPoll = {
        untilMs,
        end: () => {
          takeBack()
          remove(agentId, poll)
          resolve()
        },
      }
      const takeBack = onClose(poll.end)
      const held = polls.get(agentId) ?? new Set()
      polls.set(agentId, held.add(poll))
      count += 1
      timer ??= setInterval(sweep, sweepMs)
      if (stopped) poll.end()
      return { ended: promise, end: poll.end }
    },
  }
}

/** What a host has of what a poll can tell it, and what it understands. */
export interface Held {
  /** Version of its policy; null when it does not say. */
  readonly policy: number | null
  /** It takes orders to make another key, and has none at hand. */
  readonly listensForKey: boolean
  /** It begins at once what the answer lists, and reports with its next poll. */
  readonly begins: boolean
  /** What it reported with this poll, and is not taken. It is told at once. */
  readonly refused: readonly RefusedReport[]
}

/** What answering a poll needs. */
export interface PollDeps extends AgentPolicyDeps {
  readonly polls: PollBoard
  readonly together: GroupCommit
  /** Longest a poll is held, whatever the agent asks for. */
  readonly maxHoldSeconds: number
}

/**
 * Answers a poll: at once when the agent has commands, else as soon as it gets one, at the latest after the asked time.
 * @param waitSeconds whole seconds; 0 never holds
 * @param held what the host has of what it can be told
 * @returns null when there is nothing at all to say (204)
 */
export async function answerPoll(
  deps: PollDeps,
  device: Device,
  waitSeconds: number,
  held: Held,
  onClose: OnClose,
): Promise<PollAnswer | null> {
  const untilMs = deps.clock.nowMs() + Math.min(waitSeconds, deps.maxHoldSeconds) * 1000
  let closed = false
  const takeBack = onClose(() => {
    closed = true
  })
  try {
    const known = await signNewerPolicy(deps, device, held.policy)
    let rotateKey = held.listensForKey && device.keyOrdered
    const until = known === null && !rotateKey && held.refused.length === 0 ? untilMs : 0
    let isWoken = false
    const isOver = async (): Promise<boolean> => {
      // Whoever has just been named needs no second look.
      if (isWoken && held.listensForKey) rotateKey ||= await isAgentKeyOrdered(deps.store.read, device.id)
      isWoken = true
      return closed || rotateKey
    }
    const commands = await waitForCommands(deps, device, { untilMs: until, begins: held.begins }, onClose, isOver)
    // A command is judged on the host by the policy it was ordered under, which may have changed while the poll was held.
    const policy = known ?? (commands.length === 0 ? null : await signNewerPolicy(deps, device, held.policy))
    const holds = closed ? [] : await readHolds(deps.store.read, device.id)
    const { refused } = held
    const isEmpty = commands.length === 0 && holds.length === 0 && policy === null
    if (isEmpty && !rotateKey && refused.length === 0) return null
    const count = (name: string): number => holds.filter(({ family }) => family === name).length
    const begin = held.begins ? commands.filter(({ state }) => state === 'given').map(({ id }) => id) : []
    return {
      commands: commands.map(({ jws }) => jws),
      policy,
      serverTime: deps.clock.now(),
      holds: { isolation: count('isolation'), restriction: count('restriction') },
      ...(rotateKey ? { rotateKey } : {}),
      ...(begin.length > 0 ? { begin } : {}),
      ...(refused.length > 0 ? { refused } : {}),
    }
  } finally {
    takeBack()
  }
}

async function waitForCommands(
  deps: PollDeps,
  device: Device,
  { untilMs, begins }: { readonly untilMs: number; readonly begins: boolean },
  onClose: OnClose,
  isOver: () => Promise<boolean>,
): Promise<readonly WaitingCommand[]> {
  for (;;) {
    const hold = deps.polls.hold(device.id, untilMs, onClose)
    try {
      const commands = await fetchCommands(deps, device, begins)
      const over = deps.polls.isStopped() || deps.clock.nowMs() >= untilMs
      if (commands.length > 0 || over || (await isOver())) return commands
      await hold.ended
    } finally {
      hold.end()
    }
  }
}

async function fetchCommands(deps: PollDeps, device: Device, begins: boolean): Promise<readonly WaitingCommand[]> {
  const now = deps.clock.now()
  const waiting = await readWaitingCommands(deps.store.read, device.id, now, MAX_COMMANDS_PER_POLL)
  const gives = waiting.filter((command) => begins && command.state === 'queued' && mayBeGiven(command))
  const fresh = waiting.filter((command) => command.delivered_at === null && !gives.includes(command))
  if (gives.length + fresh.length === 0) return waiting
  const given = await deps.together.run(device.id, async (tx) => {
    await markSent(tx, listIds(fresh), now)
    return giveCommands(tx, listIds(gives), now)
  })
  failpoint('after-mark-sent-before-answer')
  return waiting.flatMap((command) => {
    if (!gives.includes(command)) return [command]
    return given.includes(command.id) ? [{ ...command, state: 'given' }] : []
  })
}

/**
 * Rules go to every host at once, and each is taken back by another command, which a host gets after it. So nothing is lost when one is no
 * longer taken back by itself once a host has it, and the host need not ask. Whoever orders something else may think better of it until the
 * host has recorded it.
 */
function mayBeGiven({ family }: WaitingCommand): boolean {
  return family === 'ioc'
}

function listIds(commands: readonly WaitingCommand[]): readonly string[] {
  return commands.map(({ id }) => id)
}
