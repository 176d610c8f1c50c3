import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { createSignInLink, createUser } from '../../src/access/users.ts'
import { portalRoutes } from '../../src/api/portal/routes.ts'
import type { Answer, Call, Route } from '../../src/api/route.ts'
import { CordonError, type ErrorName } from '../../src/model/errors.ts'
import type { Store } from '../../src/store/db.ts'
import type { Authenticator, Twist } from '../support/authenticator.ts'
import { type Access, makeCall, openAccess, send } from './support.ts'

export const own = { 'sec-fetch-site': 'same-origin' }
export const refusedText = 'This passkey signs nobody in.'
export const overText = 'That took more than five minutes, or was answered before. Try once more.'

export interface Site extends Access {
  readonly routes: Route[]
  readonly userId: string
}

export interface Signed {
  readonly cookie: string
  readonly csrf: string
}

export async function openSite(t: TestContext, store?: Store): Promise<Site> {
  const access = await openAccess(t, store === undefined ? {} : { store })
  const userId = await createUser(access, access.operator, { name: 'Ada', role: 'responder' })
  return { ...access, userId, routes: portalRoutes(access) }
}

export function read(answer: Answer): Record<string, unknown> {
  return JSON.parse(String(answer.body))
}

export function cookieOf(answer: Answer): string {
  return (answer.headers?.['Set-Cookie'] ?? '').split(';', 1)[0] ?? ''
}

/** Sends as a page of ours does, as somebody who has signed in where that is given. */
export function ask(
  site: Site,
  method: string,
  path: string,
  body?: unknown,
  signed?: Signed,
  more: Partial<Call> = {},
): Promise<Answer> {
  const session = signed === undefined ? {} : { cookie: signed.cookie, 'x-csrf-token': signed.csrf }
  return send(site.routes, makeCall({ method, path, body, headers: { ...own, ...session }, ...more }))
}

export async function enter(site: Site, cookie: string): Promise<Signed> {
  const state = read(await ask(site, 'GET', '/auth/session', undefined, { cookie, csrf: '' }))
  return { cookie, csrf: String(state.csrfToken) }
}

export async function makeToken(site: Site, userId: string = site.userId): Promise<string> {
  return (await createSignInLink(site, site.operator, userId)).path.split('=')[1] ?? ''
}

export async function signInByLink(site: Site, userId: string = site.userId): Promise<Signed> {
  const body = new URLSearchParams({ token: await makeToken(site, userId) })
  return enter(site, cookieOf(await ask(site, 'POST', '/login', body)))
}

export async function askOptions(site: Site, path: string, body?: unknown, signed?: Signed): Promise<unknown> {
  const answer = await ask(site, 'POST', `${path}/options`, body, signed)
  assert.equal(answer.status, 200)
  return read(answer).publicKey
}

/** Registers the authenticator for who has signed in. */
export async function add(
  site: Site,
  signed: Signed,
  authenticator: Authenticator,
  twist: Twist = {},
): Promise<Answer> {
  const options = await askOptions(site, '/auth/passkeys', undefined, signed)
  const body = { name: 'Laptop', credential: authenticator.make(options, twist) }
  return ask(site, 'POST', '/auth/passkeys', body, signed)
}

export async function signIn(
  site: Site,
  authenticator: Authenticator,
  twist: Twist = {},
  more: object = {},
): Promise<Answer> {
  const options = await askOptions(site, '/auth/passkeys/sign-in')
  return ask(site, 'POST', '/auth/passkeys/sign-in', { credential: authenticator.sign(options, twist), ...more })
}

/** What is stored of passkeys and sessions, to see that nothing has changed. */
export async function look(site: Site): Promise<string> {
  const passkeys = await site.store.read.selectFrom('passkeys').selectAll().orderBy('id').execute()
  const sessions = await site.store.read.selectFrom('sessions').selectAll().orderBy('token_hash').execute()
  return JSON.stringify([passkeys, sessions])
}

export async function listOf(site: Site, signed: Signed): Promise<Record<string, unknown>[]> {
  const { value } = read(await ask(site, 'GET', '/auth/passkeys', undefined, signed))
  assert.ok(Array.isArray(value))
  return value
}

/** The error the server renders, by kind and message. */
export async function refusalOf(answer: Promise<Answer>): Promise<readonly [ErrorName, string]> {
  const cause: unknown = await answer.then(
    ({ status }) => assert.fail(`${status} in place of a refusal`),
    (thrown: unknown) => thrown,
  )
  assert.ok(cause instanceof CordonError, String(cause))
  return [cause.kind, cause.message]
}
