import { randomBytes } from 'node:crypto'
import { createSignInLink, createUser, disableUser } from '../../src/access/users.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import type { RoleName } from '../../src/model/permissions.ts'
import { wholeFile } from '../support/cleanup.ts'
import type { Cordon } from '../support/cordon.ts'
import { giveEnrolmentToken } from '../support/device.ts'
import { fittingAction, giveTenant, type Tenant } from '../support/given.ts'
import { misbehaviours, startReceiver } from '../support/receiver.ts'
import { type AgentWorld, createAgentWorld } from './agent-world.ts'
import { mintBadToken } from './bad-tokens.ts'

/** What one case finds: a tenant of its own, a foreign one, and what its placeholders name in them, made when first asked for. */
export interface World {
  readonly cordon: Cordon
  readonly tenant: Tenant
  readonly foreign: Tenant
  readonly agents: AgentWorld
  /** Secrets that were put into the request: none may come back. */
  readonly secrets: Set<string>
  /** Tokens of applications of the own tenant: their refusals leave a trace in its audit. */
  readonly knownTokens: Set<string>
  /** Authorities of the endpoints that the case made somebody else run: these may be called. */
  readonly receivers: Set<string>
  /** What a placeholder without braces stands for; null where there is no fixture for it yet. */
  value(name: string): Promise<string | null>
}

/** Roles as the cases call them. @source design reliability 5.2 */
const roles: Readonly<Record<string, RoleName>> = {
  analyst: 'responder',
  responder: 'responder',
  reader: 'reader',
  approver: 'approver',
  // SecurityData.Manage.All comes with this role.
  manager: 'expert',
  admin: 'admin',
  // Until there are ingest keys: a token that may create alerts.
  ingest: 'admin',
}

const systemActor = { id: 'hostile', kind: 'system', name: 'hostile' } as const

/**
 * Makes the world of one case.
 * @param given what some placeholders stand for where the test knows better
 */
export async function createWorld(cordon: Cordon, given: Readonly<Record<string, string>> = {}): Promise<World> {
  const [tenant, foreign] = [await giveTenant(cordon), await giveTenant(cordon)]
  const known = new Map<string, Promise<string | null>>(
    Object.entries(given).map(([name, value]) => [name, Promise.resolve(value)]),
  )
  const world: World = {
    cordon,
    tenant,
    foreign,
    agents: createAgentWorld(cordon, tenant),
    secrets: new Set(),
    knownTokens: new Set(),
    receivers: new Set(),
    value: (name) => {
      const value = known.get(name) ?? makeValue(world, name)
      known.set(name, value)
      return value
    },
  }
  return world
}

async function makeValue(world: World, name: string): Promise<string | null> {
  const fixed = fixtures[name]
  if (fixed !== undefined) return fixed(world)
  const [family = '', rest = ''] = splitName(name)
  const made = await families[family]?.(world, rest)
  return made ?? null
}

function splitName(name: string): [string, string] {
  const colon = name.indexOf(':')
  return colon < 0 ? [name, ''] : [name.slice(0, colon), name.slice(colon + 1)]
}

const families: Readonly<Record<string, (world: World, rest: string) => Promise<string | null>>> = {
  token: giveToken,
  session: (world, role) => giveSession(world, roles[role]),
  jwt: async (world, spec) => {
    const good = [await giveToken(world, 'reader'), await giveToken(world, 'analyst')] as const
    return mintBadToken(world.cordon, spec, [good[0] ?? '', good[1] ?? ''])
  },
  enroll: giveEnrolment,
  random: async (_world, length) => randomBytes(Number(length)).toString('hex'),
  taskId: giveTaskOf,
}

async function giveToken(world: World, role: string): Promise<string | null> {
  if (role === 'disabledUser') return giveDisabledUser(world)
  if (role === 'agent') return keep(world, (await world.agents.device()).token)
  if (role === 'agentRevoked') return keep(world, (await world.agents.revokedDevice()).token)
  const name = roles[role]
  if (name === undefined) return null
  const credentials = await world.cordon.createClient(name, world.tenant.id)
  world.secrets.add(credentials.clientSecret)
  const token = keep(world, await world.cordon.token(credentials))
  world.knownTokens.add(token)
  return token
}

function keep(world: World, secret: string): string {
  world.secrets.add(secret)
  return secret
}

/** The secret of a session's cookie. */
async function giveSession(world: World, role: RoleName | undefined): Promise<string | null> {
  if (role === undefined) return null
  const { cookie } = await signIn(world, role)
  return keep(world, cookie)
}

async function signIn(world: World, role: RoleName): Promise<{ userId: string; cookie: string }> {
  const { cordon, tenant } = world
  const deps = { store: cordon.store, clock: systemClock, ids: randomIds }
  const actor = { ...systemActor, tenantId: tenant.id }
  const userId = await createUser(deps, actor, { name: `${role} ${randomIds.guid()}`, role })
  const link = await createSignInLink(deps, actor, userId)
  const token = new URL(link.path, cordon.url).searchParams.get('token') ?? ''
  const answer = await cordon.anonymous.send('POST', '/login', new URLSearchParams({ token }).toString(), {
    'Content-Type': 'application/x-www-form-urlencoded',
    Origin: cordon.url,
  })
  const cookie = /__Host-session=([^;]+)/.exec(String(answer.headers['set-cookie']))?.[1]
  if (cookie === undefined) throw new Error(`not signed in: ${answer.status} ${answer.text}`)
  return { userId, cookie }
}

async function giveDisabledUser(world: World): Promise<string> {
  const { cordon, tenant } = world
  const { userId, cookie } = await signIn(world, 'responder')
  const headers = { Cookie: `__Host-session=${cookie}` }
  const session = await cordon.anonymous.get('/auth/session', headers)
  const answer = await cordon.anonymous.send('POST', '/auth/token', undefined, {
    ...headers,
    Origin: cordon.url,
    'X-CSRF-Token': session.body.csrfToken,
    'Content-Length': '0',
  })
  const token: string = answer.body.access_token
  const deps = { store: cordon.store, clock: systemClock, ids: randomIds }
  await disableUser(deps, { ...systemActor, tenantId: tenant.id }, userId)
  return keep(world, token)
}

async function giveEnrolment(world: World, condition: string): Promise<string | null> {
  const token = await giveEnrolmentToken(world.cordon, world.tenant.id)
  if (condition === 'expired') {
    await world.cordon.store.transaction(async (tx) => {
      const expired = { expires_at: '2020-01-01T00:00:00.0000000Z' }
      await tx.updateTable('enrolment_tokens').set(expired).where('tenant_id', '=', world.tenant.id).execute()
    })
  } else if (!/^ok\d*$/.test(condition)) return null
  return keep(world, token)
}

async function giveTaskOf({ tenant }: World, condition: string): Promise<string | null> {
  const incident = await tenant.incident()
  switch (condition) {
    case '':
      return tenant.task(incident)
    case 'text':
      return tenant.task(incident, { actionType: 'text', responseAction: null })
    case 'unknownFutureValue':
      return tenant.task(incident, { actionType: 'unknownFutureValue', responseAction: null })
    case 'disableUserWithoutConnector':
      return tenant.task(incident, { actionType: 'disableUser', responseAction: fittingAction('disableUser', 'kai') })
    default:
      return null
  }
}

/** A task whose action nobody runs without so many further people. */
async function giveGuardedTask(world: World, approvals: number): Promise<string> {
  const { tenant, agents } = world
  const admin = await tenant.as('admin')
  const { body } = await admin.get('/api/v1/policies')
  const rule = { name: 'everything', actionTypes: null, assetGroup: null, minTier: null, approvals }
  const policy = JSON.stringify({ ...body, fourEyes: { ...body.fourEyes, rules: [rule] } })
  const headers = { 'Content-Type': 'application/json', 'If-Match': '*' }
  const answer = await admin.send('PUT', '/api/v1/policies', policy, headers)
  if (answer.status !== 200) throw new Error(`no policy: ${answer.text}`)
  const responseAction = fittingAction('isolateDevice', (await agents.device()).id)
  return tenant.task(await tenant.incident(), { responseAction })
}

/** The approval of an execution that the case's responder has asked for. */
async function giveApproval(world: World): Promise<string> {
  const { tenant, cordon } = world
  const taskId = await giveGuardedTask(world, 2)
  const authorization = `Bearer ${await world.value('token:responder')}`
  const path = `/beta/security/incidentTasks/${taskId}/executeResponseAction`
  const answer = await cordon.anonymous.post(path, undefined, { authorization })
  if (answer.status !== 204) throw new Error(`not accepted: ${answer.text}`)
  const { body } = await (await tenant.as('approver')).get('/api/v1/approvals')
  return body.value[0].id
}

async function giveGrantedApproval(world: World): Promise<string> {
  const id = await giveApproval(world)
  const authorization = `Bearer ${await world.value('token:approver')}`
  const { body } = await world.cordon.anonymous.get(`/api/v1/approvals/${id}`, { authorization })
  const { digest } = body
  const answer = await world.cordon.anonymous.post(`/api/v1/approvals/${id}/approve`, { digest }, { authorization })
  if (answer.status !== 200) throw new Error(`not approved: ${answer.text}`)
  return id
}

/** A directory with its password, which must never come back. */
async function giveConnector({ tenant, secrets }: World): Promise<string> {
  const bindPassword = randomBytes(16).toString('hex')
  secrets.add(bindPassword)
  const answer = await (await tenant.as('admin')).post('/api/v1/connectors', {
    kind: 'ldap',
    name: 'Head office',
    settings: {
      url: 'ldaps://ldap.example.org',
      bindDn: 'cn=cordon,dc=example,dc=org',
      baseDn: 'ou=people,dc=example,dc=org',
      passwordPolicy: 'cn=default,ou=policies,dc=example,dc=org',
    },
    secrets: { bindPassword },
  })
  if (answer.status !== 201) throw new Error(`no connector: ${answer.text}`)
  return answer.body.id
}

/** A second incident that was merged into the first. */
async function giveMerge(world: World): Promise<{ merged: string; into: string }> {
  const into = (await world.value('incidentId')) ?? ''
  const merged = await world.tenant.incident({ status: 'redirected', redirectIncidentId: into })
  return { merged, into }
}

/** The token of a next link of some other list. */
async function giveSkipToken(tenant: Tenant, query: string): Promise<string> {
  for (let index = 0; index < 3; index++) await tenant.incident()
  const answer = await (await tenant.as('reader')).get(`/beta/security/incidents?$top=1${query}`)
  return new URL(answer.body['@odata.nextLink']).searchParams.get('$skiptoken') ?? ''
}

/** The authority of an endpoint that does not play its part. */
async function giveReceiver({ receivers }: World, misbehaviour: keyof typeof misbehaviours): Promise<string> {
  const receiver = await startReceiver(wholeFile)
  receiver.behave(misbehaviours[misbehaviour])
  const { host } = new URL(receiver.origin)
  receivers.add(host)
  return host
}

const fixtures: Readonly<Record<string, (world: World) => Promise<string | null>>> = {
  host: async ({ cordon }) => new URL(cordon.url).host,
  own: async () => '/api/v1',
  portalApi: async () => '/api/v1',
  ownPath: async () => 'api/v1',
  agent: async () => '/api/v1/agent',
  ingest: async () => '/api/v1/intake/graph',
  tenantId: async ({ tenant }) => tenant.id,
  incidentId: ({ tenant }) => tenant.incident({ assignedTo: 'kai' }),
  otherIncidentId: ({ tenant }) => tenant.incident(),
  alertId: async (world) => world.tenant.alert((await world.value('incidentId')) ?? ''),
  existingProviderAlertId: async (world) => {
    const id = `existing-${randomIds.guid()}`
    await (await world.tenant.as('admin')).post('/v1.0/security/alerts_v2', {
      title: 'x',
      severity: 'low',
      providerAlertId: id,
    })
    return id
  },
  mergedIncidentId: async (world) => (await giveMerge(world)).merged,
  incidentThatAbsorbedIt: (world) => world.value('incidentId'),
  incidentWithLiveExecution: async (world) => {
    const incident = await world.tenant.incident()
    const state = { status: 'inProgress', actionStatus: 'inProgress' } as const
    await world.tenant.execution(await world.tenant.task(incident, state), 'running')
    return incident
  },
  taskIdRunning: async ({ tenant }) => {
    const id = await tenant.task(await tenant.incident(), { status: 'inProgress', actionStatus: 'inProgress' })
    await tenant.execution(id, 'running')
    return id
  },
  taskIdCompleted: async ({ tenant }) => {
    const id = await tenant.task(await tenant.incident(), { status: 'completed', actionStatus: 'completed' })
    await tenant.execution(id, 'succeeded')
    return id
  },
  foreignTenantId: async ({ foreign }) => foreign.id,
  foreignIncidentId: ({ foreign }) => foreign.incident({ displayName: 'of another tenant' }),
  foreignTaskId: async ({ foreign }) => foreign.task(await foreign.incident()),
  foreignAlertId: async ({ foreign }) => foreign.alert(await foreign.incident()),
  foreignSubscriptionId: ({ foreign }) => foreign.subscription('responder'),
  foreignSkipToken: ({ foreign }) => giveSkipToken(foreign, ''),
  skipTokenOtherFilter: ({ tenant }) => giveSkipToken(tenant, "&$filter=severity%20eq%20'medium'"),
  approvalIdRequestedByResponder: giveApproval,
  approvalIdGranted: giveGrantedApproval,
  taskIdNeedsApproval: (world) => giveGuardedTask(world, 2),
  connectorId: giveConnector,
  'wrongEcho.host': (world) => giveReceiver(world, 'wrongEcho'),
  'hang.host': (world) => giveReceiver(world, 'hang'),
  now: async () => String(Math.floor(Date.now() / 1000)),
  'now-10m': async () => String(Math.floor(Date.now() / 1000) - 600),
  'now+1h': async () => new Date(Date.now() + 3_600_000).toISOString(),
  pub: async ({ agents }) => agents.newKey(),
  cmd: (world) => world.agents.command('cmd'),
  isolateCommand: (world) => world.agents.command('isolateCommand'),
  finishedCommand: (world) => world.agents.finished(),
  finishedCmd: (world) => world.agents.finished(),
  commandOfOtherDevice: (world) => world.agents.commandOfOther(),
  otherDeviceCmd: (world) => world.agents.commandOfOther(),
  sameResultAsBefore: (world) => world.agents.sameResult(),
  certOfOtherAgent: async (world) => {
    // A waiting command, so that a poll that is let in is not held.
    await world.agents.command('waiting')
    return 'MIIBszCCAVmgAwIBAgIUQ29yZG9uIG90aGVyIGFnZW50'
  },
}
