/** What a task's response action became: one run of it, or the undo of one. */
export interface ExecutionRow {
  tenant_id: string
  id: string
  task_id: string
  /** `run` for executeResponseAction, `undo` for its inverse. */
  kind: string
  /** The execution this one takes back; set when kind is `undo`. */
  undoes: string | null
  /** The execution this one tries again. */
  supersedes: string | null
  action_type: string
  state: string
  /** 1 while the state is not terminal: at most one live execution per task (partial unique index). */
  live: number
  /** 1 while its effect should last on the target: an isolation that nobody has released. */
  holds: number
  reason_code: string | null
  reason: string | null
  requested_by: string
  requested_by_name: string
  requested_by_kind: string
  client_request_id: string | null
  connector: string | null
  /** The resolved {@link ../model/execution.ts Target} as JSON. */
  target: string
  /** Key of the thing acted on and its action family; executions on the same key take turns. */
  target_key: string
  family: string
  /** What the connector was asked to do, as JSON; for an undo also the recorded earlier state. */
  parameters: string
  handle: string | null
  /** Observed before and after, proof of effect and the connector's result, as JSON. */
  result: string | null
  epoch: number
  /** Version of the safety policy it was last weighed by. */
  policy_version: number
  requested_at: string
  /** Since when it waits for its turn; null while it waits for approval. */
  queued_at: string | null
  not_after: string
  started_at: string | null
  finished_at: string | null
  updated_at: string
}

/** A name of what a task acts on, from its response action and from its runs: what was done about a thing is found by it. */
export interface TaskTargetRow {
  tenant_id: string
  /** A {@link ../model/actions.ts TargetKind}. */
  kind: string
  /** In lower case. */
  value: string
  task_id: string
  /** When it was first named so. */
  named_at: string
}

/** The stored first answer of executeResponseAction, replayed for the same caller and client-request-id within 24 h. */
export interface AnswerRow {
  tenant_id: string
  caller: string
  client_request_id: string
  task_id: string
  status: number
  body: string | null
  created_at: string
  expires_at: string
}

/** A tenant's safety policy; a tenant without a row has the default one. */
export interface PolicyRow {
  tenant_id: string
  /** Counts changes, from 2: the default policy has the first number. The ETag. */
  version: number
  /** 1 while all dispatch is paused; repeats what lies in `doc`. */
  paused: number
  /** The {@link ../model/safety/policy.ts SafetyPolicy} as JSON. */
  doc: string
  updated_at: string
  updated_by: string
}

/** A second person's agreement that an execution waits for. */
export interface ApprovalRow {
  tenant_id: string
  id: string
  execution_id: string
  task_id: string
  state: string
  /** Distinct people who must agree. */
  required: number
  /** `sha256:` over {@link ../model/safety/approval.ts Seen}. */
  digest: string
  /** What is agreed to, as JSON: task, action, target, details and the policy's reasons. */
  seen: string
  requested_by: string
  requested_by_name: string
  /** Who proposed the task; null for tasks older than that. */
  proposed_by: string | null
  requested_at: string
  expires_at: string
  decided_at: string | null
}

/** What one person decided about an approval. */
export interface ApprovalVoteRow {
  tenant_id: string
  approval_id: string
  person_id: string
  person_name: string
  person_kind: string
  /** `approve` or `reject`. */
  decision: string
  comment: string | null
  at: string
}

/** A rule about an indicator that the agents of a tenant enforce. */
export interface IocRuleRow {
  tenant_id: string
  /** The task it belongs to. */
  id: string
  /** The execution that submitted it last. */
  execution_id: string
  /** What goes to a host, as JSON; see agents/rules.ts. */
  rule: string
  expires_at: string
  /** 1 when it is taken back: hosts that still have it are told. */
  withdrawn: number
  /** The last host that commands were written up to, by id; empty before the first. Null: the execution has reached every host. */
  spread_after: string | null
  created_at: string
}
