import type { Command } from 'commander'
import { addMember, removeMember } from '../access/members/members.ts'
import type { AccessDeps } from '../access/tenants.ts'
import { findUser } from '../access/users.ts'
import { roleNames } from '../model/permissions.ts'
import { listMembers } from '../store/memberships.ts'
import {
  addTenantOptions,
  chooseTenant,
  printResult,
  runStoreCommand,
  type StoreOptions,
  toTable,
} from './store-command.ts'

interface MemberOptions extends StoreOptions {
  readonly tenant?: string
  readonly home?: string
  readonly name: string
}

/** Adds `cordon tenant member add|remove|list`: people of one tenant who have a role in another one, as a provider's have. */
export function addMemberCommands(tenant: Command): void {
  const member = tenant.command('member').description('people of other tenants who have a role in this one')
  addPersonOptions(member.command('add'))
    .description('give somebody of another tenant a role, or another role; they go on signing in at home')
    .requiredOption('--role <role>', roleNames.join(', '))
    .action((options: MemberOptions & { readonly role: string }) =>
      runStoreCommand(options, 'tenant member add', async (deps, actor) => {
        const { tenantId, personId } = await findBoth(deps, options)
        const userId = await addMember(deps, { ...actor, tenantId }, { personId, role: options.role })
        printResult(options, { tenantId, personId, userId, role: options.role }, () => [`user id  ${userId}`])
      }),
    )
  addPersonOptions(member.command('remove'))
    .description('end it: their tokens are refused within a second')
    .action((options: MemberOptions) =>
      runStoreCommand(options, 'tenant member remove', async (deps, actor) => {
        const { tenantId, personId } = await findBoth(deps, options)
        await removeMember(deps, { ...actor, tenantId }, personId)
        printResult(options, { tenantId, personId, removed: true }, () => [`removed ${personId}`])
      }),
    )
  addTenantOptions(member.command('list'))
    .description('list them')
    .action((options: StoreOptions & { readonly tenant?: string }) =>
      runStoreCommand(options, 'tenant member list', async (deps) => {
        const { id } = await chooseTenant(deps, options.tenant)
        const members = (await listMembers(deps.store.read, id)).map((row) => ({
          personId: row.home_user_id,
          userId: row.user_id,
          name: row.name,
          role: row.role,
          homeTenantId: row.home_tenant_id,
          createdDateTime: row.created_at,
        }))
        printResult(options, members, () =>
          toTable(
            ['PERSON ID', 'ROLE', 'CREATED', 'NAME'],
            members.map((one) => [one.personId, one.role, one.createdDateTime.slice(0, 19), one.name]),
          ),
        )
      }),
    )
}

async function findBoth(deps: AccessDeps, options: MemberOptions): Promise<{ tenantId: string; personId: string }> {
  const tenant = await chooseTenant(deps, options.tenant)
  const home = await chooseTenant(deps, options.home)
  return { tenantId: tenant.id, personId: (await findUser(deps, home.id, options.name)).id }
}

function addPersonOptions(command: Command): Command {
  return addTenantOptions(command)
    .option('--home <tenant>', 'id, domain or name of the tenant the person signs in at; default: the first')
    .requiredOption('--name <name>', 'name or id of the person at home')
}
