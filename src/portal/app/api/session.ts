import { nullable, type Read, readWith, record, text, truth } from './read.ts'

const state = record({
  signedIn: truth,
  user: nullable(record({ name: text, role: text })),
  tenant: nullable(record({ id: text, name: text })),
  csrfToken: nullable(text),
})

/** Who is signed in, and where. */
export interface Session {
  readonly user: NonNullable<Read<typeof state>['user']>
  readonly tenant: NonNullable<Read<typeof state>['tenant']>
  readonly csrfToken: string
}

/** An answer of the server that says no, in the server's own words. */
export class ApiError extends Error {
  readonly status: number
  /** The error code of Graph, `BadRequest`. */
  readonly code: string
  /** The closer code within it, `UnsupportedActionType`; empty where there is none. */
  readonly innerCode: string
  readonly requestId: string
  /** Null where the server named no time. */
  readonly retryAfterSeconds: number | null

  constructor(facts: Pick<ApiError, 'status' | 'code' | 'innerCode' | 'message' | 'requestId' | 'retryAfterSeconds'>) {
    super(facts.message)
    this.status = facts.status
    this.code = facts.code
    this.innerCode = facts.innerCode
    this.requestId = facts.requestId
    this.retryAfterSeconds = facts.retryAfterSeconds
  }
}

/** The session of this browser; null when nobody is signed in. */
export async function readSession(): Promise<Session | null> {
  const answer = await fetch('/auth/session', { headers: { Accept: 'application/json' } })
  if (!answer.ok) throw await toFailure(answer)
  const { signedIn, user, tenant, csrfToken } = readWith(state, await answer.json())
  if (!signedIn || user === null || tenant === null || csrfToken === null) return null
  return { user, tenant, csrfToken }
}

/** True when both are sessions of one person in one tenant. */
export function isSamePerson(one: Session, other: Session): boolean {
  return one.tenant.id === other.tenant.id && one.user.name === other.user.name
}

const refusal = record({
  error: record({ code: text, message: text, innerError: nullable(record({ code: nullable(text) })) }),
})

/** Makes an error of an answer that says no, whoever gave it. */
export async function toFailure(answer: Response): Promise<ApiError> {
  const facts = {
    status: answer.status,
    requestId: answer.headers.get('request-id') ?? '',
    retryAfterSeconds: Number(answer.headers.get('retry-after')) || null,
  }
  try {
    const { error } = readWith(refusal, JSON.parse(await answer.text()))
    return new ApiError({ ...facts, code: error.code, innerCode: error.innerError?.code ?? '', message: error.message })
  } catch {
    // Not our error body: something between us and the server answered.
    const message = `The server answered ${answer.status}.`
    return new ApiError({ ...facts, code: '', innerCode: '', message })
  }
}
