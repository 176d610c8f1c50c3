import type { ConfiguredConnector, ConnectorKind } from '../../../connectors/connector.ts'
import {
  addConnector,
  changeConnector,
  findKind,
  listConnectors,
  openSecrets,
  readConnector,
  recordConnectorTest,
  removeConnector,
  type SettingsDeps,
} from '../../../connectors/settings.ts'
import { CordonError } from '../../../model/errors.ts'
import { object, type Reader, text } from '../../../model/safety/fields.ts'
import { readAcceptedVersions } from '../../graph/precondition.ts'
import type { Answer, AuthorizedCall, AuthorizedHandler } from '../../route.ts'
import { readFields } from '../read-fields.ts'

/** What the operations on connectors need. */
export interface ConnectorDeps extends SettingsDeps {
  readonly kinds: { readonly all: readonly ConnectorKind[] }
}

const maxSecretLength = 16_384

/** Text by name. A fault says where, never what. */
const secrets: Reader<Readonly<Record<string, string>>> = (value, path, faults) => {
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : null
  const good = entries?.flatMap(([name, secret]) =>
    typeof secret === 'string' && secret !== '' && secret.length <= maxSecretLength ? [[name, secret] as const] : [],
  )
  if (entries !== null && good?.length === entries.length) return Object.fromEntries(good)
  const problem = `must hold text of 1 to ${maxSecretLength} characters by name; what is left out stays as it is`
  faults.push({ path, problem })
  return {}
}

interface Body {
  readonly name: string
  readonly settings: unknown
  readonly secrets: Readonly<Record<string, string>>
}

const fields = {
  name: text(100),
  // The kind reads them.
  settings: (value: unknown): unknown => value,
  secrets: { read: secrets, absent: {} },
}
const newConnector = object<Body & { readonly kind: string }>({ ...fields, kind: text(40) })
/** What an answer holds beside it, so that what was read can be changed and sent back. */
const shownOnly = ['id', 'kind', 'version', 'capabilities', 'health', 'createdDateTime', 'lastModifiedDateTime']
const changedConnector = object<Body>(fields, shownOnly)

/** GET /api/v1/connectors: every connector of the tenant, by name. */
export function listAllConnectors(deps: ConnectorDeps): AuthorizedHandler {
  return async (call) => {
    const connectors = await listConnectors(deps.store.read, call.caller.tenantId)
    return { status: 200, body: JSON.stringify({ value: connectors.map((connector) => show(deps, connector)) }) }
  }
}

/** POST /api/v1/connectors: sets one up. */
export function createConnector(deps: ConnectorDeps): AuthorizedHandler {
  return async (call) => {
    const { kind, ...input } = readFields(newConnector, call.body)
    const connector = await addConnector(deps, call.caller, findKind(deps.kinds.all, kind), input)
    const answer = answerConnector(deps, connector, 201)
    return { ...answer, headers: { ...answer.headers, Location: `${call.origin}/api/v1/connectors/${connector.id}` } }
  }
}

/** GET /api/v1/connectors/{id}: one connector, with its ETag. */
export function getConnector(deps: ConnectorDeps): AuthorizedHandler {
  return async (call) => answerConnector(deps, await findConnector(deps, call), 200)
}

/** PUT /api/v1/connectors/{id}: another name, other settings, and the secrets that are given. If-Match is required: `*` for any. */
export function replaceConnector(deps: ConnectorDeps): AuthorizedHandler {
  return async (call) => {
    const { id, kind } = await findConnector(deps, call)
    if (call.headers['if-match'] === undefined) {
      const text = 'Send If-Match with the ETag of the connector you have read, or * to replace any.'
      throw new CordonError('BadRequest', text, { target: 'If-Match' })
    }
    const accepted = readAcceptedVersions(call.headers)
    const input = readFields(changedConnector, call.body)
    const change = { ...input, id, accepted }
    return answerConnector(deps, await changeConnector(deps, call.caller, findKind(deps.kinds.all, kind), change), 200)
  }
}

/** DELETE /api/v1/connectors/{id}: removes it with its secrets. */
export function deleteConnector(deps: ConnectorDeps): AuthorizedHandler {
  return async (call) => {
    await removeConnector(deps, call.caller, { id: call.params.id ?? '', accepted: readAcceptedVersions(call.headers) })
    return { status: 204 }
  }
}

/** POST /api/v1/connectors/{id}/test: tries what its actions need, without effect. */
export function testConnector(deps: ConnectorDeps): AuthorizedHandler {
  return async (call) => {
    const connector = await findConnector(deps, call)
    const checks = await findKind(deps.kinds.all, connector.kind).test(connector, (one) => openSecrets(deps, one))
    const failed = checks.find((check) => !check.ok) ?? null
    await recordConnectorTest(deps, call.caller, connector, failed?.code ?? null)
    return { status: 200, body: JSON.stringify({ ok: failed === null, checks }) }
  }
}

function findConnector(deps: ConnectorDeps, call: AuthorizedCall): Promise<ConfiguredConnector> {
  return readConnector(deps.store.read, call.caller.tenantId, call.params.id ?? '')
}

function answerConnector(deps: ConnectorDeps, connector: ConfiguredConnector, status: number): Answer {
  const headers = { ETag: `W/"${connector.version}"` }
  return { status, body: JSON.stringify(show(deps, connector)), headers }
}

function show({ kinds }: ConnectorDeps, connector: ConfiguredConnector): object {
  const kind = findKind(kinds.all, connector.kind)
  const { at, ...health } = kind.health(connector)
  const set = Object.entries(connector.secrets).map(([name, { setAt }]) => [name, { setDateTime: setAt }])
  return {
    id: connector.id,
    kind: connector.kind,
    name: connector.name,
    settings: connector.settings,
    secrets: Object.fromEntries(set),
    capabilities: kind.describe(connector),
    health: { ...health, observedDateTime: at },
    version: connector.version,
    createdDateTime: connector.createdAt,
    lastModifiedDateTime: connector.updatedAt,
  }
}
