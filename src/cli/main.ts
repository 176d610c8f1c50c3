import { Command, CommanderError } from 'commander'
import { CordonError } from '../model/errors.ts'
import { addAgentCommands } from './agent.ts'
import { addAuditCommands } from './audit.ts'
import { addClientCommands } from './client.ts'
import { addConnectorCommands } from './connector.ts'
import { addIngestCommands } from './ingest.ts'
import { addServeCommand } from './serve.ts'
import { addTenantCommands } from './tenant.ts'
import { addUserCommands } from './user.ts'

/** Exit codes of every command: 0 done, 1 failed, 2 wrong usage or input. */
const failed = 1
const wrongUsage = 2

/** Runs one command line. @param argv as `process.argv` */
export async function runCli(argv: readonly string[]): Promise<void> {
  const program = new Command('cordon')
    .description('self-hosted incident response that speaks Microsoft Graph')
    .exitOverride()
  addServeCommand(program)
  addClientCommands(program)
  addTenantCommands(program)
  addUserCommands(program)
  addAgentCommands(program)
  addConnectorCommands(program)
  addIngestCommands(program)
  addAuditCommands(program)
  try {
    await program.parseAsync([...argv])
  } catch (cause) {
    process.exitCode = explain(cause)
  }
}

/** Says in one line what is wrong; commander has said its own already. */
function explain(cause: unknown): number {
  if (cause instanceof CommanderError) return cause.exitCode === 0 ? 0 : wrongUsage
  const message = cause instanceof Error ? cause.message : String(cause)
  process.stderr.write(`cordon: ${message}\n`)
  return cause instanceof CordonError && cause.status === 400 ? wrongUsage : failed
}

await runCli(process.argv)
