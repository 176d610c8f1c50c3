/**
 * Every refusal Cordon gives, by name: the HTTP status, the Graph `error.code` and what the reader of the answer does next. `code` is what stands in `error.code` (PascalCase, as observed on the live service); where a
 * name is more specific than its code, the name itself stands in `error.innerError.code`.
 * @source design contract 14.2 and 9
 */
export const errorKinds = {
  BadRequest: { status: 400, code: 'BadRequest', advice: 'Correct the request; the message names the part.' },
  UnsupportedActionType: {
    status: 400,
    code: 'BadRequest',
    advice: 'Carry the action out by hand, or configure a connector for it.',
  },
  ActionAlreadyInProgress: {
    status: 400,
    code: 'BadRequest',
    advice: 'Wait for the running execution, or reopen the task to run it again.',
  },
  InvalidTaskState: { status: 400, code: 'BadRequest', advice: 'Set the task back to open first.' },
  InvalidResponseAction: {
    status: 400,
    code: 'BadRequest',
    advice: 'Create the task again with a responseAction that fits its actionType.',
  },
  TargetNotFound: {
    status: 400,
    code: 'BadRequest',
    advice: 'Name a device, user, file or message that Cordon knows.',
  },
  AmbiguousTarget: { status: 400, code: 'BadRequest', advice: 'Use the id instead of the name.' },
  NoExecutor: {
    status: 400,
    code: 'BadRequest',
    advice: 'Enrol an agent or connector that can do this action on the target.',
  },
  ClientRequestIdReused: {
    status: 400,
    code: 'BadRequest',
    advice: 'Send a fresh client-request-id for another task.',
  },
  tooManyTermsInQuery: { status: 400, code: 'BadRequest', advice: 'Split the query.' },
  maxQueryLengthExceeded: { status: 400, code: 'BadRequest', advice: 'Shorten the query.' },
  InvalidAuthenticationToken: { status: 401, code: 'InvalidAuthenticationToken', advice: 'Get a new access token.' },
  StaleSequence: {
    status: 401,
    code: 'InvalidAuthenticationToken',
    advice: 'Sign the request anew with a higher X-Seq.',
  },
  DeviceCloned: {
    status: 401,
    code: 'InvalidAuthenticationToken',
    advice: 'Two hosts use one device key: remove the state directory of both, and enrol each anew.',
  },
  Forbidden: { status: 403, code: 'Forbidden', advice: 'Ask an admin for the permission the message names.' },
  ProtectedTarget: { status: 403, code: 'Forbidden', advice: 'The target is protected; an admin decides.' },
  StaleSignIn: { status: 403, code: 'Forbidden', advice: 'Sign in again, then repeat the request.' },
  NotFound: { status: 404, code: 'NotFound', advice: 'Check the id; it is unknown to your tenant.' },
  ResourceNotFound: { status: 404, code: 'ResourceNotFound', advice: 'Check the path; no such segment exists.' },
  MethodNotAllowed: { status: 405, code: 'Request_BadRequest', advice: 'Use a method listed in Allow.' },
  NotAcceptable: { status: 406, code: 'NotAcceptable', advice: 'Ask for application/json.' },
  RequestTimeout: { status: 408, code: 'RequestTimeout', advice: 'Send the whole request sooner.' },
  Conflict: { status: 409, code: 'Conflict', advice: 'Read the resource again, then decide.' },
  SyncStateNotFound: {
    status: 410,
    code: 'SyncStateNotFound',
    advice: 'The delta token is too old; start again without it.',
  },
  PreconditionFailed: { status: 412, code: 'PreconditionFailed', advice: 'Read the resource again for its new ETag.' },
  RequestEntityTooLarge: { status: 413, code: 'RequestEntityTooLarge', advice: 'Send less in one request.' },
  UnsupportedMediaType: { status: 415, code: 'UnsupportedMediaType', advice: 'Send application/json in UTF-8.' },
  ExpectationFailed: { status: 417, code: 'ExpectationFailed', advice: 'Drop the Expect header.' },
  MisdirectedRequest: {
    status: 421,
    code: 'MisdirectedRequest',
    advice: 'Use the host name Cordon is configured for.',
  },
  UnprocessableEntity: {
    status: 422,
    code: 'UnprocessableEntity',
    advice: 'The content breaks a rule the message names.',
  },
  FailedDependency: {
    status: 424,
    code: 'FailedDependency',
    advice: 'Correct the request this one depends on.',
  },
  RequestHeaderFieldsTooLarge: {
    status: 431,
    code: 'RequestHeaderFieldsTooLarge',
    advice: 'Shorten the URL or the headers.',
  },
  TooManyRequests: { status: 429, code: 'TooManyRequests', advice: 'Wait Retry-After seconds.' },
  InternalServerError: { status: 500, code: 'InternalServerError', advice: 'Report the request-id to the operator.' },
  NotImplemented: { status: 501, code: 'NotImplemented', advice: 'Cordon does not offer this.' },
  ServiceUnavailable: { status: 503, code: 'ServiceUnavailable', advice: 'Wait Retry-After seconds.' },
} as const

/** Names of the rows of {@link errorKinds}. */
export type ErrorName = keyof typeof errorKinds

/** What an error answer may carry beside its message. */
export interface ErrorExtras {
  /** Property or query option the error is about. */
  readonly target?: string
  /** Every property that is wrong, where there are several. */
  readonly details?: readonly { readonly target: string; readonly message: string }[]
  /** Integer seconds for Retry-After; set on 429 and 503. */
  readonly retryAfterSeconds?: number
  /** Methods for Allow; set on 405. */
  readonly allow?: readonly string[]
  /** `WWW-Authenticate` value; set on 401. */
  readonly challenge?: string
  readonly cause?: unknown
}

/**
 * The one error class of Cordon: a row of {@link errorKinds} with a message for the caller. The message is shown to the caller as it is,
 * so it never holds SQL, paths or library names; those belong into `cause`, which only the log sees.
 */
export class CordonError extends Error {
  readonly kind: ErrorName
  readonly extras: ErrorExtras

  constructor(kind: ErrorName, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause })
    this.name = 'CordonError'
    this.kind = kind
    this.extras = extras
  }

  get status(): number {
    return errorKinds[this.kind].status
  }

  get code(): string {
    return errorKinds[this.kind].code
  }
}

/** An expected "no" as a value: decided by pure code, turned into a {@link CordonError} at the edge. */
export interface Refusal {
  readonly refused: ErrorName
  readonly reason: string
}

/** Makes a {@link Refusal}. */
export function refuse(refused: ErrorName, reason: string): Refusal {
  return { refused, reason }
}

/** Tells a {@link Refusal} from a decided value. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value
}

/** Ends a switch over a union: a new member is a compile error here. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`)
}
