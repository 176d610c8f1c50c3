import type { Command } from 'commander'
import { createTenant, ensureFirstTenant } from '../access/tenants.ts'
import { listTenants } from '../store/access.ts'
import { addStoreOptions, printResult, runStoreCommand, type StoreOptions, toTable } from './store-command.ts'

/** Adds `cordon tenant create|list`. They work while the server runs. */
export function addTenantCommands(program: Command): void {
  const tenant = program.command('tenant').description('separate customers on one server')
  addStoreOptions(tenant.command('create'))
    .description('make a tenant')
    .requiredOption('--name <name>', 'what people call it')
    .option('--domain <domain>', 'domain name that stands for its id in sign-in URLs')
    .action((options: StoreOptions & { readonly name: string; readonly domain?: string }) =>
      runStoreCommand(options, 'tenant create', async (deps, actor) => {
        // The place of the first tenant stays with `default`, also when this runs before the server ever did.
        await ensureFirstTenant(deps)
        const made = await createTenant(deps, actor, options)
        printResult(options, { tenantId: made.id, name: made.name, domain: made.domain }, () => [
          `tenant id  ${made.id}`,
        ])
      }),
    )
  addStoreOptions(tenant.command('list'))
    .description('list all tenants')
    .action((options: StoreOptions) =>
      runStoreCommand(options, 'tenant list', async (deps) => {
        const tenants = (await listTenants(deps.store.read)).map((row) => ({
          tenantId: row.id,
          name: row.name,
          domain: row.domain,
          createdDateTime: row.created_at,
        }))
        printResult(options, tenants, () =>
          toTable(
            ['TENANT ID', 'DOMAIN', 'CREATED', 'NAME'],
            tenants.map((one) => [one.tenantId, one.domain ?? '-', one.createdDateTime.slice(0, 19), one.name]),
          ),
        )
      }),
    )
}
