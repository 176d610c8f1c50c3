import {
  type DescribedOperations,
  flag,
  guid,
  instant,
  json,
  listOf,
  record,
  refTo,
  type Schema,
  textOf,
} from './content.ts'

const name: Schema = { type: 'string', minLength: 1, maxLength: 100 }
const query: Schema = { type: 'string', maxLength: 2_000, description: 'The search part of an address of the portal.' }
const written = {
  screen: textOf('incidents', 'tasks', 'alerts', 'audit'),
  name,
  query,
  shared: flag,
  defaultFor: listOf(textOf()),
}

/** Schemas of filters that people keep under a name. */
export const viewSchemas: Readonly<Record<string, Schema>> = {
  'cordon.view': record({
    id: guid,
    ...written,
    own: flag,
    ownerName: textOf(),
    createdDateTime: instant,
    lastModifiedDateTime: instant,
  }),
  'cordon.view.write': record(written, ['shared', 'defaultFor']),
}

const view = json(refTo('cordon.view'))
const write = json(refTo('cordon.view.write'))

/** Keeping them. */
export const viewOperations: DescribedOperations = {
  listViews: {
    summary: "The caller's own views and the shared ones",
    response: json(record({ value: listOf(refTo('cordon.view')) })),
  },
  createView: { summary: 'Keep a view', request: write, response: view },
  replaceView: { summary: "Put another filter under a view's name", request: write, response: view },
  deleteView: { summary: 'Forget a view' },
}
