import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type PermittedAddresses, writeIsolateDevice, writeUnIsolateDevice } from '../../src/protocol/body.ts'
import type { Command } from '../../src/protocol/command.ts'
import type { CommandResult } from '../../src/protocol/result.ts'
import { type ControlServer, createControlServer, makeCommand, sendCommand } from './control-server.ts'
import { createLab, type ExecOutcome, type Lab, SERVICE_PORT, stop } from './netns.ts'

const program = fileURLToPath(new URL('./agent-process.ts', import.meta.url))

/** An enrolled agent in a lab, with a control server of its own. */
export interface Endpoint {
  readonly lab: Lab
  readonly control: ControlServer
  readonly stateDirectory: string
  /** File that runs `cordon agent ...`. */
  readonly program: string
  /** Runs `cordon agent ...` on the endpoint and waits for it. */
  readonly agent: (...words: string[]) => Promise<ExecOutcome>
  /** Starts `cordon agent run` and waits until the server heard of it. */
  readonly start: () => Promise<ChildProcess>
  /** Starts an agent that kills itself at a failpoint. */
  readonly startDoomed: (failpoint: string) => ChildProcess
  readonly sendIsolate: (commandId: string, options?: IsolateOptions) => void
  readonly isolate: (commandId: string, options?: IsolateOptions) => Promise<CommandResult>
  readonly release: (commandId: string) => Promise<CommandResult>
  /** True when the endpoint reaches the internet, per family. */
  readonly reachesInternet: () => Promise<{ readonly v4: boolean; readonly v6: boolean }>
}

/** What a test may change about an isolateDevice command. */
export interface IsolateOptions {
  readonly permitted?: PermittedAddresses
  readonly leaseSeconds?: number
  readonly selfTestSeconds?: number
  readonly changes?: Partial<Command>
}

/**
 * Builds a lab with an enrolled, not yet running agent.
 * @param serverName the agent finds its server under this name; else by its address
 * @returns undefined when the test was skipped
 */
export async function createEndpoint(t: TestContext, serverName?: string): Promise<Endpoint | undefined> {
  const lab = await createLab(t)
  if (lab === undefined) return undefined
  const control = await createControlServer(t, [
    lab.control4,
    lab.control6,
    ...(serverName === undefined ? [] : [serverName]),
  ])
  if (serverName !== undefined) lab.writeHosts(serverName, [lab.control4, lab.control6])
  const stateDirectory = await mkdtemp(join(tmpdir(), 'cordon-agent-'))
  t.after(() => rm(stateDirectory, { recursive: true, force: true, maxRetries: 10 }))
  const endpoint = openEndpoint(lab, control, stateDirectory)
  const server = `https://${serverName ?? lab.control4}:${control.port}`
  const enrolled = await endpoint.agent(
    ...['enroll', '--server', server, '--token', control.enrolToken, '--ca', control.caFile, '--state', stateDirectory],
  )
  if (enrolled.code !== 0) throw new Error(`enrolment failed: ${enrolled.stderr}`)
  return endpoint
}

function openEndpoint(lab: Lab, control: ControlServer, stateDirectory: string): Endpoint {
  const probes = [`${lab.internet4}:${SERVICE_PORT}`, `[${lab.internet6}]:${SERVICE_PORT}`]
  let seq = 0
  const sendIsolate: Endpoint['sendIsolate'] = (commandId, options = {}) => {
    seq += 1
    const { permitted, leaseSeconds = 3600, selfTestSeconds = 30 } = options
    const body = writeIsolateDevice({ deviceId: control.deviceId, durationMs: undefined, permitted })
    const safety = { policyVersion: 0, selfTestSeconds, leaseSeconds }
    sendCommand(control, makeCommand({ commandId, seq, body, safety, ...options.changes }))
  }
  return {
    lab,
    control,
    stateDirectory,
    program,
    agent: (...words) => lab.exec(lab.endpoint, process.execPath, program, 'agent', ...words),
    start: async () => {
      const heard = control.heartbeats.length
      const words = ['agent', 'run', '--state', stateDirectory, '--probe', ...probes]
      const child = lab.start(lab.endpoint, process.execPath, program, ...words)
      let log = ''
      child.stderr?.on('data', (chunk) => {
        log += chunk
      })
      child.stdout?.resume()
      child.once('exit', (code) => {
        if (code !== null && code !== 0) process.stderr.write(`agent ended with ${code}: ${log}\n`)
      })
      await control.until('first heartbeat', () => control.heartbeats.length > heard)
      return child
    },
    startDoomed: (failpoint) => {
      const words = ['die-at', failpoint, stateDirectory, probes[0] ?? '']
      const child = lab.start(lab.endpoint, process.execPath, program, ...words)
      child.stderr?.resume()
      child.stdout?.resume()
      return child
    },
    sendIsolate,
    isolate: (commandId, options) => {
      sendIsolate(commandId, options)
      return control.resultOf(commandId)
    },
    release: (commandId) => {
      seq += 1
      const body = writeUnIsolateDevice({ deviceId: control.deviceId, killFlows: false })
      sendCommand(control, makeCommand({ commandId, seq, body }))
      return control.resultOf(commandId)
    },
    reachesInternet: async () => {
      const [v4, v6] = await Promise.all([
        lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT),
        lab.reaches(lab.endpoint, lab.internet6, SERVICE_PORT),
      ])
      return { v4, v6 }
    },
  }
}

/** Resolves when a child has ended, with the signal that ended it. */
export function waitForEnd(child: ChildProcess): Promise<NodeJS.Signals | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.signalCode)
  return new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
}

export { stop }
