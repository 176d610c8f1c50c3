import type { Secret } from '../io/sealing.ts'
import type { ActionType } from '../model/actions.ts'
import type { ExecutionResult, Proof, Target, TargetOutcome } from '../model/execution.ts'
import type { NoticeMessage } from '../model/notices/message.ts'
import type { NoticeWish } from '../model/notices/notice.ts'

/** What a connector is asked to do. */
export interface Order {
  readonly tenantId: string
  /** Idempotency key: the same id never has a second effect. */
  readonly executionId: string
  readonly taskId: string
  readonly actionType: ActionType
  readonly target: Target
  /** Action details, e.g. `{ isolationType: 'full' }`, or the recorded earlier state of an undo. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** UTC instant; later than this the outside system must not begin. */
  readonly notAfter: string
  /** Rises with every claim; the outside system refuses a lower one. */
  readonly epoch: number
  readonly actor: { readonly id: string; readonly kind: string; readonly name: string }
  /** Who else agreed; `digest` is over what they saw. Null where nobody had to. */
  readonly approvals: { readonly required: number; readonly count: number; readonly digest: string } | null
  /** The targets that an earlier run left undone, by {@link TargetOutcome.ref}; null: all. */
  readonly onlyTargets: readonly string[] | null
  readonly reason: string
}

/** A failure's class decides what happens next, never its text. */
export type FailureClass = 'transient' | 'ambiguous' | 'permanent'

/** A classified failure. */
export interface Failure {
  readonly outcome: 'failure'
  readonly failureClass: FailureClass
  /** PascalCase code, e.g. `ChannelLost`. */
  readonly code: string
  readonly detail: string
  readonly retryAfterSeconds?: number
  /** Observed state, when the far side could still tell. */
  readonly before?: unknown
  readonly after?: unknown
}

/** What an outside system says about an order. */
export type Progress =
  /** Taken over, not begun: nobody has seen the order yet (`delivered: false`) or the far side has recorded it. */
  | {
      readonly outcome: 'accepted'
      readonly delivered: boolean
      readonly handle: string
      readonly checkAfterSeconds: number
    }
  /** The first effect may have happened. */
  | {
      readonly outcome: 'running'
      readonly handle: string
      readonly checkAfterSeconds: number
      /** How far it has come, in a few words. */
      readonly note?: string
    }
  /** The effect is there. Without a proof it is a claim only and never completes a task. */
  | {
      readonly outcome: 'done'
      /** False: the wanted state was already there. */
      readonly changed: boolean
      readonly before: unknown
      readonly after: unknown
      readonly proof: Proof | null
      /** What became of each, where the order had several targets; the engine reduces them to one outcome. */
      readonly targets?: readonly TargetOutcome[]
    }
  /** The far side refused, e.g. a protected asset or a stale order. */
  | { readonly outcome: 'refused'; readonly code: string; readonly detail: string }
  /** The deadline passed before any effect. */
  | { readonly outcome: 'expired' }
  /** Cancelled before any effect. */
  | { readonly outcome: 'cancelled' }
  | Failure

/** A thing that fits an identifier. `supported` false: the connector knows it but cannot do this action on it, and says why. */
export interface Resolution {
  readonly target: Target
  readonly supported: boolean
  readonly reason: string | null
}

/** What a connector can do now. */
export interface Capability {
  readonly actionType: ActionType
  readonly available: boolean
  /** Why not, with the fix; null when available. */
  readonly reason: string | null
}

/**
 * The way to one outside system that acts. Every connector has this one shape; the engine knows none of them by name.
 * @source design actions 5.1
 */
export interface Connector {
  /** Stable name, stored with executions: `cordon-agent`, `ldap` ... */
  readonly name: string
  /** Action types it can do for a tenant as configured, without effect. */
  capabilities(tenantId: string): Promise<readonly Capability[]>
  /** Things of the tenant that fit the identifier; none, one or many. */
  resolve(
    tenantId: string,
    actionType: ActionType,
    identifier: string,
    /** What else the task says of its target, e.g. `{ deviceId }` of a file. */
    parameters: Readonly<Record<string, unknown>>,
  ): Promise<readonly Resolution[]>
  /**
   * Asks the outside system to begin; never waits for a slow effect. Idempotent by `order.executionId`: a second call attaches to the
   * work already begun.
   */
  start(order: Order): Promise<Progress>
  /**
   * Where the order of this execution id stands, by reading and without beginning it. Asked when nobody knows whether `start` arrived:
   * after a crash, or a connection that broke. A system that cannot tell answers with an ambiguous failure.
   * @returns null when the outside system has not got the order and its effect is not there
   */
  attach(order: Order): Promise<Progress | null>
  /** Where the order stands; `handle` is what `start` answered. */
  check(order: Order, handle: string): Promise<Progress>
  /** Takes an order back that had no effect yet; `done` or `running` means it is too late. */
  cancel(order: Order, handle: string): Promise<Progress>
  /** How to take a succeeded action back from the state recorded before it, or why it cannot be taken back. Pure. */
  planUndo(done: FinishedAction): UndoPlan
  /** Looks at a target before anything is done to it; without effect. */
  inspect(look: Look): Promise<Inspection>
}

/** What is to be looked at, and for which action. */
export interface Look {
  readonly tenantId: string
  readonly taskId: string
  readonly actionType: ActionType
  readonly target: Target
  readonly parameters: Readonly<Record<string, unknown>>
}

/** A target as it stands now; null wherever the connector cannot tell. */
export interface Inspection {
  readonly readAt: string
  readonly online: boolean | null
  readonly lastSeenAt: string | null
  /** The action would find its effect there already. */
  readonly already: boolean | null
  readonly state: Readonly<Record<string, unknown>> | null
  /** The target said that it would not do it, and why. */
  readonly refusal: { readonly code: string; readonly detail: string } | null
  /** What the action would cut off. */
  readonly connections: Connections
}

/** Live connections of a target, or why nobody knows them. */
export type Connections =
  | {
      readonly known: true
      readonly observedAt: string
      readonly total: number
      /** The first of them, as `tcp 10.0.0.5:443 -> 10.0.0.9:51122`. */
      readonly listed: readonly string[]
    }
  | { readonly known: false; readonly reason: string }

/** What an undo is planned from. */
export interface FinishedAction {
  readonly actionType: ActionType
  readonly target: Target
  readonly parameters: Readonly<Record<string, unknown>>
  readonly result: ExecutionResult | null
}

/** How an execution can be taken back. */
export type UndoPlan =
  | { readonly possible: true; readonly actionType: ActionType; readonly parameters: Readonly<Record<string, unknown>> }
  | { readonly possible: false; readonly reason: string }

/** A kind of connector that people set up: what it takes, and how to see that it works. */
export interface ConnectorKind {
  /** Stands in `kind`, and is the name of its {@link Connector}. */
  readonly name: string
  /** Secrets it takes, e.g. `bindPassword`. */
  readonly secretNames: readonly string[]
  /**
   * Reads settings from outside.
   * @returns what is stored, and where the secrets go: scheme, host and port
   * @throws CordonError BadRequest naming the setting
   */
  readSettings(settings: unknown): { readonly settings: object; readonly address: string }
  /** What one of them can do as it is set up, without asking the outside system. */
  describe(connector: ConfiguredConnector): readonly Capability[]
  /** How the outside system was found when this server last had to do with it. */
  health(connector: ConfiguredConnector): Health
  /** Tries everything the actions need, in their order, without effect on targets; ends at the first thing that is wrong. */
  test(connector: ConfiguredConnector, open: OpenSecrets): Promise<readonly SetupCheck[]>
}

/** A connector as people see it. Of a secret they see that it is set, and since when. */
export interface ConfiguredConnector {
  readonly tenantId: string
  readonly id: string
  readonly kind: string
  readonly name: string
  readonly settings: unknown
  /** Where its secrets go; they open for no other. */
  readonly address: string
  readonly secrets: Readonly<Record<string, { readonly setAt: string }>>
  readonly version: number
  readonly createdAt: string
  readonly updatedAt: string
}

/**
 * Opens the secrets of a connector, by name.
 * @throws SealError when one does not belong to this connector and address
 */
export type OpenSecrets = (connector: ConfiguredConnector) => Promise<Readonly<Record<string, Secret>>>

/** How an outside system was found; `untested` when this server had nothing to do with it since it started. */
export interface Health {
  readonly state: 'untested' | 'working' | 'failing'
  readonly at: string | null
  /** PascalCase code of what is wrong; null unless failing. */
  readonly code: string | null
  readonly detail: string | null
}

/** One thing that has to hold for a connector to work. */
export interface SetupCheck {
  readonly name: string
  readonly ok: boolean
  /** What was found, in words. */
  readonly detail: string
  readonly code: string | null
  /** The setting or secret to look at, and what to do; null when it is well. */
  readonly setting: string | null
  readonly fix: string | null
}

/** A kind of connector that carries notices to people. It has no actions; its test sends a message that says that it is one. */
export interface ChannelKind extends ConnectorKind {
  /** Whether it can write to one person, at a mail address. */
  readonly reachesPeople: boolean
  /** What its readers are to be told of. */
  wishOf(connector: ConfiguredConnector): NoticeWish
  /**
   * Hands a message over. The same message may come again after a crash, under the same id: the far side may then have it twice.
   * @param to mail address of one person; null for whomever the settings name
   */
  send(connector: ConfiguredConnector, open: OpenSecrets, message: NoticeMessage, to: string | null): Promise<Sending>
}

/** What became of a message: handed over, or why not and whether trying again can help. */
export type Sending =
  | { readonly sent: true }
  | { readonly sent: false; readonly lasting: boolean; readonly code: string; readonly detail: string }
