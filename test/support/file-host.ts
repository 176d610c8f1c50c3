import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  type QuarantineFileBody,
  writeQuarantineFile,
  writeRestoreFile,
} from '../../src/protocol/bodies/stopAndQuarantineFile.ts'
import type { Command } from '../../src/protocol/command.ts'
import type { JsonObject } from '../../src/protocol/decode.ts'
import type { CommandResult } from '../../src/protocol/result.ts'
import { onEnd } from './cleanup.ts'
import { type ControlServer, createControlServer, makeCommand, sendCommand } from './control-server.ts'
import { waitForEnd } from './endpoint.ts'

const program = fileURLToPath(new URL('./agent-process.ts', import.meta.url))

/** An enrolled agent on this very machine that looks for files in one folder only. */
export interface FileHost {
  readonly control: ControlServer
  readonly stateDirectory: string
  /** The one folder it searches. */
  readonly folder: string
  /** Starts the agent and waits until the server heard of it. */
  readonly start: () => Promise<ChildProcess>
  /** Runs the agent until it kills itself at a failpoint. */
  readonly runDoomed: (failpoint: string) => Promise<NodeJS.Signals | null>
  readonly stop: (agent: ChildProcess) => Promise<void>
  readonly send: (commandId: string, family: Command['family'], body: JsonObject, changes?: Partial<Command>) => void
  readonly sendQuarantine: (
    commandId: string,
    body: Partial<QuarantineFileBody> & Pick<QuarantineFileBody, 'hashes'>,
    changes?: Partial<Command>,
  ) => void
  readonly sendRestore: (commandId: string, executionId: string, sha256: string) => void
  readonly quarantine: (
    commandId: string,
    body: Partial<QuarantineFileBody> & Pick<QuarantineFileBody, 'hashes'>,
    changes?: Partial<Command>,
  ) => Promise<CommandResult>
  readonly restore: (commandId: string, executionId: string, sha256: string) => Promise<CommandResult>
}

/**
 * Enrols an agent on this machine with a control server on loopback.
 * @returns undefined when the test was skipped, which it is without root
 */
export async function createFileHost(t: TestContext): Promise<FileHost | undefined> {
  if (process.getuid?.() !== 0) {
    t.skip('quarantine needs root')
    return undefined
  }
  const control = await createControlServer(t, ['127.0.0.1'])
  const folder = mkdtempSync(join(tmpdir(), 'cordon-files-'))
  const stateDirectory = mkdtempSync(join(tmpdir(), 'cordon-agent-'))
  onEnd(t, () => rmSync(stateDirectory, { recursive: true, force: true }))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(stateDirectory, 'agent.conf'), `search = ${folder}\n`)
  const server = `https://127.0.0.1:${control.port}`
  const enrol = ['enroll', '--server', server, '--token', control.enrolToken, '--ca', control.caFile]
  const enrolled = startProgram(t, ['agent', ...enrol, '--state', stateDirectory])
  await waitForEnd(enrolled)
  if (enrolled.exitCode !== 0) throw new Error('enrolment failed')
  return openFileHost(t, control, { folder, stateDirectory })
}

function openFileHost(
  t: TestContext,
  control: ControlServer,
  { folder, stateDirectory }: { readonly folder: string; readonly stateDirectory: string },
): FileHost {
  let seq = 0
  const send: FileHost['send'] = (commandId, family, body, changes = {}) => {
    seq += 1
    sendCommand(control, makeCommand({ commandId, seq, family, body, ...changes }))
  }
  const sendQuarantine: FileHost['sendQuarantine'] = (commandId, body, changes) => {
    const rest = { path: undefined, sizeBytes: undefined, stopProcesses: true, walk: true, allowPackageFiles: false }
    send(commandId, 'file', writeQuarantineFile({ deviceId: control.deviceId, ...rest, ...body }), changes)
  }
  const sendRestore: FileHost['sendRestore'] = (commandId, executionId, sha256) => {
    const { deviceId } = control
    send(commandId, 'file', writeRestoreFile({ deviceId, hashes: { sha256 }, executionId }))
  }
  return {
    control,
    stateDirectory,
    folder,
    send,
    sendQuarantine,
    sendRestore,
    start: async () => {
      const heard = control.heartbeats.length
      const agent = startProgram(t, ['agent', 'run', '--state', stateDirectory])
      await control.until('first heartbeat', () => control.heartbeats.length > heard)
      return agent
    },
    runDoomed: (failpoint) => waitForEnd(startProgram(t, ['die-at', failpoint, stateDirectory])),
    stop: async (agent) => {
      agent.kill('SIGTERM')
      await waitForEnd(agent)
    },
    quarantine: (commandId, body, changes) => {
      sendQuarantine(commandId, body, changes)
      return control.resultOf(commandId)
    },
    restore: (commandId, executionId, sha256) => {
      sendRestore(commandId, executionId, sha256)
      return control.resultOf(commandId)
    },
  }
}

/** A program nobody else on this machine runs; it sleeps for as many seconds as its argument says. */
export function makeProgram(path: string): { readonly sha1: string; readonly sha256: string; readonly size: number } {
  copyFileSync('/usr/bin/sleep', path)
  // Bytes after the end of an executable change its digest and nothing else.
  appendFileSync(path, randomBytes(32))
  return describeFile(path)
}

/** Digests and size of a file. */
export function describeFile(path: string): { readonly sha1: string; readonly sha256: string; readonly size: number } {
  const content = readFileSync(path)
  const digest = (name: string): string => createHash(name).update(content).digest('hex')
  return { sha1: digest('sha1'), sha256: digest('sha256'), size: content.length }
}

/** Starts a program that is killed at the end of the test, and waits until it really runs. */
export async function startSleeper(t: TestContext, path: string, ...words: string[]): Promise<ChildProcess> {
  const child = spawn(path, words.length > 0 ? words : ['600'], { stdio: 'ignore' })
  onEnd(t, () => child.kill('SIGKILL'))
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  return child
}

/** True while a process of that number runs and is not a corpse. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    // It is gone, maybe this very moment.
    return false
  }
}

function startProgram(t: TestContext, words: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  child.once('exit', (code) => {
    if (code !== null && code !== 0) process.stderr.write(`agent ended with ${code}: ${log}\n`)
  })
  onEnd(t, () => child.kill('SIGKILL'))
  return child
}
