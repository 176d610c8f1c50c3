import type { ActionType } from '../../../src/model/actions.ts'

/** A response action as a model of the SDK. */
export interface SdkAction {
  readonly actionType: ActionType
  readonly responseAction: { readonly odataType: string; readonly identifierValue: string }
}

/** What client.ts is told: where the server is, who it may be there, and what to work on. */
export interface SdkInput {
  readonly url: string
  readonly tenant: string
  readonly clientId: string
  readonly clientSecret: string
  readonly incident: string
  /** An alert with evidence of every type. */
  readonly alert: string
  /** A task whose action can be executed. */
  readonly task: string
  /** A response action of each type. */
  readonly actions: readonly SdkAction[]
}
