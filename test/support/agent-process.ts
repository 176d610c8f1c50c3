import { Command } from 'commander'
import { openHost } from '../../src/agent/host/agent-host.ts'
import { runAgent } from '../../src/agent/main.ts'
import { addAgentCommands } from '../../src/cli/agent.ts'

// The agent as a process of its own. `die-at <failpoint> <state directory> <ip:port>` runs it until it kills itself at the named place.
const [mode, failpoint, stateDirectory, probe] = process.argv.slice(2)

if (mode === 'die-at' && stateDirectory !== undefined) {
  const [address, port] = (probe ?? '').split(':')
  const host = openHost()
  await runAgent(
    {
      ...host,
      failpoint: (name) => {
        if (name === failpoint) process.kill(process.pid, 'SIGKILL')
      },
    },
    {
      stateDirectory,
      configDirectory: stateDirectory,
      once: false,
      probes: address === undefined ? [] : [{ address, port: Number(port) }],
      signal: new AbortController().signal,
    },
  )
} else {
  const program = new Command()
  addAgentCommands(program)
  await program.parseAsync()
}
