import type { Command } from 'commander'
import { addStoreOptions, chooseTenant, printResult, runStoreCommand, type StoreOptions } from './store-command.ts'

interface TokenOptions extends StoreOptions {
  readonly tenant?: string
  readonly minutes: string
}

/** Adds `cordon agent token`: a one-time token that lets one host enrol. It works while the server runs. */
export function addAgentTokenCommand(agent: Command): void {
  addStoreOptions(agent.command('token'))
    .description('make a one-time enrolment token for one host')
    .option('--tenant <tenant>', 'id, domain or name; the first tenant without')
    .option('--minutes <minutes>', 'how long it may be used, at most 1440', '60')
    .action((options: TokenOptions) =>
      runStoreCommand(options, 'agent token', async (deps, actor) => {
        const { createEnrolmentToken } = await import('../agents/enroll.ts')
        const tenant = await chooseTenant(deps, options.tenant)
        const made = await createEnrolmentToken(deps, { ...actor, tenantId: tenant.id }, Number(options.minutes) * 60)
        printResult(options, made, () => [made.token, '', `It lets one host enrol until ${made.expiresAt}.`])
      }),
    )
}
