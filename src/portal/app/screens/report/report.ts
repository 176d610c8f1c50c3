/** A report of an incident: what a page, a print and a Markdown file are made from. Instants are as the server wrote them, in UTC. */
export interface Report {
  readonly title: string
  /** Name and value, in the order they are shown. */
  readonly facts: readonly (readonly [name: string, value: string])[]
  readonly summary: string
  /** What the report leaves out, in a sentence; empty when it is whole. */
  readonly leftOut: string
  /** Oldest first. */
  readonly timeline: readonly {
    readonly at: string
    readonly lane: string
    readonly text: string
    readonly by: string
  }[]
  readonly evidence: readonly ReportEvidence[]
  readonly alerts: readonly ReportAlert[]
  readonly tasks: readonly ReportTask[]
}

export interface ReportEvidence {
  readonly kind: string
  readonly name: string
  readonly verdict: string
  /** Alerts that name it. */
  readonly count: number
}

export interface ReportAlert {
  readonly at: string
  readonly severity: string
  readonly title: string
  readonly source: string
  readonly techniques: readonly string[]
  /** Why it stands in the incident. */
  readonly why: string
}

export interface ReportTask {
  readonly title: string
  readonly description: string
  readonly status: string
  readonly actionStatus: string
  readonly actionType: string
  readonly target: string
  readonly by: string
  readonly at: string
  readonly runs: readonly ReportRun[]
}

export interface ReportRun {
  readonly kind: string
  readonly state: string
  readonly by: string
  readonly at: string
  readonly finishedAt: string | null
  readonly connector: string
  readonly reason: string
  readonly proof: {
    readonly level: string
    readonly method: string
    readonly observedAt: string
    readonly checks: readonly { readonly name: string; readonly want: string; readonly got: string }[]
  } | null
}
