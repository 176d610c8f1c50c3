import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatInstant } from '../protocol/instants.ts'
import { makeKeyPair, readPrivateKey, writePublicKey } from '../protocol/jws.ts'
import type { Endpoint } from './actions/addresses.ts'
import { notIsolated, observeIsolation } from './actions/nftables.ts'
import { sendEnrollment } from './channel.ts'
import { openGuardControl } from './guard/control.ts'
import { readRestriction } from './guard/record.ts'
import type { AgentHost } from './host/agent-host.ts'
import { canDo, probeCapabilities } from './host/capabilities.ts'
import { readHostFacts } from './host/facts.ts'
import { readJournal } from './journal.ts'
import { endBeside } from './life/beside.ts'
import { takeLock } from './life/lock.ts'
import { type Restoration, restoreIsolation } from './life/restore.ts'
import { type RestrictionCare, restoreRestriction, watchRestriction } from './life/restriction.ts'
import { startWatch } from './life/settle.ts'
import { recoverCommands, runLoop, runOnce } from './loop.ts'
import { closeSession, NotEnrolled, openSession } from './session.ts'
import {
  type Identity,
  makeStateDirectory,
  openStateDirectory,
  readIdentity,
  readIsolation,
  stateFiles,
  writeState,
} from './state.ts'
import { openTransport, readServerUrl } from './transport.ts'

/** Where the agent keeps what it must remember. */
export const DEFAULT_STATE_DIRECTORY = '/var/lib/cordon'

/** Where the owner's `agent.conf` lies. */
export const DEFAULT_CONFIG_DIRECTORY = '/etc/cordon'

/** What an enrolment needs. */
export interface EnrollOptions {
  /** `https://host:port`. */
  readonly server: string
  /** One-time token. */
  readonly token: string
  /** File with the PEM of the server's certificate authority; from now on the only one that counts. */
  readonly caFile: string
  readonly stateDirectory: string
  /** Host name to report instead of the system's. */
  readonly name: string | undefined
}

/** This state directory already belongs to a device. */
export class AlreadyEnrolled extends Error {
  constructor(directory: string, deviceId: string) {
    super(`${directory} already holds device ${deviceId}; remove the directory to enrol this host anew`)
    this.name = 'AlreadyEnrolled'
  }
}

/**
 * Makes the device key on this host, enrols it and keeps what the server answered. An interrupted enrolment leaves the key behind and
 * may be repeated with a new token.
 * @returns the new device's id
 * @throws AlreadyEnrolled, EnrollmentRefused, ChannelError
 */
export async function enrollAgent(host: AgentHost, options: EnrollOptions): Promise<string> {
  makeStateDirectory(options.stateDirectory)
  const state = openStateDirectory(options.stateDirectory)
  const existing = readIdentity(state)
  if (existing !== undefined) throw new AlreadyEnrolled(state.path, existing.deviceId)
  const ca = readFileSync(options.caFile, 'utf8')
  const server = readServerUrl(options.server).origin
  const keyPem = state.read(stateFiles.deviceKey) ?? makeKeyPair().privateKeyPem
  state.write(stateFiles.deviceKey, keyPem)
  const key = readPrivateKey(keyPem)
  const facts = await readHostFacts(host.run, options.name)
  const capabilities = await probeCapabilities(host.run, host.uid)
  let pinned: readonly string[] = []
  const transport = openTransport(server, ca, {
    read: () => pinned,
    write: (addresses) => {
      pinned = addresses
    },
    onlyPinned: () => false,
  })
  try {
    const answer = await sendEnrollment(transport, options.token, key, {
      hostname: facts.hostname,
      publicKey: writePublicKey(key),
      machineId: facts.machineId,
      os: facts.os,
      agentVersion: host.agentVersion,
      capabilities: capabilities.list,
    })
    state.write(stateFiles.ca, ca)
    if (answer.policy !== null) state.write(stateFiles.policy, answer.policy)
    writeState(state, stateFiles.control, [...pinned].sort())
    const identity: Identity = {
      server,
      deviceId: answer.deviceId,
      token: answer.token,
      commandKeys: answer.commandKeys,
      pollSeconds: answer.pollSeconds,
      name: options.name ?? null,
      enrolledAt: formatInstant(host.clock.nowMs()),
      breakGlass: answer.breakGlass,
    }
    // Last, because its presence is what makes the host enrolled.
    writeState(state, stateFiles.identity, identity)
    return answer.deviceId
  } finally {
    transport.close()
  }
}

/** How an agent is run. */
export interface RunOptions {
  readonly stateDirectory: string
  readonly configDirectory: string
  /** One turn instead of running until the signal. */
  readonly once: boolean
  /** Probe addresses in place of those of agent.conf; empty: those of agent.conf. */
  readonly probes: readonly Endpoint[]
  readonly signal: AbortSignal
}

/**
 * Runs the agent: finishes what was begun before, then talks to the server until the signal fires. What it did to the host stays.
 * @throws NotEnrolled, AlreadyRunning, ConfigError; with `once` also ChannelError
 */
export async function runAgent(host: AgentHost, options: RunOptions): Promise<void> {
  const state = openStateDirectory(options.stateDirectory)
  const identity = readIdentity(state)
  if (identity === undefined) throw new NotEnrolled(state.path, 'no device')
  const giveBack = takeLock(state, host.pid)
  try {
    const configPath = join(options.configDirectory, 'agent.conf')
    const session = await openSession(host, state, identity, configPath, options.probes)
    try {
      host.log('agent started', { deviceId: identity.deviceId, server: identity.server, version: host.agentVersion })
      await recoverCommands(session)
      if (options.once) return await runOnce(session, options.signal)
      const ends = [startWatch(session), watchRestriction(session)]
      try {
        await runLoop(session, options.signal)
      } finally {
        for (const end of ends) end()
      }
    } finally {
      await endBeside(session)
      closeSession(session)
    }
  } finally {
    giveBack()
  }
}

/**
 * Starts the guard of before a reboot again. Run by the boot; needs no server and no enrolled device.
 * @throws GuardError, MountError
 */
export async function restoreGuardAfterBoot(host: AgentHost, stateDirectory: string): Promise<RestrictionCare> {
  const state = openStateDirectory(stateDirectory)
  return restoreRestriction({ run: host.run, clock: host.clock, state, guard: openGuardControl(state) })
}

/**
 * Loads the isolation of before a reboot again, for the time it has left. Run by the boot before any network is up; needs no server and no
 * enrolled device.
 * @throws RulesetError
 */
export async function restoreAfterBoot(host: AgentHost, stateDirectory: string): Promise<Restoration> {
  const state = openStateDirectory(stateDirectory)
  // Most hosts are not isolated, and their boot must not depend on nft.
  if (readIsolation(state) === undefined) return { kind: 'none' }
  const { egressHook } = await probeCapabilities(host.run, host.uid)
  return restoreIsolation({ run: host.run, clock: host.clock, state, egressHook })
}

/** What `cordon agent status` shows. */
export interface AgentStatus {
  readonly enrolled: boolean
  readonly deviceId: string | null
  readonly server: string | null
  readonly enrolledAt: string | null
  readonly isolated: boolean
  readonly mode: string | null
  readonly until: string | null
  /** A guard watches the start of programs. */
  readonly restricted: boolean
  readonly restrictedUntil: string | null
  /** Commands whose result the server has not acknowledged. */
  readonly undelivered: number
  readonly capabilities: readonly {
    readonly actionType: string
    readonly supported: boolean
    readonly reason?: string
  }[]
}

/** Reads the state of this host without talking to the server. */
export async function readStatus(host: AgentHost, stateDirectory: string): Promise<AgentStatus> {
  const state = openStateDirectory(stateDirectory)
  const identity = readIdentity(state)
  const capabilities = await probeCapabilities(host.run, host.uid)
  const guard = await openGuardControl(state).ask()
  const restricted = typeof guard === 'object'
  const observed = canDo(capabilities, 'isolateDevice') ? await observeIsolation(host.run) : notIsolated
  return {
    enrolled: identity !== undefined,
    deviceId: identity?.deviceId ?? null,
    server: identity?.server ?? null,
    enrolledAt: identity?.enrolledAt ?? null,
    isolated: observed.isolated,
    mode: observed.mode,
    until: observed.isolated ? (readIsolation(state)?.until ?? null) : null,
    restricted,
    restrictedUntil: restricted ? (readRestriction(state)?.until ?? null) : null,
    undelivered: readJournal(join(stateDirectory, stateFiles.journal)).filter(({ delivered }) => !delivered).length,
    capabilities: capabilities.list,
  }
}
