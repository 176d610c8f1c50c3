import type { Command } from 'commander'
import { createApplication, createPublicApplication, revokeApplication } from '../access/applications.ts'
import { roleNames } from '../model/permissions.ts'
import { listApplications } from '../store/access.ts'
import {
  addTenantOptions,
  chooseTenant,
  printResult,
  runStoreCommand,
  type StoreOptions,
  toTable,
} from './store-command.ts'

interface ClientOptions extends StoreOptions {
  readonly tenant?: string
}

interface NewClientOptions extends ClientOptions {
  readonly name: string
  readonly role: string
  readonly redirectUri?: readonly string[]
  readonly public?: boolean
}

/** Adds `cordon client create|list|revoke`: applications that sign in with an id and a secret. They work while the server runs. */
export function addClientCommands(program: Command): void {
  const client = program.command('client').description('applications that use the API')
  addTenantOptions(client.command('create'))
    .description('make an application; its secret is shown once and kept nowhere')
    .requiredOption('--name <name>', 'what people call it; stands in the audit log')
    .requiredOption('--role <role>', roleNames.join(', '))
    .option('--redirect-uri <uri...>', 'where it may have people sent back to who sign in here')
    .option('--public', 'it runs where no secret can be kept, and acts for signed-in people only')
    .action((options: NewClientOptions) =>
      runStoreCommand(options, 'client create', async (deps, actor) => {
        const tenant = await chooseTenant(deps, options.tenant)
        const owner = { ...actor, tenantId: tenant.id }
        if (options.public === true) {
          const made = await createPublicApplication(deps, owner, { ...options, redirectUris: options.redirectUri })
          printResult(options, made, () => [`tenant id      ${made.tenantId}`, `client id      ${made.clientId}`])
          return
        }
        const made = await createApplication(deps, owner, { ...options, redirectUris: options.redirectUri })
        printResult(options, made, () => [
          `tenant id      ${made.tenantId}`,
          `client id      ${made.clientId}`,
          `client secret  ${made.clientSecret}`,
          '',
          'Keep the secret now: it cannot be shown again.',
        ])
      }),
    )
  addTenantOptions(client.command('list'))
    .description("list a tenant's applications")
    .action((options: ClientOptions) =>
      runStoreCommand(options, 'client list', async (deps) => {
        const tenant = await chooseTenant(deps, options.tenant)
        const clients = (await listApplications(deps.store.read, tenant.id)).map((row) => ({
          clientId: row.id,
          name: row.name,
          role: row.role,
          createdDateTime: row.created_at,
          revokedDateTime: row.revoked_at,
        }))
        printResult(options, clients, () =>
          toTable(
            ['CLIENT ID', 'ROLE', 'CREATED', 'REVOKED', 'NAME'],
            clients.map((one) => [
              one.clientId,
              one.role,
              one.createdDateTime.slice(0, 19),
              one.revokedDateTime?.slice(0, 19) ?? '-',
              one.name,
            ]),
          ),
        )
      }),
    )
  addTenantOptions(client.command('revoke'))
    .description('revoke an application: no new tokens, and those it has are refused within a second')
    .argument('<client-id>')
    .action((clientId: string, options: ClientOptions) =>
      runStoreCommand(options, 'client revoke', async (deps, actor) => {
        const tenant = await chooseTenant(deps, options.tenant)
        await revokeApplication(deps, { ...actor, tenantId: tenant.id }, clientId)
        printResult(options, { clientId: clientId.toLowerCase(), revoked: true }, () => [`revoked ${clientId}`])
      }),
    )
}
