import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Selectable } from 'kysely'
import { createApplication, type NewApplication } from '../../src/access/applications.ts'
import { createAuthenticator } from '../../src/access/authenticate.ts'
import type { Caller } from '../../src/access/authorize.ts'
import { createPasswordHasher, type PasswordHasher } from '../../src/access/credentials/password-hash.ts'
import { createGuessLimit, type GuessLimit } from '../../src/access/credentials/passwords.ts'
import { createFailureGuard, type FailureGuard } from '../../src/access/limits/failures.ts'
import type { OutsideIssuers } from '../../src/access/outside/issuers.ts'
import { ensureFirstTenant, type Tenant } from '../../src/access/tenants.ts'
import type { Answer, Call, Route } from '../../src/api/route.ts'
import { type Clock, type Ids, instantOf, randomIds } from '../../src/io/clock.ts'
import { databaseFile } from '../../src/io/data-dir.ts'
import { createLog, type Logger } from '../../src/io/log.ts'
import { loadKeys, type TokenKey } from '../../src/io/secrets.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import type { Actor } from '../../src/store/record.ts'
import type { AuditRow } from '../../src/store/schema.ts'

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  advance(seconds: number): void
}

/** Everything below the HTTP server, on a database of its own. */
export interface Access {
  readonly folder: string
  readonly store: Store
  readonly clock: TestClock
  readonly ids: Ids
  readonly log: Logger
  readonly tokenKeys: readonly [TokenKey, ...TokenKey[]]
  readonly failures: FailureGuard
  readonly hasher: PasswordHasher
  readonly guesses: GuessLimit
  readonly asks: GuessLimit
  readonly publicOrigins: readonly string[]
  readonly outside: OutsideIssuers
  readonly firstTenantId: string
  readonly tenant: Tenant
  readonly authenticate: (call: Call) => Promise<Caller>
  /** An actor that stands for the command line. */
  readonly operator: Actor
  createClient(role: string, tenantId?: string): Promise<NewApplication>
  readAudit(): Promise<Selectable<AuditRow>[]>
}

/** No issuer is set up. */
export const noIssuers: OutsideIssuers = {
  list: async () => [],
  listByAddress: async () => [],
  begin: async () => nobody,
  finish: async () => nobody,
  readToken: async () => null,
}

const nobody = { problem: 'NoIssuer', detail: 'There is none.' }

export const origin = 'https://localhost:8443'

/** A folder that is gone after the test. */
export async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cordon-access-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function makeClock(startMs: number = Date.parse('2026-03-01T10:00:00Z')): TestClock {
  let nowMs = startMs
  return {
    nowMs: () => nowMs,
    now: () => instantOf(nowMs),
    advance: (seconds) => {
      nowMs += seconds * 1_000
    },
  }
}

/** Opens access with the first tenant made, on the store given or on an embedded one of its own; closed after the test. */
export async function openAccess(
  t: TestContext,
  limits: { readonly perMinute?: number; readonly recordedPerSecond?: number; readonly store?: Store } = {},
): Promise<Access> {
  const folder = await makeFolder(t)
  const clock = makeClock()
  const store = limits.store ?? (await openStore(databaseFile(folder)))
  const { tokenKeys } = await loadKeys(folder, clock)
  const deps = { store, clock, ids: randomIds, log: createLog('silent'), tokenKeys }
  const tenant = await ensureFirstTenant(deps, 'contoso.onmicrosoft.com')
  const { perMinute, recordedPerSecond } = limits
  const failures = createFailureGuard({
    ...deps,
    firstTenantId: tenant.id,
    ...(perMinute === undefined ? {} : { perMinute }),
    ...(recordedPerSecond === undefined ? {} : { recordedPerSecond }),
  })
  const signIn = {
    hasher: createPasswordHasher(),
    guesses: createGuessLimit(clock),
    asks: createGuessLimit(clock, { perWindow: 120, windowMs: 60_000 }),
    publicOrigins: [],
    outside: noIssuers,
    firstTenantId: tenant.id,
  }
  t.after(async () => {
    await failures.stop()
    if (limits.store === undefined) await store.close()
  })
  const operator: Actor = { tenantId: tenant.id, id: 'cli', kind: 'system', name: 'test' }
  return {
    ...deps,
    ...signIn,
    folder,
    failures,
    tenant,
    operator,
    authenticate: createAuthenticator({ ...deps, ...signIn, failures, origins: () => [origin] }),
    createClient: (role, tenantId = tenant.id) =>
      createApplication(deps, { ...operator, tenantId }, { name: `${role} client`, role }),
    readAudit: () => store.read.selectFrom('audit').selectAll().orderBy('seq').execute(),
  }
}

/** A request as the server hands it to a handler. */
export function makeCall(parts: Partial<Call> = {}): Call {
  return {
    method: 'GET',
    path: '/',
    rawQuery: '',
    params: {},
    headers: {},
    body: undefined,
    origin,
    remoteAddress: '192.0.2.1',
    requestId: '6f0c0f0e-0000-4000-8000-000000000001',
    clientRequestId: '6f0c0f0e-0000-4000-8000-000000000002',
    hasClientRequestId: false,
    onClose: () => () => undefined,
    ...parts,
  }
}

/** A request with an Authorization header. */
export function makeAuthorized(authorization: string | undefined, parts: Partial<Call> = {}): Call {
  return makeCall({
    ...parts,
    headers: { ...parts.headers, ...(authorization === undefined ? {} : { authorization }) },
  })
}

/** Finds the route of a request and calls its handler, as the server does. */
export async function send(routes: readonly Route[], call: Call): Promise<Answer> {
  const segments = call.path.split('/')
  for (const route of routes) {
    const wanted = route.path.split('/')
    const params: Record<string, string> = {}
    const fits = wanted.every((part, at) => {
      const given = segments[at] ?? ''
      if (!part.startsWith(':')) return part === given.toLowerCase()
      params[part.slice(1)] = decodeURIComponent(given)
      return true
    })
    if (!fits || wanted.length !== segments.length || route.method !== call.method) continue
    // Open handlers never look at the caller.
    return route.handle({ ...call, params } as Parameters<Route['handle']>[0])
  }
  throw new Error(`no route for ${call.method} ${call.path}`)
}
