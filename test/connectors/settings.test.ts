import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectorKind } from '../../src/connectors/connector.ts'
import { rotateSealingKeys } from '../../src/connectors/rotation.ts'
import {
  addConnector,
  type ConnectorInput,
  changeConnector,
  listConnectors,
  openSecrets,
  readConnector,
  removeConnector,
  type SettingsDeps,
} from '../../src/connectors/settings.ts'
import { type Clock, instantOf, randomIds } from '../../src/io/clock.ts'
import { openSealer, SealError } from '../../src/io/sealing.ts'
import { CordonError, type ErrorName } from '../../src/model/errors.ts'
import type { Store } from '../../src/store/db.ts'
import { actor, otherTenant, tenant } from '../store/given.ts'
import { onEnd } from '../support/cleanup.ts'
import { eachDatabase } from '../support/databases.ts'

/** A kind as a connector would bring it. */
const directory: ConnectorKind = {
  name: 'directory',
  secretNames: ['bindPassword', 'clientKey'],
  describe: () => [],
  health: () => ({ state: 'untested', at: null, code: null, detail: null }),
  test: async () => [],
  readSettings: (settings) => {
    if (typeof settings === 'object' && settings !== null && 'url' in settings && typeof settings.url === 'string') {
      return {
        settings,
        address: new URL(settings.url).origin === 'null' ? settings.url : new URL(settings.url).origin,
      }
    }
    throw new CordonError('BadRequest', 'A directory connector needs a url.', { target: 'url' })
  },
}

/** In the place of whatever version of it stands there. */
function any(id: string): { readonly id: string; readonly accepted: null } {
  return { id, accepted: null }
}

const canary = 'canary-5f1d'
const input: ConnectorInput = {
  name: 'Head office',
  settings: { url: 'https://dc1.example:636', base: 'dc=example' },
  secrets: { bindPassword: canary },
}

interface Given extends SettingsDeps {
  advance(seconds: number): void
}

function give(t: TestContext, store: Store): Given {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-settings-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  let nowMs = Date.parse('2026-03-01T10:00:00Z')
  const clock: Clock = { nowMs: () => nowMs, now: () => instantOf(nowMs) }
  const sealer = openSealer(folder, clock)
  const advance = (seconds: number): void => {
    nowMs += seconds * 1_000
  }
  return { store, clock, ids: randomIds, sealer, advance }
}

async function reveal(deps: SettingsDeps, id: string, tenantId = tenant): Promise<Record<string, string>> {
  const secrets = await openSecrets(deps, await readConnector(deps.store.read, tenantId, id))
  return Object.fromEntries(Object.entries(secrets).map(([name, secret]) => [name, secret.reveal()]))
}

async function refused(attempt: Promise<unknown>, kind: ErrorName): Promise<void> {
  await assert.rejects(attempt, (cause) => cause instanceof CordonError && cause.kind === kind)
}

eachDatabase('a connector keeps its secrets, and shows nobody more than that they are set', async (t, store) => {
  const deps = give(t, store)

  const made = await addConnector(deps, actor, directory, input)

  assert.deepEqual(await reveal(deps, made.id), { bindPassword: canary })
  assert.deepEqual(made.secrets, { bindPassword: { setAt: made.createdAt } })
  assert.deepEqual(await listConnectors(store.read, tenant), [made])
  assert.deepEqual(await listConnectors(store.read, otherTenant), [])
  await refused(readConnector(store.read, otherTenant, made.id), 'NotFound')
})

eachDatabase('the value of a secret stands nowhere in the database', async (t, store) => {
  const deps = give(t, store)
  const made = await addConnector(deps, actor, directory, input)
  await changeConnector(deps, actor, directory, { ...input, ...any(made.id), secrets: { clientKey: canary } })
  await rotateSealingKeys(deps, actor)
  await removeConnector(deps, actor, any((await addConnector(deps, actor, directory, { ...input, name: 'b' })).id))

  for (const table of await store.read.introspection.getTables()) {
    const rows = await store.read
      .selectFrom(table.name as 'audit')
      .selectAll()
      .execute()
    assert.ok(!JSON.stringify(rows).includes(canary), table.name)
  }
  const entries = await store.read.selectFrom('audit').select(['action', 'details']).orderBy('seq').execute()
  assert.deepEqual(
    entries.map((entry) => entry.action),
    ['createConnector', 'updateConnector', 'rotateSealingKeys', 'createConnector', 'deleteConnector'],
  )
  assert.deepEqual(JSON.parse(entries[1]?.details ?? '').set, ['clientKey'])
})

eachDatabase(
  'secrets that are not given stay while the address stays, and are cleared when it changes',
  async (t, store) => {
    const deps = give(t, store)
    const secrets = { bindPassword: canary, clientKey: 'key' }
    const { id } = await addConnector(deps, actor, directory, { ...input, secrets })
    const change = (url: string, given: ConnectorInput['secrets']): Promise<unknown> =>
      changeConnector(deps, actor, directory, { ...any(id), name: input.name, settings: { url }, secrets: given })

    await change('https://dc1.example:636/other', {})
    assert.deepEqual(await reveal(deps, id), secrets)

    await change('https://dc1.attacker.example:636', { clientKey: 'new' })
    assert.deepEqual(await reveal(deps, id), { clientKey: 'new' })
    const [connector] = await listConnectors(store.read, tenant)
    assert.deepEqual(Object.keys(connector?.secrets ?? {}), ['clientKey'])

    await change('http://dc1.attacker.example:636', {})
    assert.deepEqual(await reveal(deps, id), {})
  },
)

eachDatabase('a secret that was moved, or turned to another host, in the database does not open', async (t, store) => {
  const deps = give(t, store)
  const one = await addConnector(deps, actor, directory, input)
  const two = await addConnector(deps, actor, directory, { ...input, name: 'b', secrets: { bindPassword: 'other' } })
  const [sealed] = await store.read
    .selectFrom('connector_secrets')
    .selectAll()
    .where('connector_id', '=', one.id)
    .execute()
  assert.ok(sealed)

  await store.transaction((tx) =>
    tx.updateTable('connector_secrets').set({ sealed: sealed.sealed }).where('connector_id', '=', two.id).execute(),
  )
  await assert.rejects(reveal(deps, two.id), SealError)

  await store.transaction((tx) =>
    tx.updateTable('connectors').set({ address: 'https://attacker.example' }).where('id', '=', one.id).execute(),
  )
  await assert.rejects(reveal(deps, one.id), SealError)
  // Nor does it for somebody who still has the settings from before.
  await assert.rejects(openSecrets(deps, { ...two, address: 'https://attacker.example' }), SealError)
})

eachDatabase('what does not fit is refused and changes nothing', async (t, store) => {
  const deps = give(t, store)
  const { id } = await addConnector(deps, actor, directory, input)
  const other: ConnectorKind = { ...directory, name: 'other' }

  await refused(addConnector(deps, actor, directory, input), 'Conflict')
  await refused(addConnector(deps, actor, directory, { ...input, name: 'b', settings: {} }), 'BadRequest')
  await refused(addConnector(deps, actor, directory, { ...input, name: 'b', secrets: { token: canary } }), 'BadRequest')
  await refused(changeConnector(deps, actor, other, { ...input, ...any(id) }), 'NotFound')
  await refused(
    changeConnector(deps, { ...actor, tenantId: otherTenant }, directory, { ...input, ...any(id) }),
    'NotFound',
  )
  await refused(removeConnector(deps, { ...actor, tenantId: otherTenant }, any(id)), 'NotFound')
  await refused(changeConnector(deps, actor, directory, { ...input, id, accepted: [2] }), 'PreconditionFailed')
  await refused(removeConnector(deps, actor, { id, accepted: [2] }), 'PreconditionFailed')

  assert.equal((await listConnectors(store.read, tenant)).length, 1)
  assert.deepEqual(await reveal(deps, id), { bindPassword: canary })
})

eachDatabase('keys are rotated while secrets are set and opened', async (t, store) => {
  const deps = give(t, store)
  const ids: string[] = []
  for (let number = 0; number < 12; number++) {
    const name = `connector ${number}`
    ids.push((await addConnector(deps, actor, directory, { ...input, name })).id)
  }
  let isOver = false
  let opened = 0
  const reader = async (): Promise<void> => {
    for (let number = 0; !isOver; number++) {
      const id = ids[number % ids.length] ?? ''
      assert.equal((await reveal(deps, id)).bindPassword?.startsWith(canary), true)
      opened += 1
      // Reads of the embedded database never wait, so that nothing else would run.
      await sleep(1)
    }
  }
  const writer = async (): Promise<void> => {
    for (let number = 0; !isOver; number++) {
      const index = number % ids.length
      const secrets = { bindPassword: `${canary} ${number}` }
      const name = `connector ${index}`
      await changeConnector(deps, actor, directory, { ...input, ...any(ids[index] ?? ''), name, secrets })
    }
  }
  const load = Promise.all([reader(), writer()])

  const rotations = [await rotateSealingKeys(deps, actor), await rotateSealingKeys(deps, actor)]
  isOver = true
  await load

  assert.ok(opened > 0)
  assert.ok(rotations.every((rotation) => rotation.unreadable.length === 0))
  const last = await rotateSealingKeys(deps, actor)
  const keys = await store.read.selectFrom('connector_secrets').select('key_id').distinct().execute()
  assert.deepEqual(keys, [{ key_id: last.keyId }])
  for (const id of ids) assert.ok((await reveal(deps, id)).bindPassword?.startsWith(canary))
})

eachDatabase('an old key goes when nothing has needed it for an hour, not before', async (t, store) => {
  const deps = give(t, store)
  const { id } = await addConnector(deps, actor, directory, input)
  const [first] = await deps.sealer.listKeys()

  const early = [await rotateSealingKeys(deps, actor), await rotateSealingKeys(deps, actor)]
  deps.advance(3_601)
  const late = await rotateSealingKeys(deps, actor)

  assert.deepEqual(
    early.map((rotation) => [rotation.rewrapped, rotation.removedKeys]),
    [
      [1, []],
      [1, []],
    ],
  )
  assert.deepEqual(late.removedKeys, [first?.id, early[0]?.keyId])
  assert.deepEqual(await reveal(deps, id), { bindPassword: canary })
})

eachDatabase('a secret that nothing opens is named, and the others are rotated', async (t, store) => {
  const deps = give(t, store)
  const broken = await addConnector(deps, actor, directory, input)
  const whole = await addConnector(deps, actor, directory, { ...input, name: 'b' })
  await store.transaction((tx) =>
    tx.updateTable('connector_secrets').set({ sealed: 'x' }).where('connector_id', '=', broken.id).execute(),
  )

  const rotation = await rotateSealingKeys(deps, actor)

  assert.deepEqual(rotation.unreadable, [{ connectorId: broken.id, name: 'bindPassword' }])
  assert.equal(rotation.rewrapped, 1)
  assert.deepEqual(await reveal(deps, whole.id), { bindPassword: canary })
})

test('an error of sealing names the secret and not its value', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-settings-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const sealer = openSealer(folder, { nowMs: () => 0, now: () => instantOf(0) })
  const place = { tenantId: tenant, connectorId: 'one', name: 'bindPassword', address: 'a' }
  const { text } = await sealer.seal(place, canary)

  await assert.rejects(sealer.open({ ...place, connectorId: 'two' }, text), (cause) => {
    assert.ok(cause instanceof SealError)
    assert.match(cause.message, /the secret 'bindPassword' of connector two/)
    assert.doesNotMatch(JSON.stringify([cause.message, cause.stack, String(cause.cause)]), /canary/)
    return true
  })
})
