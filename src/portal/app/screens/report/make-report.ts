import type { Alert, Execution, Incident, Task } from '../../api/wire.ts'
import { describeEvidence } from '../../parts/evidence-text.ts'
import { listMoments } from '../incident/timeline.ts'
import { targetOf } from '../task/verbs.ts'
import type { Report, ReportEvidence, ReportRun } from './report.ts'

/** What a report is made from. */
export interface ReportFacts {
  readonly incident: Incident
  readonly alerts: readonly Alert[]
  /** Alerts the incident has; `alerts` may be the newest of them only. */
  readonly total: number
  readonly tasks: readonly Task[]
  /** By the task's id. */
  readonly runs: ReadonlyMap<string, readonly Execution[]>
  /** What people call the devices that tasks name by ids. */
  readonly deviceNames: ReadonlyMap<string, string>
  /** Why an alert stands here, by its id. */
  readonly why: ReadonlyMap<string, string | null>
  readonly tenant: string
  readonly madeBy: string
  readonly madeAt: string
}

/** Puts together what the API says of an incident. Pure. */
export function makeReport(facts: ReportFacts): Report {
  const { incident, alerts, total, tasks, runs, why } = facts
  return {
    title: `Incident ${incident.id}: ${incident.displayName ?? ''}`,
    facts: [
      ['Tenant', facts.tenant],
      ['Severity', incident.severity],
      ['Status', incident.status],
      ['Classification', `${incident.classification ?? 'none'} / ${incident.determination ?? 'none'}`],
      ['Owner', incident.assignedTo ?? 'nobody'],
      ['Tags', [...incident.customTags, ...incident.systemTags].join(', ') || 'none'],
      ['Opened', incident.createdDateTime],
      ['Last change', incident.lastUpdateDateTime],
      ['Report made', facts.madeAt],
      ['Report made by', facts.madeBy],
    ],
    summary: incident.summary || incident.description || '',
    leftOut: total > alerts.length ? `It holds the newest ${alerts.length} of ${total} alerts.` : '',
    timeline: listMoments(incident, alerts, tasks)
      .map(({ at, lane, text, by }) => ({ at, lane, text, by }))
      .reverse(),
    evidence: listEvidence(alerts),
    alerts: alerts.map((alert) => ({
      at: alert.firstActivityDateTime ?? alert.createdDateTime ?? '',
      severity: alert.severity,
      title: alert.title ?? alert.id,
      source: alert.productName ?? alert.serviceSource,
      techniques: alert.mitreTechniques,
      why: why.get(alert.id) ?? 'not placed by correlation',
    })),
    tasks: tasks.map((task) => ({
      title: task.displayName,
      description: task.description ?? '',
      status: task.status,
      actionStatus: task.actionStatus,
      actionType: task.actionType,
      target: writeTarget(targetOf(task), facts.deviceNames),
      by: task.createdByDisplayName,
      at: task.createdDateTime,
      runs: (runs.get(task.id) ?? []).map(describeRun),
    })),
  }
}

function writeTarget(target: string, deviceNames: ReadonlyMap<string, string>): string {
  const name = deviceNames.get(target)
  return name === undefined ? target || 'none' : `${name} (${target})`
}

function describeRun(run: Execution): ReportRun {
  return {
    kind: run.kind,
    state: run.state,
    by: run.requestedBy.name ?? 'nobody named',
    at: run.requestedAt,
    finishedAt: run.finishedAt,
    connector: run.connector ?? '',
    reason: run.reason ?? '',
    proof: run.result?.proof ?? null,
  }
}

function listEvidence(alerts: readonly Alert[]): ReportEvidence[] {
  const found = new Map<string, ReportEvidence>()
  for (const evidence of alerts.flatMap((alert) => alert.evidence)) {
    const { kind, name, verdict } = describeEvidence(evidence)
    const key = `${kind} ${name}`
    found.set(key, { kind, name, verdict, count: (found.get(key)?.count ?? 0) + 1 })
  }
  return [...found.values()]
}
