import type { Command } from 'commander'
import type { AgentStatus } from '../agent/main.ts'
import {
  addStoreOptions,
  chooseTenant,
  printResult,
  runStoreCommand,
  type StoreOptions,
  toTable,
} from './store-command.ts'

interface DirectoryOptions {
  readonly state?: string
  readonly config?: string
}

interface EnrollCommandOptions extends DirectoryOptions {
  readonly server: string
  readonly token: string
  readonly ca: string
  readonly name?: string
}

interface RunCommandOptions extends DirectoryOptions {
  readonly once?: boolean
  readonly probe?: readonly string[]
}

interface TokenOptions extends StoreOptions {
  readonly tenant?: string
  readonly minutes?: string
  readonly needsApproval?: boolean
}

/**
 * Adds `cordon agent enroll|run|status`, the program on Linux hosts, and `token|list|revoke`, which work on the server's store. Modules
 * are loaded only when one of them is used.
 */
export function addAgentCommands(program: Command): void {
  const agent = program.command('agent').description('the Linux endpoint agent')
  agent
    .command('enroll')
    .description('make this host known to a Cordon server (once, with a one-time token)')
    .requiredOption('--server <url>', 'https://host:port of the server')
    .requiredOption('--token <token>', 'one-time enrolment token')
    .requiredOption('--ca <file>', "the server's CA certificate (PEM); from now on the only one trusted")
    .option('--state <dir>', 'state directory (default /var/lib/cordon)')
    .option('--name <host>', 'host name to report instead of the system name')
    .action(async (options: EnrollCommandOptions) => {
      const { DEFAULT_STATE_DIRECTORY, enrollAgent } = await import('../agent/main.ts')
      const { openHost } = await import('../agent/host/agent-host.ts')
      const deviceId = await enrollAgent(openHost(), {
        server: options.server,
        token: options.token,
        caFile: options.ca,
        stateDirectory: options.state ?? DEFAULT_STATE_DIRECTORY,
        name: options.name,
      })
      process.stdout.write(`${JSON.stringify({ deviceId })}\n`)
    })
  agent
    .command('run')
    .description('run the agent until it is told to stop')
    .option('--state <dir>', 'state directory (default /var/lib/cordon)')
    .option(
      '--config <dir>',
      'directory of agent.conf (default /etc/cordon, or the state directory when --state is given)',
    )
    .option(
      '--probe <ip:port...>',
      'addresses that must be out of reach under isolation, instead of those in agent.conf',
    )
    .option('--once', 'one turn, then exit')
    .action(runCommand)
  agent
    .command('restore')
    .description('at boot: load the isolation of before again, for the time it has left')
    .option('--state <dir>', 'state directory (default /var/lib/cordon)')
    .action(async (options: DirectoryOptions) => {
      const { DEFAULT_STATE_DIRECTORY, restoreAfterBoot } = await import('../agent/main.ts')
      const { openHost } = await import('../agent/host/agent-host.ts')
      const restored = await restoreAfterBoot(openHost(), options.state ?? DEFAULT_STATE_DIRECTORY)
      process.stdout.write(`${JSON.stringify(restored)}\n`)
    })
  agent
    .command('release')
    .description('release this host by a one-time break-glass code; needs no network')
    .requiredOption('--code <code>', 'code an admin of the server made for this host')
    .option('--state <dir>', 'state directory (default /var/lib/cordon)')
    .action(releaseCommand)
  agent
    .command('status')
    .description('show what this host is to its server and whether it is isolated')
    .option('--state <dir>', 'state directory (default /var/lib/cordon)')
    .option('--json', 'print JSON')
    .action(async (options: DirectoryOptions & { readonly json?: boolean }) => {
      const { DEFAULT_STATE_DIRECTORY, readStatus } = await import('../agent/main.ts')
      const { openHost } = await import('../agent/host/agent-host.ts')
      const status = await readStatus(openHost(), options.state ?? DEFAULT_STATE_DIRECTORY)
      process.stdout.write(options.json === true ? `${JSON.stringify(status)}\n` : formatStatus(status))
    })
  addServerCommands(agent)
}

function addServerCommands(agent: Command): void {
  addTenantOptions(agent.command('token'))
    .description('on the server: make a one-time token that lets one host enrol; shown once')
    .option('--minutes <n>', 'how long it can be used, at most 1440', '60')
    .option('--needs-approval', 'the host gets no command before: cordon agent approve')
    .action((options: TokenOptions) =>
      runStoreCommand(options, 'agent token', async (deps, actor) => {
        const { createEnrolmentToken } = await import('../agents/enroll.ts')
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
  addTenantOptions(agent.command('approve'))
    .description('on the server: let a host that waits for it take commands')
    .argument('<device-id>')
    .action((deviceId: string, options: TokenOptions) =>
      runStoreCommand(options, 'agent approve', async (deps, actor) => {
        const { approveDevice } = await import('../agents/enroll.ts')
        const tenant = await chooseTenant(deps, options.tenant)
        await approveDevice(deps, { ...actor, tenantId: tenant.id }, deviceId.toLowerCase())
        printResult(options, { deviceId: deviceId.toLowerCase(), approved: true }, () => [`approved ${deviceId}`])
      }),
    )
  addTenantOptions(agent.command('revoke'))
    .description('on the server: revoke a host; nothing it says counts any more, and it gets no command')
    .argument('<device-id>')
    .action((deviceId: string, options: TokenOptions) =>
      runStoreCommand(options, 'agent revoke', async (deps, actor) => {
        const { revokeDevice } = await import('../agents/enroll.ts')
        const tenant = await chooseTenant(deps, options.tenant)
        await revokeDevice(deps, { ...actor, tenantId: tenant.id }, deviceId.toLowerCase())
        printResult(options, { deviceId: deviceId.toLowerCase(), revoked: true }, () => [`revoked ${deviceId}`])
      }),
    )
}

function addTenantOptions(command: Command): Command {
  return addStoreOptions(command).option('--tenant <tenant>', 'id, domain or name of the tenant; default: the first')
}

async function releaseCommand(options: DirectoryOptions & { readonly code: string }): Promise<void> {
  const { DEFAULT_STATE_DIRECTORY } = await import('../agent/main.ts')
  const { releaseByCode } = await import('../agent/life/break-glass.ts')
  const { openHost } = await import('../agent/host/agent-host.ts')
  const outcome = await releaseByCode(openHost(), options.state ?? DEFAULT_STATE_DIRECTORY, options.code)
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
  if (outcome.kind === 'refused') process.exitCode = 1
}

async function runCommand(options: RunCommandOptions): Promise<void> {
  const { DEFAULT_CONFIG_DIRECTORY, DEFAULT_STATE_DIRECTORY, runAgent } = await import('../agent/main.ts')
  const { parseEndpoint } = await import('../agent/actions/addresses.ts')
  const { openHost } = await import('../agent/host/agent-host.ts')
  const stop = new AbortController()
  process.once('SIGTERM', () => stop.abort())
  process.once('SIGINT', () => stop.abort())
  const probes = (options.probe ?? []).map((text) => {
    const endpoint = parseEndpoint(text)
    if (endpoint === undefined) throw new Error(`--probe needs IP:PORT or [IP]:PORT, not ${text}`)
    return endpoint
  })
  await runAgent(openHost(), {
    stateDirectory: options.state ?? DEFAULT_STATE_DIRECTORY,
    configDirectory: options.config ?? options.state ?? DEFAULT_CONFIG_DIRECTORY,
    once: options.once === true,
    probes,
    signal: stop.signal,
  })
}

function formatStatus(status: AgentStatus): string {
  const isolation = status.isolated ? `${status.mode}, until ${status.until ?? 'unknown'}` : 'no'
  return [
    status.enrolled ? `device      ${status.deviceId}` : 'device      not enrolled',
    `server      ${status.server ?? '-'}`,
    `isolated    ${isolation}`,
    `undelivered ${status.undelivered}`,
    ...status.capabilities.map(
      ({ actionType, supported, reason }) => `  ${actionType}: ${supported ? 'yes' : `no (${reason ?? 'unknown'})`}`,
    ),
    '',
  ].join('\n')
}
