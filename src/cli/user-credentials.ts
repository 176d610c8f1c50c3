import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { createPasswordHasher } from '../access/credentials/password-hash.ts'
import { removePassword, setPassword } from '../access/credentials/passwords.ts'
import { linkIdentity } from '../access/outside/link.ts'
import { findUser } from '../access/users.ts'
import { addTenantOptions, chooseTenant, printResult, runStoreCommand, type StoreOptions } from './store-command.ts'

interface PersonOptions extends StoreOptions {
  readonly tenant?: string
  readonly name: string
}

interface IdentityOptions extends PersonOptions {
  readonly issuer: string
  readonly subject?: string
  readonly email?: string
}

/** Adds `cordon user password|identity`: how people prove who they are. */
export function addCredentialCommands(user: Command): void {
  addPersonOptions(user.command('password'))
    .description('set a password, read from standard input; ends the sessions of the person')
    .option('--remove', 'take the password away instead')
    .action((options: PersonOptions & { readonly remove?: boolean }) =>
      runStoreCommand(options, 'user password', async (deps, actor) => {
        const tenant = await chooseTenant(deps, options.tenant)
        const { id } = await findUser(deps, tenant.id, options.name)
        const owner = { ...actor, tenantId: tenant.id }
        if (options.remove === true) await removePassword(deps, owner, id)
        else {
          const input = { userId: id, password: readPassword(), keptSession: null }
          await setPassword({ ...deps, hasher: createPasswordHasher() }, owner, input)
        }
        printResult(options, { userId: id, password: options.remove !== true }, () => [
          options.remove === true ? `removed the password of ${id}` : `set the password of ${id}`,
        ])
      }),
    )
  addPersonOptions(user.command('identity'))
    .description('say who a person is at an outside issuer; see: cordon connector add --kind oidc')
    .requiredOption('--issuer <connector>', 'id or name of the connector')
    .option('--subject <sub>', 'their sub there')
    .option('--email <address>', 'or the verified address they first sign in with')
    .action((options: IdentityOptions) =>
      runStoreCommand(options, 'user identity', async (deps, actor) => {
        const tenant = await chooseTenant(deps, options.tenant)
        const { id } = await findUser(deps, tenant.id, options.name)
        await linkIdentity(deps, { ...actor, tenantId: tenant.id }, { ...options, userId: id })
        printResult(options, { userId: id }, () => [`${id} signs in with ${options.issuer}`])
      }),
    )
}

function addPersonOptions(command: Command): Command {
  return addTenantOptions(command).requiredOption('--name <name>', 'name or id of the person')
}

/** Editors and `echo` end the line; no password ends in a line break. */
function readPassword(): string {
  return readFileSync(0, 'utf8').replace(/\r?\n$/, '')
}
