import { formatInstant, parseInstantMs } from '../../protocol/instants.ts'
import type { Tamper } from '../../protocol/messages.ts'
import type { Clock } from '../host/clock.ts'
import type { RunProgram } from '../host/run-program.ts'
import type { StateDirectory } from '../state.ts'
import { EnforcementError, enforceRules, findElement, isEnforced, listElements } from './enforce.ts'
import { createSweeper, type Match } from './processes.ts'
import { isAddressRule, isHashRule, listCurrent, readRules, writeRules } from './rule-file.ts'

/** How often the running processes are looked through while a rule is about a file. */
export const SWEEP_MS = 2_000

/** Keeps the rules of this host in force between the commands that change them. */
export interface RuleKeeper {
  /** Ends rules that are over, brings back what somebody removed, and says what was seen. @returns what to tell the server */
  readonly keep: () => Promise<readonly Tamper[]>
  /** Looks through the running processes now. */
  readonly sweep: () => Promise<readonly Match[]>
  /** Milliseconds until the next rule is over; null without rules. */
  readonly nextEndMs: () => number | null
  readonly close: () => void
}

/** What keeping rules needs. */
export interface KeeperDeps {
  readonly run: RunProgram
  readonly clock: Clock
  readonly state: StateDirectory
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void
}

/** Opens the keeper; nothing happens before `keep`, and a timer runs only while a rule is about a file. */
export function openRuleKeeper(deps: KeeperDeps): RuleKeeper {
  const sweeper = createSweeper()
  const traffic = createTrafficWatch(deps)
  const notes: Tamper[] = []
  let timer: NodeJS.Timeout | undefined
  let sweeping: Promise<readonly Match[]> | undefined

  const note = (kind: string, detail: string): void => {
    deps.log('rule', { kind, detail })
    if (notes.length < 100) notes.push({ kind, at: formatInstant(deps.clock.nowMs()), detail: detail.slice(0, 1000) })
  }
  const sweepOnce = async (): Promise<readonly Match[]> => {
    const found = await sweeper.sweep(listCurrent(readRules(deps.state), deps.clock.nowMs()))
    for (const { ruleId, pid, path, outcome } of found) {
      note(
        outcome === 'killed' ? 'IndicatorBlocked' : 'IndicatorSeen',
        `rule ${ruleId}: process ${pid} of ${path} ${outcome}`,
      )
    }
    return found
  }
  const sweep = (): Promise<readonly Match[]> => {
    sweeping ??= sweepOnce().finally(() => {
      sweeping = undefined
    })
    return sweeping
  }
  const watch = (wanted: boolean): void => {
    if (!wanted) {
      clearInterval(timer)
      timer = undefined
    } else
      timer ??= setInterval(() => {
        sweep().catch((error: unknown) => deps.log('process sweep failed', { problem: String(error) }))
      }, SWEEP_MS)
  }
  const restore = async (): Promise<void> => {
    const nowMs = deps.clock.nowMs()
    const rules = readRules(deps.state)
    const current = listCurrent(rules, nowMs)
    watch(current.some(isHashRule))
    if (rules.length === 0) return
    for (const [kind, detail] of await traffic()) note(kind, detail)
    if (current.length < rules.length) {
      await enforceRules(deps.run, current, nowMs)
      writeRules(deps.state, current)
    } else if (!(await isEnforced(deps.run, current, nowMs))) {
      note('IocRulesRemoved', 'rules were missing on the host and are brought back')
      await enforceRules(deps.run, current, nowMs)
    }
  }
  return {
    sweep,
    keep: async () => {
      try {
        await restore()
      } catch (error) {
        // The host must stay in contact even when its firewall cannot be changed.
        if (!(error instanceof EnforcementError)) throw error
        note('IocRulesNotEnforced', error.message)
      }
      return notes.splice(0)
    },
    nextEndMs: () => {
      const ends = readRules(deps.state).map(({ until }) => parseInstantMs(until))
      return ends.length === 0 ? null : Math.max(0, Math.min(...ends) - deps.clock.nowMs())
    },
    close: () => watch(false),
  }
}

/** Asks the kernel how often rules were met since the last time. @returns kind and words of each that was */
function createTrafficWatch(deps: KeeperDeps): () => Promise<readonly (readonly [kind: string, detail: string])[]> {
  const seen = new Map<string, number>()
  return async () => {
    const rules = readRules(deps.state).filter(isAddressRule)
    const elements = rules.length === 0 ? [] : await listElements(deps.run)
    return rules.flatMap((rule) => {
      const packets = findElement(elements, rule)?.packets ?? 0
      // Counters begin anew with the table.
      const before = Math.min(seen.get(rule.id) ?? 0, packets)
      seen.set(rule.id, packets)
      if (packets === before) return []
      const kind = rule.mode === 'block' ? 'IndicatorBlocked' : 'IndicatorSeen'
      return [[kind, `rule ${rule.id}: ${packets - before} packets of ${rule.indicator.value}`] as const]
    })
  }
}
