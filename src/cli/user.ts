import type { Command } from 'commander'
import { createSignInLink, createUser, disableUser, findUser } from '../access/users.ts'
import { roleNames } from '../model/permissions.ts'
import { listUsers } from '../store/access.ts'
import {
  addTenantOptions,
  chooseTenant,
  printResult,
  runStoreCommand,
  type StoreOptions,
  toTable,
} from './store-command.ts'
import { addCredentialCommands } from './user-credentials.ts'
import { addPasskeyCommands } from './user-passkeys.ts'

interface UserOptions extends StoreOptions {
  readonly tenant?: string
}

/** Adds `cordon user create|link|password|passkey|identity|list|disable`: people who use the portal. They work while the server runs. */
export function addUserCommands(program: Command): void {
  const user = program.command('user').description('people who use the portal')
  addCredentialCommands(user)
  addPasskeyCommands(user)
  addTenantOptions(user.command('create'))
    .description('make a person; they sign in by a link, a password, a passkey or an outside issuer')
    .requiredOption('--name <name>', 'name as shown to others')
    .requiredOption('--role <role>', roleNames.join(', '))
    .action((options: UserOptions & { readonly name: string; readonly role: string }) =>
      runStoreCommand(options, 'user create', async (deps, actor) => {
        const tenant = await chooseTenant(deps, options.tenant)
        const userId = await createUser(deps, { ...actor, tenantId: tenant.id }, options)
        printResult(options, { tenantId: tenant.id, userId }, () => [`user id  ${userId}`])
      }),
    )
  addTenantOptions(user.command('link'))
    .description('make a sign-in link for a person: works once, within an hour')
    .requiredOption('--name <name>', 'name or id of the person')
    .option('--server <url>', 'https://host:port of the server, put in front of the link')
    .action((options: UserOptions & { readonly name: string; readonly server?: string }) =>
      runStoreCommand(options, 'user link', async (deps, actor) => {
        const tenant = await chooseTenant(deps, options.tenant)
        const { id } = await findUser(deps, tenant.id, options.name)
        const link = await createSignInLink(deps, { ...actor, tenantId: tenant.id }, id)
        const address = `${options.server?.replace(/\/+$/, '') ?? ''}${link.path}`
        printResult(options, { link: address, expiresDateTime: link.expiresAt }, () => [address])
      }),
    )
  addTenantOptions(user.command('disable'))
    .description('disable a person: their sessions and tokens are refused within a second')
    .requiredOption('--name <name>', 'name or id of the person')
    .action((options: UserOptions & { readonly name: string }) =>
      runStoreCommand(options, 'user disable', async (deps, actor) => {
        const tenant = await chooseTenant(deps, options.tenant)
        const { id } = await findUser(deps, tenant.id, options.name)
        await disableUser(deps, { ...actor, tenantId: tenant.id }, id)
        printResult(options, { userId: id, disabled: true }, () => [`disabled ${id}`])
      }),
    )
  addTenantOptions(user.command('list'))
    .description("list a tenant's people")
    .action((options: UserOptions) =>
      runStoreCommand(options, 'user list', async (deps) => {
        const tenant = await chooseTenant(deps, options.tenant)
        const users = (await listUsers(deps.store.read, tenant.id)).map((row) => ({
          userId: row.id,
          name: row.name,
          role: row.role,
          createdDateTime: row.created_at,
          disabledDateTime: row.disabled_at,
        }))
        printResult(options, users, () =>
          toTable(
            ['USER ID', 'ROLE', 'CREATED', 'DISABLED', 'NAME'],
            users.map((one) => [
              one.userId,
              one.role,
              one.createdDateTime.slice(0, 19),
              one.disabledDateTime?.slice(0, 19) ?? '-',
              one.name,
            ]),
          ),
        )
      }),
    )
}
