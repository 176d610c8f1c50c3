import type { Generated } from 'kysely'
import type { ConnectorJournalRow, ConnectorRow, ConnectorSecretRow } from './schema-connectors.ts'
import type { SubscriptionRow } from './schema-notify.ts'
import type { AcknowledgementRow, DeliveryRow, EscalationRow, PersonSettingsRow, SightRow } from './schema-people.ts'
import type {
  AnswerRow,
  ApprovalRow,
  ApprovalVoteRow,
  ExecutionRow,
  IocRuleRow,
  PolicyRow,
  TaskTargetRow,
} from './schema-respond.ts'
import type {
  ApplicationRow,
  AuthorizationCodeRow,
  IdentityRow,
  MembershipRow,
  PasskeyChallengeRow,
  PasskeyRow,
  PasswordRow,
  RedirectUriRow,
  SessionRow,
  SignInLinkRow,
} from './schema-sign-in.ts'
import type { SavedViewRow } from './schema-views.ts'

/**
 * Row types, one interface per table. Every row carries its tenant. On both databases: instants are 7-digit ISO text, booleans 0/1,
 * enums their numeric Graph value, JSON is text. An entity's whole Graph form lies in `doc`; the columns beside it repeat what is
 * filtered, sorted or joined, and are written by the same function as `doc`, never alone.
 */
export interface Schema {
  tenants: TenantRow
  applications: ApplicationRow
  users: UserRow
  sign_in_links: SignInLinkRow
  sessions: SessionRow
  passwords: PasswordRow
  passkeys: PasskeyRow
  passkey_challenges: PasskeyChallengeRow
  redirect_uris: RedirectUriRow
  authorization_codes: AuthorizationCodeRow
  identities: IdentityRow
  memberships: MembershipRow
  saved_views: SavedViewRow
  settings: SettingRow
  counters: CounterRow
  incidents: IncidentRow
  alerts: AlertRow
  alert_entities: AlertEntityRow
  entities: EntityRow
  sightings: SightingRow
  alert_series: AlertSeriesRow
  incident_summaries: IncidentSummaryRow
  alert_joins: AlertJoinRow
  incident_merges: IncidentMergeRow
  tasks: TaskRow
  executions: ExecutionRow
  task_targets: TaskTargetRow
  answers: AnswerRow
  policies: PolicyRow
  approvals: ApprovalRow
  approval_votes: ApprovalVoteRow
  agents: AgentRow
  enrolment_tokens: EnrolmentTokenRow
  commands: CommandRow
  ioc_rules: IocRuleRow
  jobs: JobRow
  connectors: ConnectorRow
  connector_secrets: ConnectorSecretRow
  connector_journal: ConnectorJournalRow
  audit: AuditRow
  audit_heads: AuditHeadRow
  outbox: OutboxRow
  subscriptions: SubscriptionRow
  deliveries: DeliveryRow
  person_settings: PersonSettingsRow
  incident_sights: SightRow
  acknowledgements: AcknowledgementRow
  escalations: EscalationRow
}

export interface TenantRow {
  id: string
  name: string
  domain: string | null
  /** Short and in lower case; one of each in the installation. */
  code: string
  /** How many tenants there were before it; its pattern and colour are made from it. */
  mark: number
  created_at: string
}

export interface UserRow {
  tenant_id: string
  id: string
  name: string
  role: string
  created_at: string
  disabled_at: string | null
}

export interface SettingRow {
  tenant_id: string
  key: string
  value: string
}

/** Number ranges handed out inside a transaction, e.g. `incident`: the last number given. */
export interface CounterRow {
  name: string
  value: number
}

export interface IncidentRow {
  tenant_id: string
  id: number
  status: number
  severity: number
  classification: number | null
  determination: number | null
  assigned_to: string | null
  display_name: string | null
  /** JSON array of its customTags, each once; null without any. */
  tags: string | null
  created_at: string
  updated_at: string
  priority_score: number | null
  redirect_incident_id: number | null
  /** Earliest and latest activity of its alerts; the correlation window is measured against these. */
  first_activity_at: string | null
  last_activity_at: string | null
  alert_count: number
  /** JSON array of the properties a person set by hand; correlation leaves them alone. */
  person_set: string
  /** Owner before the customer had it. */
  handed_over_from: string | null
  /** 1 when `doc` holds an enum member above its sentinel, so that an answer without the opt-in must be masked. */
  hidden: number
  version: number
  doc: string
}

export interface AlertRow {
  tenant_id: string
  id: string
  incident_id: number
  /** The sending application or sensor. The id is a hash of tenant, source and provider_alert_id, so that these are unique too. */
  source: string
  provider_alert_id: string
  status: number
  severity: number
  classification: number | null
  determination: number | null
  service_source: number
  detection_source: number | null
  category: string | null
  title: string | null
  assigned_to: string | null
  created_at: string
  updated_at: string
  first_activity_at: string | null
  last_activity_at: string | null
  hidden: number
  version: number
  doc: string
}

/** One entity (device, user, file ...) seen in one alert; what evidence filters and correlation look up. */
export interface AlertEntityRow {
  tenant_id: string
  alert_id: string
  kind: string
  value: string
}

/** Per entity: how many alerts share it and with how many others it was seen, which tells hubs. */
export interface EntityRow {
  tenant_id: string
  kind: string
  value: string
  alert_count: number
  first_seen_at: string
  last_seen_at: string
  /** The others it was seen with last, as JSON {@link ../intake/correlation/state.ts Partners}. */
  partners: string
}

/**
 * One stretch of time in which an entity was seen in an incident without a pause longer than the window. Named by the alert that opened
 * it, so that a merge only has to change `incident_id`.
 */
export interface SightingRow {
  tenant_id: string
  kind: string
  value: string
  opened_by: string
  incident_id: number
  first_at: string
  last_at: string
  alert_count: number
}

/** One rule firing on one entity: its repeats are counted as one, and a series that never pauses is recurring activity. */
export interface AlertSeriesRow {
  tenant_id: string
  rule: string
  kind: string
  value: string
  alert_count: number
  last_at: string
  /** The incident its last alert joined. */
  incident_id: number
  /** The incident that collects it since it became recurring. */
  recurring_incident_id: number | null
  /** Alerts per hour of the last hours in which it fired, as JSON {@link ../intake/correlation/state.ts Hours}. */
  hours: string
}

/** What an incident's title, severity, tags and score are computed from, as JSON {@link ../intake/correlation/summary.ts Summary}. */
export interface IncidentSummaryRow {
  tenant_id: string
  incident_id: number
  summary: string
}

/** Why an alert stands in its incident. `reason` is JSON, shown to people as it is. */
export interface AlertJoinRow {
  tenant_id: string
  alert_id: string
  incident_id: number
  rule: string
  reason: string
  joined_at: string
}

export interface IncidentMergeRow {
  tenant_id: string
  incident_id: number
  into_incident_id: number
  rule: string
  reason: string
  merged_at: string
}

export interface TaskRow {
  tenant_id: string
  id: string
  incident_id: number
  status: number
  action_status: number
  action_type: number
  source: number
  display_name: string
  created_at: string
  updated_at: string
  /** Who attached it to the incident; null where that is not known. */
  proposed_by: string | null
  /** 1 from the moment a person set the task back to open until its next execution: only then a succeeded action may run again. */
  reopened: number
  version: number
  doc: string
}

export interface AgentRow {
  tenant_id: string
  id: string
  hostname: string
  fqdn: string | null
  machine_id: string | null
  os: string | null
  agent_version: string | null
  public_key: string
  key_since: string
  /** Since when an operator wants another key of it; null when none is wanted, or it has come. */
  key_ordered_at: string | null
  token_hash: string
  capabilities: string
  /** Facts of the last heartbeat (addresses, interfaces, logged-on users, state) as JSON. */
  facts: string
  /** The highest X-Seq accepted from this agent; replays are at or below it. */
  last_seq: number
  /** The last sequence number signed into a command for this agent. */
  command_seq: number
  /** Ids of the agent's last runs, oldest first, as JSON; a run that comes back after a later one is a copy of the host. */
  run_ids: string
  /** When two hosts were seen to use its key; it is revoked since. */
  cloned_at: string | null
  /** Break-glass codes made so far. */
  break_glass_serial: number
  enrolled_at: string
  last_seen_at: string | null
  /** Null: enrolled with a token that asks for an admin's word, who has not spoken yet; gets no commands. */
  approved_at: string | null
  revoked_at: string | null
}

export interface EnrolmentTokenRow {
  tenant_id: string
  token_hash: string
  created_by: string
  /** 1: whoever enrols with it waits for an admin. */
  needs_approval: number
  created_at: string
  expires_at: string
  used_at: string | null
  agent_id: string | null
}

export interface CommandRow {
  tenant_id: string
  /** Equal to the execution id where there is one command, so that a second start finds the first. */
  id: string
  agent_id: string
  execution_id: string
  task_id: string
  action_type: string
  family: string
  seq: number
  epoch: number
  jws: string
  /** `queued` until the host has recorded it, `acked`, then what became of it; see store/agents.ts. */
  state: string
  /** 1 while this command's effect should last on the host (an isolation not yet released). */
  hold: number
  not_after: string
  created_at: string
  delivered_at: string | null
  acked_at: string | null
  finished_at: string | null
  result: string | null
}

export interface JobRow {
  id: string
  tenant_id: string
  kind: string
  payload: string
  /** Jobs with the same key do not pile up: enqueueing an existing key only brings its time forward. */
  key: string | null
  run_at: string
  attempts: number
  epoch: number
  leased_until: string | null
  /** 1 when the job was enqueued again while a worker held it. */
  rerun: number
  last_error: string | null
  created_at: string
}

/** One entry of a tenant's audit log; see {@link ./audit-entry.ts} for what `hash` is over. */
export interface AuditRow {
  tenant_id: string
  /** 1 for a tenant's first entry, then without gaps in the order of commits. */
  seq: number
  at: string
  actor_id: string
  actor_kind: string
  actor_name: string
  action: string
  object_type: string
  object_id: string
  /** `allowed` or `refused`. */
  decision: string
  code: string | null
  reason: string | null
  request_id: string | null
  client_request_id: string | null
  before_digest: string | null
  after_digest: string | null
  details: string | null
  /** SHA-256 in hex over the entry and the hash of the one before it. */
  hash: string
}

/** Where a tenant's audit log ends: its last entry. Whoever appends holds this row until the commit. */
export interface AuditHeadRow {
  tenant_id: string
  size: number
  hash: string
}

export interface OutboxRow {
  seq: Generated<number>
  tenant_id: string
  at: string
  change: string
  resource: string
  object_id: string
  actor_id: string | null
}
