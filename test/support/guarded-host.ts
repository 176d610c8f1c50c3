import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findGuardProblem } from '../../src/agent/guard/control.ts'
import {
  writeRestrictAppExecution,
  writeUnRestrictAppExecution,
} from '../../src/protocol/bodies/restrictAppExecution.ts'
import type { Command } from '../../src/protocol/command.ts'
import type { CommandResult } from '../../src/protocol/result.ts'
import { onEnd } from './cleanup.ts'
import { type ControlServer, createControlServer, makeCommand, sendCommand } from './control-server.ts'
import { waitForEnd } from './endpoint.ts'
import type { ExecOutcome } from './netns.ts'

const program = fileURLToPath(new URL('./agent-process.ts', import.meta.url))

/**
 * A host of its own as far as mounts and processes go. What is guarded are two memory file systems that nobody outside of it sees; no
 * mount of the machine is ever marked.
 */
export interface GuardedHost {
  /** Guarded; only root writes there. */
  readonly programs: string
  /** Guarded; everybody writes there. */
  readonly open: string
  readonly stateDirectory: string
  /** Runs a program inside and waits for it. */
  readonly exec: (program: string, ...args: string[]) => Promise<ExecOutcome>
  /** Starts a program inside; it ends with the host. */
  readonly start: (program: string, ...args: string[]) => ChildProcess
  /** Runs `cordon agent ...` inside. */
  readonly agent: (...words: string[]) => Promise<ExecOutcome>
  /** Starts the agent of the state directory, or one that kills itself at a failpoint. */
  readonly startAgent: (failpoint?: string) => ChildProcess
  /** What a shell says of a program it is to start: `ran`, `denied` (EPERM), or its words. */
  readonly tries: (path: string) => Promise<string>
  /** The mounts of both file systems as the kernel lists them. */
  readonly listMounts: () => Promise<string>
  /** Puts a copy of a small program there, with these bytes behind its end. */
  readonly place: (path: string, tail?: string) => string
  /** Process of the guard inside, or undefined. */
  readonly guardPid: () => number | undefined
  /** Ends every process inside and makes the same host anew, as a boot does. */
  readonly reboot: () => Promise<void>
}

/**
 * Makes the host; its programs are `packaged` (brought by a package), `changed` (brought and altered since), `listed` (on the owner's list),
 * `foreign` and `script.sh`.
 * @returns undefined when the test was skipped
 */
export async function createGuardedHost(t: TestContext): Promise<GuardedHost | undefined> {
  const problem = process.getuid?.() === 0 ? await findGuardProblem() : 'needs root'
  if (problem !== undefined) {
    t.skip(`programs cannot be guarded here: ${problem}`)
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'cordon-guarded-'))
  const stateDirectory = mkdtempSync(join(tmpdir(), 'cordon-agent-'))
  onEnd(t, () => rmSync(stateDirectory, { recursive: true, force: true }))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const [programs, open, dpkg] = ['programs', 'open', 'dpkg'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [programs, open, join(dpkg, 'info')]) mkdirSync(path, { recursive: true })
  const sample = createHash('md5').update(readFileSync('/usr/bin/true')).digest('hex')
  const owned = ['packaged', 'changed'].map((name) => `${sample}  ${join(programs, name).slice(1)}\n`)
  writeFileSync(join(dpkg, 'info/cordon-sample.md5sums'), owned.join(''))
  writeFileSync(join(dpkg, 'status'), '')
  writeFileSync(
    join(stateDirectory, 'agent.conf'),
    `guard = ${programs} ${open}\nexecute = ${join(programs, 'listed')}\n`,
  )
  const setup = [
    'mount -t proc proc /proc',
    `mount -t tmpfs -o mode=755,size=16m cordon ${programs}`,
    `mount -t tmpfs -o mode=1777,nosuid,nodev,size=16m cordon ${open}`,
    `mount --bind ${dpkg} /var/lib/dpkg`,
    // Another boot each time, and never that of the machine: a server protects the host it runs on.
    `cat /proc/sys/kernel/random/uuid > ${folder}/boot && mount --bind ${folder}/boot /proc/sys/kernel/random/boot_id`,
    'echo ready',
    'exec sleep infinity',
  ].join(' && ')
  let inside = await openInside(t, setup)
  const host = openHost({ folder, programs, open, stateDirectory }, () => inside.pid)
  await fill(host)
  return {
    ...host,
    reboot: async () => {
      await inside.end()
      inside = await openInside(t, setup)
      await fill(host)
    },
  }
}

interface Inside {
  /** Number of the first process inside, as seen from outside. */
  readonly pid: number
  readonly end: () => Promise<unknown>
}

async function openInside(t: TestContext, setup: string): Promise<Inside> {
  // The kernel ends it with the test, however that ends.
  const apart = ['unshare', '-m', '-p', '-f', '--kill-child', '--propagation', 'private', 'sh', '-c', setup]
  const holder = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...apart], { stdio: ['ignore', 'pipe', 'inherit'] })
  const end = async (): Promise<unknown> => {
    // The first process of a process namespace takes all others with it.
    holder.kill('SIGKILL')
    return waitForEnd(holder)
  }
  onEnd(t, end)
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve())
    holder.once('exit', (code) => reject(new Error(`no namespace: ${code}`)))
  })
  const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8')
  return { pid: Number(children.trim().split(' ')[0]), end }
}

interface Places {
  readonly folder: string
  readonly programs: string
  readonly open: string
  readonly stateDirectory: string
}

function openHost(places: Places, pid: () => number): Omit<GuardedHost, 'reboot'> {
  const enter = (...words: string[]): string[] => ['-t', String(pid()), '-m', '-p', '--', ...words]
  const exec: GuardedHost['exec'] = (...words) =>
    new Promise((resolve) => {
      execFile('nsenter', enter(...words), { encoding: 'utf8', timeout: 60_000 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr })
      })
    })
  const start: GuardedHost['start'] = (...words) =>
    spawn('nsenter', enter(...words), { stdio: ['ignore', 'ignore', 'pipe'] })
  const { stateDirectory } = places
  return {
    ...places,
    exec,
    start,
    startAgent: (failpoint) => {
      const words = failpoint === undefined ? ['agent', 'run', '--state'] : ['die-at', failpoint]
      const agent = start(process.execPath, program, ...words, stateDirectory)
      agent.stderr?.resume()
      return agent
    },
    agent: (...words) => exec(process.execPath, program, 'agent', ...words),
    tries: async (path) => {
      const { code, stderr } = await exec('env', 'LC_ALL=C', 'sh', '-c', `exec ${path}`)
      if (code === 0) return 'ran'
      if (stderr.includes('Operation not permitted')) return 'denied'
      return stderr.includes('Permission denied') ? 'closed' : stderr
    },
    listMounts: async () => {
      const { stdout } = await exec('cat', '/proc/self/mountinfo')
      return stdout
        .split('\n')
        .filter((line) => line.includes(places.folder))
        .join('\n')
    },
    place: (path, tail = '') => {
      // Through the process inside: the file systems are nowhere else.
      const outside = `/proc/${pid()}/root${path}`
      copyFileSync('/usr/bin/true', outside)
      if (tail !== '') appendFileSync(outside, tail)
      chmodSync(outside, 0o755)
      return path
    },
    guardPid: () => {
      const [found] = readIfThere(join(stateDirectory, 'guard.pid')).split(' ')
      return found === '' ? undefined : Number(found)
    },
  }
}

async function fill({ programs, place, exec }: Omit<GuardedHost, 'reboot'>): Promise<void> {
  for (const name of ['packaged', 'listed', 'foreign']) place(join(programs, name), name === 'packaged' ? '' : name)
  place(join(programs, 'changed'), 'altered')
  await exec('sh', '-c', `printf '#!/bin/sh\\nexit 0\\n' > ${programs}/script.sh && chmod 755 ${programs}/script.sh`)
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** A guarded host with an enrolled, not yet running agent and a control server of its own. */
export interface GuardedEndpoint extends GuardedHost {
  readonly control: ControlServer
  /** Starts the agent and waits until the server heard of it. */
  readonly run: () => Promise<ChildProcess>
  /** Runs an agent until it kills itself at a failpoint. */
  readonly runDoomed: (failpoint: string) => Promise<NodeJS.Signals | null>
  /** Ends the agent. */
  readonly stop: (agent: ChildProcess, signal?: NodeJS.Signals) => Promise<void>
  readonly sendRestrict: (commandId: string, changes?: Partial<Command>) => void
  readonly restrict: (commandId: string, changes?: Partial<Command>) => Promise<CommandResult>
  readonly release: (commandId: string, changes?: Partial<Command>) => Promise<CommandResult>
  /** Resolves once the server was told of this kind of thing. */
  readonly told: (kind: string) => Promise<string>
}

/** Enrols the host's agent. @returns undefined when the test was skipped */
export async function createGuardedEndpoint(t: TestContext): Promise<GuardedEndpoint | undefined> {
  const host = await createGuardedHost(t)
  if (host === undefined) return undefined
  const { stateDirectory } = host
  const control = await createControlServer(t, ['127.0.0.1'])
  const server = `https://127.0.0.1:${control.port}`
  const enrol = ['enroll', '--server', server, '--token', control.enrolToken, '--ca', control.caFile]
  const enrolled = await host.agent(...enrol, '--state', stateDirectory)
  if (enrolled.code !== 0) throw new Error(`enrolment failed: ${enrolled.stderr}`)
  let seq = 0
  const { deviceId } = control
  const send = (commandId: string, body: Command['body'], changes: Partial<Command> = {}): void => {
    seq += 1
    sendCommand(control, makeCommand({ commandId, seq, family: 'restriction', body, ...changes }))
  }
  const sendRestrict: GuardedEndpoint['sendRestrict'] = (commandId, changes) =>
    send(commandId, writeRestrictAppExecution({ deviceId, durationMs: undefined }), changes)
  return {
    ...host,
    control,
    run: async () => {
      const heard = control.heartbeats.length
      const agent = host.startAgent()
      let log = ''
      agent.stderr?.on('data', (chunk) => {
        log += chunk
      })
      agent.once('exit', (code) => {
        if (code !== null && code !== 0) process.stderr.write(`agent ended with ${code}: ${log}\n`)
      })
      await control.until('first heartbeat', () => control.heartbeats.length > heard)
      return agent
    },
    runDoomed: (failpoint) => waitForEnd(host.startAgent(failpoint)),
    stop: async (agent, signal = 'SIGTERM') => {
      const [pid = ''] = readIfThere(join(stateDirectory, 'agent.lock')).split(' ')
      await host.exec('kill', `-${signal.slice(3)}`, pid)
      await waitForEnd(agent)
    },
    sendRestrict,
    restrict: (commandId, changes) => {
      sendRestrict(commandId, changes)
      return control.resultOf(commandId)
    },
    release: (commandId, changes) => {
      send(commandId, writeUnRestrictAppExecution({ deviceId }), changes)
      return control.resultOf(commandId)
    },
    told: async (kind) => {
      const find = () => control.heartbeats.flatMap(({ tamper }) => tamper).find((one) => one.kind === kind)
      await control.until(`report ${kind}`, () => find() !== undefined)
      return find()?.detail ?? ''
    },
  }
}

/** Waits until a condition holds, at most two minutes. */
export async function eventually(condition: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + 120_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('waited two minutes in vain')
    await sleep(50)
  }
}
