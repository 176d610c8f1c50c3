import type { Command } from 'commander'
import { addHostCommands } from './agent-host.ts'
import {
  addTenantOptions,
  chooseTenant,
  printResult,
  runStoreCommand,
  type StoreOptions,
  toTable,
} from './store-command.ts'

interface TokenOptions extends StoreOptions {
  readonly tenant?: string
  readonly minutes?: string
  readonly needsApproval?: boolean
}

/**
 * Adds `cordon agent ...`: the program on Linux hosts, and `token|list|approve|order-key|revoke`, which work on the server's store. Modules are loaded
 * only when one of them is used.
 */
export function addAgentCommands(program: Command): void {
  const agent = program.command('agent').description('the Linux endpoint agent')
  addHostCommands(agent)
  addServerCommands(agent)
  addDecisions(agent)
}

function addServerCommands(agent: Command): void {
  addTenantOptions(agent.command('token'))
    .description('on the server: make a one-time token that lets one host enrol; shown once')
    .option('--minutes <n>', 'how long it can be used, at most 1440', '60')
    .option('--needs-approval', 'the host gets no command before: cordon agent approve')
    .action((options: TokenOptions) =>
      runStoreCommand(options, 'agent token', async (deps, actor) => {
        const { createEnrolmentToken } = await import('../agents/identity/enroll.ts')
        const tenant = await chooseTenant(deps, options.tenant)
        const seconds = Number(options.minutes) * 60
        const made = await createEnrolmentToken(deps, { ...actor, tenantId: tenant.id }, seconds, options.needsApproval)
        printResult(options, { tenantId: tenant.id, ...made }, () => [
          `token    ${made.token}`,
          `expires  ${made.expiresAt.slice(0, 19)}Z`,
        ])
      }),
    )
  addTenantOptions(agent.command('list'))
    .description('on the server: list enrolled hosts')
    .action((options: TokenOptions) =>
      runStoreCommand(options, 'agent list', async (deps) => {
        const { listAgents } = await import('../store/agents.ts')
        const tenant = await chooseTenant(deps, options.tenant)
        const agents = (await listAgents(deps.store.read, tenant.id)).map((row) => ({
          deviceId: row.id,
          hostname: row.hostname,
          os: row.os,
          agentVersion: row.agent_version,
          lastSeenDateTime: row.last_seen_at,
          approvedDateTime: row.approved_at,
          revokedDateTime: row.revoked_at,
          clonedDateTime: row.cloned_at,
          keySinceDateTime: row.key_since,
          keyOrderedDateTime: row.key_ordered_at,
        }))
        printResult(options, agents, () =>
          toTable(
            ['DEVICE ID', 'HOST', 'LAST SEEN', 'APPROVED', 'REVOKED'],
            agents.map((one) => [
              one.deviceId,
              one.hostname,
              one.lastSeenDateTime?.slice(0, 19) ?? '-',
              one.approvedDateTime?.slice(0, 19) ?? 'waits',
              one.revokedDateTime?.slice(0, 19) ?? '-',
            ]),
          ),
        )
      }),
    )
}

/** What a person decides about one host. */
function addDecisions(agent: Command): void {
  addTenantOptions(agent.command('approve'))
    .description('on the server: let a host that waits for it take commands')
    .argument('<device-id>')
    .action((deviceId: string, options: TokenOptions) =>
      runStoreCommand(options, 'agent approve', async (deps, actor) => {
        const { approveDevice } = await import('../agents/identity/enroll.ts')
        const tenant = await chooseTenant(deps, options.tenant)
        await approveDevice(deps, { ...actor, tenantId: tenant.id }, deviceId.toLowerCase())
        printResult(options, { deviceId: deviceId.toLowerCase(), approved: true }, () => [`approved ${deviceId}`])
      }),
    )
  addTenantOptions(agent.command('order-key'))
    .description('on the server: let a host make another device key with its next contact')
    .argument('<device>', 'device id, host name or full name')
    .requiredOption('--reason <text>', 'why; stands in the audit log')
    .action((device: string, options: TokenOptions & { readonly reason: string }) =>
      runStoreCommand(options, 'agent order-key', async (deps, actor) => {
        const { orderDeviceKey } = await import('../agents/identity/rotate-key.ts')
        const tenant = await chooseTenant(deps, options.tenant)
        const deviceId = await orderDeviceKey(deps, { ...actor, tenantId: tenant.id }, device, options.reason)
        printResult(options, { deviceId, ordered: true }, () => [`ordered another key of ${deviceId}`])
      }),
    )
  addTenantOptions(agent.command('revoke'))
    .description('on the server: revoke a host; nothing it says counts any more, and it gets no command')
    .argument('<device-id>')
    .action((deviceId: string, options: TokenOptions) =>
      runStoreCommand(options, 'agent revoke', async (deps, actor) => {
        const { revokeDevice } = await import('../agents/identity/enroll.ts')
        const tenant = await chooseTenant(deps, options.tenant)
        await revokeDevice(deps, { ...actor, tenantId: tenant.id }, deviceId.toLowerCase())
        printResult(options, { deviceId: deviceId.toLowerCase(), revoked: true }, () => [`revoked ${deviceId}`])
      }),
    )
}
