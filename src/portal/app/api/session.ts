import { listOf, nullable, number, type Read, readWith, record, text } from './read.ts'

const place = record({
  id: text,
  name: text,
  code: text,
  mark: number,
  user: record({ id: text, name: text, role: text }),
})
const state = record({ tenants: listOf(place), csrfToken: nullable(text) })

/** A tenant as people tell it from others: by name, short code, pattern and colour. */
export type TenantFacts = Pick<Read<typeof place>, 'id' | 'name' | 'code' | 'mark'>

/** Who is signed in, and as whom in one tenant. */
export interface Session {
  readonly user: Read<typeof place>['user']
  readonly tenant: TenantFacts
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

/** The session of this browser in each tenant the person may work in, their own first; null when nobody is signed in. */
export async function readSessions(): Promise<readonly [Session, ...Session[]] | null> {
  const answer = await fetch('/auth/session', { headers: { Accept: 'application/json' } })
  if (!answer.ok) throw await toFailure(answer)
  const { tenants, csrfToken } = readWith(state, await answer.json())
  if (csrfToken === null) return null
  const [home, ...others] = tenants.map(({ user, ...tenant }) => ({ user, tenant, csrfToken }))
  return home === undefined ? null : [home, ...others]
}

/** True when both are sessions of one person where they signed in. */
export function isSamePerson(one: Session, other: Session): boolean {
  return one.user.id === other.user.id
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
