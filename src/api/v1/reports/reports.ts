import { type Clock, instantOf } from '../../../io/clock.ts'
import { CordonError } from '../../../model/errors.ts'
import { nameOf } from '../../../model/graph-values.ts'
import type { Store } from '../../../store/db.ts'
import {
  countAlertsPerIncident,
  countByHour,
  countRuns,
  readAgeing,
  readIncidentTimes,
  readTaskTimes,
} from '../../../store/reports.ts'
import type { AuthorizedCall, AuthorizedHandler } from '../../route.ts'
import { listWeeks, type Stretch, spreadByWeek } from './weeks.ts'

/** What the figures are read with. */
export interface ReportDeps {
  readonly store: Store
  readonly clock: Clock
}

/** Upper ends of the columns of the queue's ages: 15 min, 1 h, 4 h, 24 h, 7 d. */
const ageLimitsSeconds = [900, 3_600, 14_400, 86_400, 604_800]
const alertLimits = [1, 5, 20, 100]
const defaultWeeks = 12
const maxWeeks = 52
const hourMs = 3_600_000
const hoursShown = 24

/** GET /api/v1/reports/ageing: open incidents by severity and age, with the oldest of each severity. */
export function reportAgeing(deps: ReportDeps): AuthorizedHandler {
  return async (call) => {
    const nowMs = deps.clock.nowMs()
    const since = ageLimitsSeconds.map((seconds) => instantOf(nowMs - seconds * 1_000))
    const rows = await readAgeing(deps.store.read, call.caller.tenantId, since)
    const value = rows
      .sort((a, b) => b.severity - a.severity)
      .map(({ severity, counts, oldest }) => ({
        severity: nameOf('alertSeverity', severity),
        counts,
        oldest: { incidentId: oldest.id, createdDateTime: oldest.createdAt },
      }))
    return answer({ at: instantOf(nowMs), ageLimitsSeconds, value })
  }
}

/**
 * GET /api/v1/reports/times: by week, how long it took until somebody attended to an incident and until it was resolved, and of that the
 * time of the experts (until a task was proposed) and of the customer (until it was answered).
 */
export function reportTimes(deps: ReportDeps): AuthorizedHandler {
  return async (call) => {
    const { weeks, since } = readWeeks(deps, call)
    const { tenantId } = call.caller
    const [incidents, tasks] = await Promise.all([
      readIncidentTimes(deps.store.read, tenantId, since),
      readTaskTimes(deps.store.read, tenantId, since),
    ])
    const measures = {
      acknowledge: incidents.value.flatMap(({ openedAt, attendedAt }) => stretch(openedAt, attendedAt)),
      resolve: incidents.value.flatMap(({ openedAt, resolvedAt }) => stretch(openedAt, resolvedAt)),
      expert: tasks.value.flatMap(({ openedAt, proposedAt }) => stretch(openedAt, proposedAt)),
      customer: tasks.value.flatMap(({ proposedAt, answeredAt }) => stretch(proposedAt, answeredAt)),
    }
    const spreads = Object.entries(measures).map(([name, of]) => [name, spreadByWeek(weeks, of)] as const)
    const value = weeks.map((week, index) => ({
      week,
      ...Object.fromEntries(spreads.map(([name, list]) => [name, list[index]])),
    }))
    return answer({ since, newestOnly: incidents.isCut || tasks.isCut, value })
  }
}

/** GET /api/v1/reports/actions: how runs ended, by action type. */
export function reportActions(deps: ReportDeps): AuthorizedHandler {
  return async (call) => {
    const { since } = readWeeks(deps, call)
    const found = new Map<string, Record<string, number>>()
    for (const { actionType, state, amount } of await countRuns(deps.store.read, call.caller.tenantId, since)) {
      found.set(actionType, { ...found.get(actionType), [state]: amount })
    }
    return answer({ since, value: [...found].map(([actionType, states]) => ({ actionType, states })) })
  }
}

/** GET /api/v1/reports/alerts: incidents by how many alerts they hold, and how many of them were merged into others. */
export function reportAlerts(deps: ReportDeps): AuthorizedHandler {
  return async (call) => {
    const { since } = readWeeks(deps, call)
    const figures = await countAlertsPerIncident(deps.store.read, call.caller.tenantId, since, alertLimits)
    return answer({ since, alertLimits, ...figures })
  }
}

/** GET /api/v1/reports/activity: incidents and alerts by the hour in which they came, of the last 24 hours, the oldest first. */
export function reportActivity(deps: ReportDeps): AuthorizedHandler {
  return async (call) => {
    const nowMs = deps.clock.nowMs()
    const lastMs = nowMs - (nowMs % hourMs)
    const hours = Array.from({ length: hoursShown }, (_, index) =>
      instantOf(lastMs - (hoursShown - 1 - index) * hourMs),
    )
    const rows = await countByHour(deps.store.read, call.caller.tenantId, hours[0] ?? instantOf(lastMs))
    const found = new Map(rows.map((row) => [row.hour, row]))
    const value = hours.map((hour) => {
      const { incidents = 0, alerts = 0 } = found.get(hour.slice(0, 13)) ?? {}
      return { hour, incidents, alerts }
    })
    return answer({ at: instantOf(nowMs), value })
  }
}

function stretch(from: string, to: string | null): Stretch[] {
  return to === null ? [] : [{ from, to }]
}

function readWeeks(
  deps: ReportDeps,
  call: AuthorizedCall,
): { readonly weeks: readonly string[]; readonly since: string } {
  const asked = new URLSearchParams(call.rawQuery).get('weeks') ?? String(defaultWeeks)
  const count = /^\d{1,2}$/.test(asked) ? Number(asked) : 0
  if (count < 1 || count > maxWeeks) {
    throw new CordonError('BadRequest', `weeks takes a number from 1 to ${maxWeeks}.`, { target: 'weeks' })
  }
  const weeks = listWeeks(deps.clock.nowMs(), count)
  return { weeks, since: weeks[0] ?? deps.clock.now() }
}

function answer(body: object) {
  return { status: 200, body: JSON.stringify(body) }
}
