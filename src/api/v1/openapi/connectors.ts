import {
  anyObject,
  count,
  type DescribedOperations,
  flag,
  guid,
  header,
  instant,
  json,
  listOf,
  nullable,
  openRecord,
  record,
  refTo,
  type Schema,
  textOf,
} from './content.ts'

const name: Schema = { type: 'string', minLength: 1, maxLength: 100 }
const settings: Schema = { ...anyObject, description: 'Settings of the kind; never a secret.' }
const secrets: Schema = {
  type: 'object',
  additionalProperties: { type: 'string', minLength: 1, maxLength: 16_384 },
  description:
    'Secrets by name; no answer ever holds one. What is left out stays as it is, unless the address changes: then it is cleared.',
}

/** Schemas of the ways to outside systems. */
export const connectorSchemas: Readonly<Record<string, Schema>> = {
  'cordon.connector': openRecord({
    id: guid,
    kind: textOf(),
    name,
    settings,
    secrets: { type: 'object', additionalProperties: openRecord({ setDateTime: instant }) },
    capabilities: listOf(openRecord({ actionType: textOf(), available: flag, reason: nullable(textOf()) })),
    health: openRecord({
      state: textOf('untested', 'working', 'failing'),
      observedDateTime: nullable(instant),
      code: nullable(textOf()),
      detail: nullable(textOf()),
    }),
    version: count,
    createdDateTime: instant,
    lastModifiedDateTime: instant,
  }),
  'cordon.connector.create': record({ kind: textOf(), name, settings, secrets }, ['secrets']),
  // What a connector is shown with beside it may stand there and says nothing.
  'cordon.connector.replace': openRecord({ name, settings, secrets }, ['secrets']),
  'cordon.connectorTest': record({
    ok: flag,
    checks: listOf(
      openRecord({
        name: textOf(),
        ok: flag,
        detail: textOf(),
        code: nullable(textOf()),
        setting: nullable(textOf()),
        fix: nullable(textOf()),
      }),
    ),
  }),
}

const connector = json(refTo('cordon.connector'))

/** Setting up the ways to outside systems. */
export const connectorOperations: DescribedOperations = {
  listConnectors: {
    summary: 'Connectors that are set up, with what they can do',
    response: json(record({ value: listOf(refTo('cordon.connector')) })),
  },
  createConnector: {
    summary: 'Set a connector up; its secrets can never be read again',
    request: json(refTo('cordon.connector.create')),
    response: connector,
  },
  getConnector: { response: connector },
  replaceConnector: {
    summary: 'Change a connector, or set secrets anew',
    headers: [header('If-Match', 'The ETag of the connector it replaces, or *; required.')],
    request: json(refTo('cordon.connector.replace')),
    response: connector,
  },
  deleteConnector: { headers: [header('If-Match', 'The ETag of the connector to remove.')] },
  testConnector: {
    summary: 'Try what the actions of a connector need, without effect',
    response: json(refTo('cordon.connectorTest')),
  },
}
