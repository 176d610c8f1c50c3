import { Command } from 'commander'
import { addHostCommands } from './agent-host.ts'

// What the package of the agent carries as one file: `cordon agent ...` without the server.
const program = new Command('cordon').description('the Cordon agent of this host')
addHostCommands(program.command('agent').description('the Linux endpoint agent'))
try {
  await program.parseAsync()
} catch (cause) {
  process.stderr.write(`cordon: ${cause instanceof Error ? cause.message : String(cause)}\n`)
  process.exitCode = 1
}
