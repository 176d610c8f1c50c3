import type { Clock } from '../io/clock.ts'
import { claimSequence } from '../store/agents.ts'
import type { Store } from '../store/db.ts'

/** Accepts request numbers of agents; safe over several servers, because the store decides. */
export interface SequenceGate {
  /** @returns false when the number was used before, overtaken, or the agent was revoked meanwhile */
  readonly claim: (agentId: string, seq: number) => Promise<boolean>
}

interface Waiting {
  readonly agentId: string
  readonly seq: number
  readonly resolve: (accepted: boolean) => void
  readonly reject: (cause: unknown) => void
}

/** Claims that share one transaction at most. */
const maxTogether = 500

/**
 * Opens a gate. Claims that arrive while a transaction is under way go together into the next one: thousands of agents cost a few
 * durable commits a second instead of one each.
 */
export function createSequenceGate(deps: { readonly store: Store; readonly clock: Clock }): SequenceGate {
  let waiting: Waiting[] = []
  let busy = false

  const flush = async (): Promise<void> => {
    busy = true
    while (waiting.length > 0) {
      const group = waiting.slice(0, maxTogether)
      waiting = waiting.slice(maxTogether)
      await claimTogether(deps, group)
    }
    busy = false
  }

  return {
    claim: (agentId, seq) =>
      new Promise((resolve, reject) => {
        waiting.push({ agentId, seq, resolve, reject })
        if (!busy) void flush()
      }),
  }
}

async function claimTogether(
  deps: { readonly store: Store; readonly clock: Clock },
  group: readonly Waiting[],
): Promise<void> {
  try {
    const now = deps.clock.now()
    const accepted = await deps.store.transaction(async (tx) => {
      const answers: boolean[] = []
      for (const { agentId, seq } of sorted(group)) answers.push(await claimSequence(tx, agentId, seq, now))
      return answers
    })
    for (const [index, entry] of sorted(group).entries()) entry.resolve(accepted[index] === true)
  } catch (cause) {
    for (const entry of group) entry.reject(cause)
  }
}

// One order for everybody, so that two servers never wait for each other's rows.
function sorted(group: readonly Waiting[]): Waiting[] {
  return [...group].sort((a, b) => (a.agentId < b.agentId ? -1 : a.agentId > b.agentId ? 1 : a.seq - b.seq))
}
