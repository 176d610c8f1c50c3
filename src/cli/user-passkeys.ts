import type { Command } from 'commander'
import { removePasskeysOf, showPasskey } from '../access/credentials/passkeys/own.ts'
import { findUser } from '../access/users.ts'
import { CordonError } from '../model/errors.ts'
import { listPasskeys } from '../store/passkeys.ts'
import {
  addTenantOptions,
  chooseTenant,
  printResult,
  runStoreCommand,
  type StoreOptions,
  toTable,
} from './store-command.ts'

interface PasskeyOptions extends StoreOptions {
  readonly tenant?: string
  readonly name: string
}

interface RemoveOptions extends PasskeyOptions {
  readonly id?: string
  readonly all?: boolean
}

/** Adds `cordon user passkey list|remove`: for who lost the device. They add passkeys themselves, in the portal. */
export function addPasskeyCommands(user: Command): void {
  const passkey = user.command('passkey').description('passkeys of a person; they add them in the portal')
  addPersonOptions(passkey.command('list'))
    .description('list them')
    .action((options: PasskeyOptions) =>
      runStoreCommand(options, 'user passkey list', async (deps) => {
        const tenant = await chooseTenant(deps, options.tenant)
        const { id } = await findUser(deps, tenant.id, options.name)
        const passkeys = (await listPasskeys(deps.store.read, tenant.id, id)).map(showPasskey)
        printResult(options, passkeys, () =>
          toTable(
            ['PASSKEY ID', 'CREATED', 'LAST USED', 'HOST', 'NAME'],
            passkeys.map((one) => [
              one.id,
              one.createdDateTime.slice(0, 19),
              one.lastUsedDateTime?.slice(0, 19) ?? '-',
              one.host,
              one.name,
            ]),
          ),
        )
      }),
    )
  addPersonOptions(passkey.command('remove'))
    .description('remove one or all; ends the sessions of the person, who needs a link if there is no other way in')
    .option('--id <id>', 'of one; see: cordon user passkey list')
    .option('--all', 'every one')
    .action((options: RemoveOptions) =>
      runStoreCommand(options, 'user passkey remove', async (deps, actor) => {
        if ((options.id === undefined) === (options.all !== true)) {
          throw new CordonError('BadRequest', 'Say which: --id ID, or --all.')
        }
        const tenant = await chooseTenant(deps, options.tenant)
        const { id: userId } = await findUser(deps, tenant.id, options.name)
        const id = options.id ?? null
        const gone = await removePasskeysOf(deps, { ...actor, tenantId: tenant.id }, { userId, id })
        const removed = gone.map((row) => row.id)
        printResult(options, { userId, removed }, () => removed.map((one) => `removed ${one}`))
      }),
    )
}

function addPersonOptions(command: Command): Command {
  return addTenantOptions(command).requiredOption('--name <name>', 'name or id of the person')
}
