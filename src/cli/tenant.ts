import type { Command } from 'commander'
import { createTenant, ensureFirstTenant, renameTenant } from '../access/tenants.ts'
import { listTenants } from '../store/access.ts'
import {
  addStoreOptions,
  addTenantOptions,
  chooseTenant,
  printResult,
  runStoreCommand,
  type StoreOptions,
  toTable,
} from './store-command.ts'
import { addMemberCommands } from './tenant-member.ts'

/** Adds `cordon tenant create|rename|list|member`. They work while the server runs. */
export function addTenantCommands(program: Command): void {
  const tenant = program.command('tenant').description('separate customers on one server')
  addStoreOptions(tenant.command('create'))
    .description('make a tenant')
    .requiredOption('--name <name>', 'what people call it')
    .option('--domain <domain>', 'domain name that stands for its id in sign-in URLs')
    .option('--code <code>', 'short name in lower case, up to 12 letters and digits; default: made from the name')
    .action((options: StoreOptions & { readonly name: string; readonly domain?: string; readonly code?: string }) =>
      runStoreCommand(options, 'tenant create', async (deps, actor) => {
        // The place of the first tenant stays with `default`, also when this runs before the server ever did.
        await ensureFirstTenant(deps)
        const made = await createTenant(deps, actor, options)
        const { id: tenantId, name, domain, code } = made
        printResult(options, { tenantId, name, domain, code }, () => [`tenant id  ${tenantId}`])
      }),
    )
  addTenantOptions(tenant.command('rename'))
    .description('give a tenant another name or short code; its id and addresses stay')
    .option('--name <name>', 'what people call it')
    .option('--code <code>', 'short name in lower case')
    .action((options: StoreOptions & { readonly tenant?: string; readonly name?: string; readonly code?: string }) =>
      runStoreCommand(options, 'tenant rename', async (deps, actor) => {
        const { id } = await chooseTenant(deps, options.tenant)
        const { name, code } = await renameTenant(deps, { ...actor, tenantId: id }, options)
        printResult(options, { tenantId: id, name, code }, () => [`${code}  ${name}`])
      }),
    )
  addMemberCommands(tenant)
  addStoreOptions(tenant.command('list'))
    .description('list all tenants')
    .action((options: StoreOptions) =>
      runStoreCommand(options, 'tenant list', async (deps) => {
        const tenants = (await listTenants(deps.store.read)).map((row) => ({
          tenantId: row.id,
          name: row.name,
          domain: row.domain,
          code: row.code,
          createdDateTime: row.created_at,
        }))
        printResult(options, tenants, () =>
          toTable(
            ['TENANT ID', 'CODE', 'DOMAIN', 'CREATED', 'NAME'],
            tenants.map((one) => [
              one.tenantId,
              one.code,
              one.domain ?? '-',
              one.createdDateTime.slice(0, 19),
              one.name,
            ]),
          ),
        )
      }),
    )
}
