import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { AccessDeps } from '../access/tenants.ts'
import type { ConfiguredConnector, ConnectorKind } from '../connectors/connector.ts'
import { rotateSealingKeys } from '../connectors/rotation.ts'
import {
  addConnector,
  changeConnector,
  findKind,
  listConnectors,
  openSecrets,
  recordConnectorTest,
  removeConnector,
  type SettingsDeps,
} from '../connectors/settings.ts'
import { randomIds, systemClock } from '../io/clock.ts'
import { readEnvironment } from '../io/env.ts'
import { createOutbound } from '../io/outbound.ts'
import { openSealer } from '../io/sealing.ts'
import { CordonError } from '../model/errors.ts'
import type { Actor } from '../store/record.ts'
import {
  addStoreOptions,
  addTenantOptions,
  chooseData,
  chooseTenant,
  printResult,
  runStoreCommand,
  type StoreOptions,
  toTable,
} from './store-command.ts'

interface ConnectorOptions extends StoreOptions {
  readonly tenant?: string
}

interface GivenSettings extends ConnectorOptions {
  readonly settings?: string
  readonly set?: readonly string[]
  readonly setFile?: readonly string[]
  readonly secretFile?: readonly string[]
}

/** What a command works with: the store, the keys, and the kinds as this command may reach their systems. */
interface Work {
  readonly deps: SettingsDeps
  readonly actor: Actor
  readonly kinds: readonly ConnectorKind[]
}

/** Adds `cordon connector list|add|set|remove|test|rotate-keys`. They work while the server runs, which sees changes at once. */
export function addConnectorCommands(program: Command): void {
  const connector = program
    .command('connector')
    .description('outside systems that carry out actions or tell people, e.g. a directory or mail')
  addTenantOptions(connector.command('list')).description('list connectors').action(list)
  addSettingsOptions(connector.command('add'))
    .description('set a connector up')
    .requiredOption('--kind <kind>', 'e.g. ldap')
    .requiredOption('--name <name>', 'what people call it')
    .action(add)
  addSettingsOptions(connector.command('set'))
    .description('change settings or secrets; what is not named stays. Another address clears the secrets')
    .argument('<connector>', 'id or name')
    .option('--name <name>', 'another name')
    .action(change)
  addTenantOptions(connector.command('remove'))
    .description('remove a connector with its secrets')
    .argument('<connector>', 'id or name')
    .action(remove)
  addTenantOptions(connector.command('test'))
    .description('try what its actions need, without effect')
    .argument('<connector>', 'id or name')
    .option('--outbound-allow <network...>', 'as the server has it, e.g. 10.1.2.0/24:636 (CORDON_OUTBOUND_ALLOW)')
    .action(tryOut)
  addStoreOptions(connector.command('rotate-keys'))
    .description('seal all secrets of all tenants under a new key; old keys go with the next rotation after an hour')
    .action(rotate)
}

function addSettingsOptions(command: Command): Command {
  return addTenantOptions(command)
    .option('--settings <file>', 'JSON object of settings')
    .option('--set <setting=value...>', 'a single setting, over --settings; text, or JSON such as true or ["uid"]')
    .option('--set-file <setting=file...>', 'a setting that is the text of a file, e.g. ca=ca.crt')
    .option('--secret-file <secret=file...>', 'a secret from a file, or from standard input: bindPassword=-')
}

function list(options: ConnectorOptions): Promise<void> {
  return work(options, 'connector list', [], async ({ deps, actor }) => {
    const connectors = await listConnectors(deps.store.read, actor.tenantId)
    printResult(options, connectors.map(describe), () =>
      toTable(
        ['CONNECTOR ID', 'KIND', 'ADDRESS', 'SECRETS', 'NAME'],
        connectors.map(({ id, kind, address, secrets, name }) => {
          return [id, kind, address, Object.keys(secrets).join(' ') || '-', name]
        }),
      ),
    )
  })
}

function add(options: GivenSettings & { readonly kind: string; readonly name: string }): Promise<void> {
  return work(options, 'connector add', [], async ({ deps, actor, kinds }) => {
    const input = { name: options.name, settings: readSettings(options, {}), secrets: readSecrets(options) }
    const made = await addConnector(deps, actor, findKind(kinds, options.kind), input)
    printResult(options, describe(made), () => [`connector id  ${made.id}`, `Try it: cordon connector test ${made.id}`])
  })
}

function change(key: string, options: GivenSettings & { readonly name?: string }): Promise<void> {
  return work(options, 'connector set', [], async (given) => {
    const { id, kind, version, ...before } = await choose(given, key)
    const settings = readSettings(options, before.settings)
    const input = { name: options.name ?? before.name, settings, secrets: readSecrets(options) }
    const made = await changeConnector(given.deps, given.actor, findKind(given.kinds, kind), {
      ...input,
      id,
      accepted: [version],
    })
    const cleared = Object.keys(before.secrets).filter((name) => made.secrets[name] === undefined)
    printResult(options, describe(made), () => [
      `changed ${made.name}`,
      ...(cleared.length === 0
        ? []
        : [`Its address changed, so these were cleared; set them anew: ${cleared.join(', ')}`]),
    ])
  })
}

function remove(key: string, options: ConnectorOptions): Promise<void> {
  return work(options, 'connector remove', [], async (given) => {
    const { id, name, version } = await choose(given, key)
    await removeConnector(given.deps, given.actor, { id, accepted: [version] })
    printResult(options, { id, removed: true }, () => [`removed ${name}`])
  })
}

function tryOut(
  key: string,
  options: ConnectorOptions & { readonly outboundAllow?: readonly string[] },
): Promise<void> {
  const allow = options.outboundAllow ?? readEnvironment().outboundAllow?.split(',') ?? []
  return work(options, 'connector test', allow, async (given) => {
    const connector = await choose(given, key)
    const checks = await findKind(given.kinds, connector.kind).test(connector, (one) => openSecrets(given.deps, one))
    const failed = checks.find((check) => !check.ok) ?? null
    await recordConnectorTest(given.deps, given.actor, connector, failed?.code ?? null)
    printResult(options, { ok: failed === null, checks }, () =>
      checks.flatMap(({ name, ok, detail, setting, fix }) => [
        `${ok ? 'ok    ' : 'FAILED'}  ${name}: ${detail}`,
        ...(fix === null ? [] : [`        ${setting === null ? '' : `${setting}: `}${fix}`]),
      ]),
    )
    if (failed !== null) process.exitCode = 1
  })
}

function rotate(options: StoreOptions): Promise<void> {
  return work(options, 'connector rotate-keys', [], async ({ deps, actor }) => {
    const done = await rotateSealingKeys(deps, actor)
    printResult(options, done, () => [
      `${done.rewrapped} secrets are sealed under ${done.keyId} now.`,
      ...done.removedKeys.map((id) => `removed ${id}`),
      ...done.unreadable.map(
        ({ connectorId, name }) => `nothing opens ${name} of connector ${connectorId}: set it anew`,
      ),
    ])
    if (done.unreadable.length > 0) process.exitCode = 1
  })
}

async function work(
  options: ConnectorOptions,
  verb: string,
  allow: readonly string[],
  run: (given: Work) => Promise<void>,
): Promise<void> {
  const dataDir = chooseData(options)
  if (dataDir === null) {
    throw new CordonError('BadRequest', 'The keys of secrets lie in the data folder of the server: say --data DIR.')
  }
  // Loaded only here: every other command would wait for the libraries of all kinds.
  const { createKinds } = await import('../connectors/kinds.ts')
  const kinds = createKinds({
    clock: systemClock,
    ids: randomIds,
    outbound: createOutbound({ allow }),
    // A test message from here leads nowhere: this command knows no server.
    portalOrigin: () => 'https://localhost',
  }).all
  await runStoreCommand(options, verb, async (access: AccessDeps, actor) => {
    const tenant = await chooseTenant(access, options.tenant)
    const deps = { ...access, sealer: openSealer(dataDir, systemClock) }
    await run({ deps, actor: { ...actor, tenantId: tenant.id }, kinds })
  })
}

async function choose({ deps, actor }: Work, key: string): Promise<ConfiguredConnector> {
  const connectors = await listConnectors(deps.store.read, actor.tenantId)
  const found = connectors.find(({ id, name }) => id === key.toLowerCase() || name === key)
  if (found !== undefined) return found
  throw new CordonError('BadRequest', 'There is no such connector; see: cordon connector list')
}

function describe({ id, kind, name, settings, secrets, createdAt, updatedAt }: ConfiguredConnector): object {
  const set = Object.fromEntries(Object.entries(secrets).map(([secret, { setAt }]) => [secret, { setDateTime: setAt }]))
  return { id, kind, name, settings, secrets: set, createdDateTime: createdAt, lastModifiedDateTime: updatedAt }
}

function readSettings(options: GivenSettings, before: unknown): object {
  const file = options.settings === undefined ? {} : parseObject(readInput(options.settings), '--settings')
  const single = (options.set ?? []).map((text) => {
    const [name, value] = split(text, '--set')
    return [name, parseValue(value)] as const
  })
  const texts = (options.setFile ?? []).map((text) => {
    const [name, path] = split(text, '--set-file')
    return [name, readInput(path)] as const
  })
  const known = typeof before === 'object' && before !== null ? before : {}
  return { ...known, ...file, ...Object.fromEntries([...single, ...texts]) }
}

function readSecrets({ secretFile = [] }: GivenSettings): Record<string, string> {
  return Object.fromEntries(
    secretFile.map((text) => {
      const [name, path] = split(text, '--secret-file')
      // Editors end the last line, and no password ends in a line break.
      const value = readInput(path).replace(/\r?\n$/, '')
      if (value === '') throw new CordonError('BadRequest', `--secret-file ${name}: the file is empty.`)
      return [name, value]
    }),
  )
}

/** What is not of that form is not repeated: it may be a secret that belongs into a file. */
function split(text: string, option: string): readonly [name: string, value: string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new CordonError('BadRequest', `${option} takes NAME=VALUE pairs.`)
}

function readInput(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8')
  } catch (cause) {
    throw new CordonError('BadRequest', `The file ${path} cannot be read.`, { cause })
  }
}

function parseObject(text: string, option: string): object {
  const value = parseJson(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new CordonError('BadRequest', `${option} takes a file with one JSON object.`)
}

/** `true` and `["uid"]` mean what they mean in JSON; `uid` and `12` are text. */
function parseValue(text: string): unknown {
  const value = parseJson(text)
  return typeof value === 'boolean' || typeof value === 'object' ? value : text
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
