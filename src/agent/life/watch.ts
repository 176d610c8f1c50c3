import type { FollowProgram } from '../host/run-program.ts'

/** What watching over an isolation needs. */
export interface WatchDeps {
  readonly follow: FollowProgram
  /** An isolation should be in force now. Asked once a second, so it must be cheap. */
  readonly isWanted: () => boolean
  /** Something happened that the server should hear of now; asked once a second. */
  readonly onLook: () => void
  /** Names of the network interfaces of the host. */
  readonly listInterfaces: () => readonly string[]
  /** Compares host and record, and mends; must not throw. */
  readonly check: () => Promise<void>
}

const LOOK_MS = 1_000
/** Without any sign of a change; in case the kernel dropped an event. */
const LOOKS_BETWEEN_CHECKS = 10
/** A change of rules comes as a burst of events. */
const SETTLE_MS = 10

/**
 * Watches over the isolation while one is wanted: the kernel's own messages about rule changes (`nft monitor`), and once a second the
 * list of interfaces. A check looks first and changes nothing when all is well, so its own reload does not set it off for ever.
 * @returns what ends the watch
 * @source design actions.md 8.2
 */
export function watchIsolation(deps: WatchDeps): () => void {
  let stopMonitor: (() => void) | undefined
  let settle: NodeJS.Timeout | undefined
  let checking = false
  let again = false
  let looks = 0
  let interfaces = ''

  const check = async (): Promise<void> => {
    again = checking
    if (checking) return
    checking = true
    do {
      again = false
      await deps.check()
    } while (again)
    checking = false
  }
  const onChange = (): void => {
    settle ??= setTimeout(() => {
      settle = undefined
      void check()
    }, SETTLE_MS)
  }
  const look = (): void => {
    deps.onLook()
    if (!deps.isWanted()) {
      stopMonitor?.()
      stopMonitor = undefined
      return
    }
    const started = stopMonitor === undefined
    stopMonitor ??= deps.follow('nft', ['monitor'], onChange, () => {
      stopMonitor = undefined
    })
    looks += 1
    const present = deps.listInterfaces().join()
    if (started || present !== interfaces || looks % LOOKS_BETWEEN_CHECKS === 0) void check()
    interfaces = present
  }

  const timer = setInterval(look, LOOK_MS)
  look()
  return () => {
    clearInterval(timer)
    clearTimeout(settle)
    stopMonitor?.()
  }
}
