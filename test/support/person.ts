import { createSignInLink, createUser } from '../../src/access/users.ts'
import { instantOf, randomIds, systemClock } from '../../src/io/clock.ts'
import type { RoleName } from '../../src/model/permissions.ts'
import type { Client, Cordon } from './cordon.ts'

/** Somebody who has signed in, with the token the portal would draw. */
export interface SignedInPerson {
  readonly id: string
  readonly name: string
  /** `name=value` of the session's cookie. */
  readonly cookie: string
  readonly client: Client
}

/** Makes a person's sign-ins so many minutes older than they are, for the tokens that are drawn from now on. */
export async function ageSessions({ store }: Pick<Cordon, 'store'>, userId: string, minutes: number): Promise<void> {
  const created_at = instantOf(systemClock.nowMs() - minutes * 60_000)
  await store.transaction(async (tx) => {
    await tx.updateTable('sessions').set({ created_at }).where('user_id', '=', userId).execute()
  })
}

/** Makes a person of a tenant and signs them in the way a browser does. */
export async function signInPerson(
  cordon: Cordon,
  tenantId: string,
  role: RoleName,
  name: string,
  signedInMinutesAgo = 0,
): Promise<SignedInPerson> {
  const access = { store: cordon.store, clock: systemClock, ids: randomIds }
  const actor = { tenantId, id: 'test', kind: 'system', name: 'test' } as const
  const id = await createUser(access, actor, { name, role })
  const link = await createSignInLink(access, actor, id)
  const own = { 'Sec-Fetch-Site': 'same-origin' }
  const form = { ...own, 'Content-Type': 'application/x-www-form-urlencoded' }
  const login = await cordon.anonymous.send('POST', '/login', link.path.split('?')[1] ?? '', form)
  if (signedInMinutesAgo > 0) await ageSessions(cordon, id, signedInMinutesAgo)
  const cookie = String(login.headers['set-cookie']).split(';', 1)[0] ?? ''
  const session = await cordon.anonymous.get('/auth/session', { Cookie: cookie })
  const csrf = { ...own, Cookie: cookie, 'X-CSRF-Token': session.body.csrfToken }
  const drawn = await cordon.anonymous.post('/auth/token', undefined, csrf)
  if (drawn.status !== 200) throw new Error(`nobody signed in: ${login.status} ${drawn.status} ${drawn.text}`)
  return { id, name, cookie, client: cordon.withToken(drawn.body.access_token) }
}
