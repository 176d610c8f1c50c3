import { formatInstant } from '../../protocol/instants.ts'
import { RulesetError } from '../actions/nftables.ts'
import { canDo } from '../host/capabilities.ts'
import { listInterfaceNames } from '../host/facts.ts'
import type { Session } from '../session.ts'
import { readIsolation } from '../state.ts'
import { describeUnreported } from './break-glass.ts'
import { restoreIsolation } from './restore.ts'
import { hasKeyWork } from './rotate-key.ts'
import { watchIsolation } from './watch.ts'

/**
 * Brings host and record of the isolation together, and notes what somebody did to it for the next heartbeat.
 * @returns whether there is something to tell the server
 * @throws RulesetError
 */
export async function settleIsolation(session: Session): Promise<boolean> {
  if (!canDo(session.capabilities, 'isolateDevice')) return false
  const restored = await session.exclusive(() => restoreIsolation(session.actions))
  if (restored.kind === 'ended') session.host.log('isolation lease ended', { until: restored.until })
  if (restored.kind !== 'restored') return false
  const { until, lost } = restored
  session.host.log('isolation restored', { lost, until })
  if (lost !== 'removed') return false
  const at = formatInstant(session.host.clock.nowMs())
  session.tamper.push({ kind: 'IsolationRemoved', at, detail: `loaded again, lease until ${until}` })
  return true
}

/** Watches over the isolation beside the loop; what has to be told ends a held poll. @returns what ends the watch */
export function startWatch(session: Session): () => void {
  return watchIsolation({
    follow: session.host.follow,
    isWanted: () => readIsolation(session.state) !== undefined,
    onLook: () => {
      if (describeUnreported(session.state) !== undefined || hasKeyWork(session)) session.turn.abort()
    },
    listInterfaces: listInterfaceNames,
    check: async () => {
      try {
        if (await settleIsolation(session)) session.turn.abort()
      } catch (error) {
        // Another program may be changing rules this very moment; the next look comes within seconds.
        if (!(error instanceof RulesetError)) throw error
        session.host.log('isolation could not be restored', { problem: error.message })
      }
    },
  })
}
