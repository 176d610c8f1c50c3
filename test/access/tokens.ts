import assert from 'node:assert/strict'
import { issueToken } from '../../src/access/issue.ts'
import { CordonError } from '../../src/model/errors.ts'
import { type Access, makeAuthorized, origin } from './support.ts'

/** An application that tokens are issued for. */
export interface Subject {
  readonly tenantId: string
  readonly id: string
}

/** Makes an application and says who it is. */
export async function createSubject(access: Access, role = 'responder'): Promise<Subject> {
  const made = await access.createClient(role)
  return { tenantId: made.tenantId, id: made.clientId }
}

/** A token of the responder role, as the token endpoint issues it. */
export async function issue(access: Access, { tenantId, id }: Subject): Promise<string> {
  const subject = { kind: 'application', tenantId, id, name: 'responder client', role: 'responder' } as const
  return (await issueToken(access, origin, subject)).token
}

/** How a request with that header is refused. */
export async function refusalOf(access: Access, authorization: string | undefined): Promise<CordonError> {
  try {
    await access.authenticate(makeAuthorized(authorization))
  } catch (cause) {
    assert.ok(cause instanceof CordonError)
    return cause
  }
  assert.fail('the request was let in')
}
