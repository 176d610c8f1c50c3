import { join } from 'node:path'
import type { Command } from 'commander'
import type { AgentStatus } from '../agent/main.ts'

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

/** Adds what the agent does on its host: `enroll|run|restore|release|rotate-key|status|doctor`. Modules are loaded only when one of them is used. */
export function addHostCommands(agent: Command): void {
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
  addLocalCommands(agent)
}

/** What can be asked of a host beside its running agent. */
function addLocalCommands(agent: Command): void {
  agent
    .command('restore')
    .description('at boot: load isolation and execution guard of before again, for the time they have left')
    .option('--state <dir>', 'state directory (default /var/lib/cordon)')
    .action(async (options: DirectoryOptions) => {
      const { DEFAULT_STATE_DIRECTORY, restoreAfterBoot, restoreGuardAfterBoot } = await import('../agent/main.ts')
      const { openHost } = await import('../agent/host/agent-host.ts')
      const state = options.state ?? DEFAULT_STATE_DIRECTORY
      const restored = await restoreAfterBoot(openHost(), state)
      const { kind } = await restoreGuardAfterBoot(openHost(), state)
      process.stdout.write(`${JSON.stringify(kind === 'none' ? restored : { ...restored, restriction: kind })}\n`)
    })
  agent
    .command('release')
    .description('release this host by a one-time break-glass code; needs no network')
    .requiredOption('--code <code>', 'code an admin of the server made for this host')
    .option('--state <dir>', 'state directory (default /var/lib/cordon)')
    .action(releaseCommand)
  agent
    .command('rotate-key')
    .description('make a new key for this host and let the server take it in place of the old one')
    .option('--state <dir>', 'state directory (default /var/lib/cordon)')
    .option(
      '--config <dir>',
      'directory of agent.conf (default /etc/cordon, or the state directory when --state is given)',
    )
    .action(rotateKeyCommand)
  agent
    .command('doctor')
    .description('look at everything the agent needs on this host, and say what is wrong and how to mend it')
    .option('--state <dir>', 'state directory (default /var/lib/cordon)')
    .option(
      '--config <dir>',
      'directory of agent.conf (default /etc/cordon, or the state directory when --state is given)',
    )
    .option('--json', 'print JSON')
    .action(doctorCommand)
  agent
    .command('status')
    .description('show what this host is to its server, whether it is isolated, and whether programs are restricted')
    .option('--state <dir>', 'state directory (default /var/lib/cordon)')
    .option('--json', 'print JSON')
    .action(async (options: DirectoryOptions & { readonly json?: boolean }) => {
      const { DEFAULT_STATE_DIRECTORY, readStatus } = await import('../agent/main.ts')
      const { openHost } = await import('../agent/host/agent-host.ts')
      const status = await readStatus(openHost(), options.state ?? DEFAULT_STATE_DIRECTORY)
      process.stdout.write(options.json === true ? `${JSON.stringify(status)}\n` : formatStatus(status))
    })
}

async function releaseCommand(options: DirectoryOptions & { readonly code: string }): Promise<void> {
  const { DEFAULT_STATE_DIRECTORY } = await import('../agent/main.ts')
  const { releaseByCode } = await import('../agent/life/break-glass.ts')
  const { openHost } = await import('../agent/host/agent-host.ts')
  const outcome = await releaseByCode(openHost(), options.state ?? DEFAULT_STATE_DIRECTORY, options.code)
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
  if (outcome.kind === 'refused') process.exitCode = 1
}

async function rotateKeyCommand(options: DirectoryOptions): Promise<void> {
  const { DEFAULT_CONFIG_DIRECTORY, DEFAULT_STATE_DIRECTORY } = await import('../agent/main.ts')
  const { rotateKeyOnHost } = await import('../agent/life/rotate-key.ts')
  const { openHost } = await import('../agent/host/agent-host.ts')
  const config = join(options.config ?? options.state ?? DEFAULT_CONFIG_DIRECTORY, 'agent.conf')
  const outcome = await rotateKeyOnHost(openHost(), options.state ?? DEFAULT_STATE_DIRECTORY, config)
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
  if (!outcome.rotated) process.exitCode = 1
}

async function doctorCommand(options: DirectoryOptions & { readonly json?: boolean }): Promise<void> {
  const { DEFAULT_CONFIG_DIRECTORY, DEFAULT_STATE_DIRECTORY } = await import('../agent/main.ts')
  const { examineHost } = await import('../agent/life/doctor.ts')
  const { openHost } = await import('../agent/host/agent-host.ts')
  const findings = await examineHost(
    openHost(),
    options.state ?? DEFAULT_STATE_DIRECTORY,
    options.config ?? options.state ?? DEFAULT_CONFIG_DIRECTORY,
  )
  const lines = findings.map(
    ({ name, ok, detail, fix }) => `${ok ? 'ok  ' : 'BAD '} ${name}: ${detail}${fix === null ? '' : `; ${fix}`}\n`,
  )
  process.stdout.write(options.json === true ? `${JSON.stringify(findings)}\n` : lines.join(''))
  if (findings.some(({ ok }) => !ok)) process.exitCode = 1
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
    `restricted  ${status.restricted ? `until ${status.restrictedUntil ?? 'unknown'}` : 'no'}`,
    `undelivered ${status.undelivered}`,
    ...status.capabilities.map(
      ({ actionType, supported, reason }) => `  ${actionType}: ${supported ? 'yes' : `no (${reason ?? 'unknown'})`}`,
    ),
    '',
  ].join('\n')
}
