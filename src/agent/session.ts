import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { formatInstant, parseInstantMs } from '../protocol/instants.ts'
import { readPrivateKey, readPublicKey } from '../protocol/jws.ts'
import type { Heartbeat, HostFacts, Tamper } from '../protocol/messages.ts'
import { type AgentPolicy, openPolicy, POLICY_DAYS } from '../protocol/policy.ts'
import type { ActionDeps, IsolatedState, RestrictedState } from './actions/action.ts'
import { addressFamily, type Endpoint } from './actions/addresses.ts'
import { notIsolated, type ObservedIsolation, observeIsolation } from './actions/nftables.ts'
import { type Channel, openChannel } from './channel.ts'
import { type AgentConfig, readConfig } from './config.ts'
import { openGuardControl } from './guard/control.ts'
import type { AgentHost } from './host/agent-host.ts'
import { canDo, type HostCapabilities, probeCapabilities } from './host/capabilities.ts'
import { readBootId, readHostFacts } from './host/facts.ts'
import { listProcesses } from './host/processes.ts'
import { noteSeen } from './host/programs-seen.ts'
import { type Journal, openJournal } from './journal.ts'
import { createExclusive, type Exclusive } from './life/exclusive.ts'
import { openRuleKeeper, type RuleKeeper } from './rules/keeper.ts'
import {
  type Identity,
  openSequence,
  readControlAddresses,
  readIsolation,
  type StateDirectory,
  stateFiles,
  writeState,
} from './state.ts'
import { openTransport, readServerUrl, type Transport } from './transport.ts'

/** Everything a running agent holds open. */
export interface Session {
  readonly host: AgentHost
  readonly identity: Identity
  readonly config: AgentConfig
  readonly state: StateDirectory
  readonly journal: Journal
  readonly transport: Transport
  readonly channel: Channel
  capabilities: HostCapabilities
  /** Commands that are carried out beside the loop, by id. */
  readonly beside: Map<string, Promise<void>>
  /** Ids of commands the server let begin when it handed them out. What became of them goes with the next poll. */
  readonly given: Set<string>
  /** Fires when the agent ends. */
  readonly ending: AbortController
  readonly actions: ActionDeps
  readonly rules: RuleKeeper
  readonly findKey: (kid: string) => KeyObject | undefined
  /** Things to tell the server with the next heartbeat. */
  readonly tamper: Tamper[]
  /** Whatever reads or changes the firewall takes turns here: command, renewal and watch. */
  readonly exclusive: Exclusive
  /** Whatever starts or ends the guard takes turns here: a search for files must not keep a dead guard from being noticed. */
  readonly guardTurn: Exclusive
  /** Ends the held poll of the running turn when there is something to tell. */
  turn: AbortController
  /** How the last look found the restriction. */
  restriction: RestrictedState
  /** What of the guard's own words the server was told already. */
  readonly reported: Set<string>
  /** What heartbeats say about the host; see `refreshFacts`. */
  facts: HostFacts
  /** The signed policy in force; undefined when none was ever sent. */
  policy: AgentPolicy | undefined
}

/** The state directory does not hold an enrolled device, or not a whole one. */
export class NotEnrolled extends Error {
  constructor(directory: string, problem: string) {
    super(`${problem} in ${directory}; run "cordon agent enroll" first`)
    this.name = 'NotEnrolled'
  }
}

/**
 * Opens an enrolled device: keys, journal, channel, and what the host can do.
 * @param probes see `RunOptions.probes`
 * @throws NotEnrolled, ConfigError, DecodeError when a state file is damaged
 */
export async function openSession(
  host: AgentHost,
  state: StateDirectory,
  identity: Identity,
  configPath: string,
  probes: readonly Endpoint[],
): Promise<Session> {
  const keyPem = state.read(stateFiles.deviceKey)
  const ca = state.read(stateFiles.ca)
  if (keyPem === undefined || ca === undefined) throw new NotEnrolled(state.path, 'the key or the CA is missing')
  const written = readConfig(configPath)
  const config = probes.length === 0 ? written : { ...written, probes }
  const journal = openJournal(join(state.path, stateFiles.journal), () => formatInstant(host.clock.nowMs()))
  const capabilities = await probeCapabilities(host.run, host.uid, config)
  const transport = openTransport(identity.server, ca, {
    read: () => readControlAddresses(state),
    write: (addresses) => pinAddresses(state, addresses),
    onlyPinned: () => readIsolation(state) !== undefined,
  })
  const channel = openChannel({
    transport,
    deviceId: identity.deviceId,
    token: identity.token,
    key: readPrivateKey(keyPem),
    nextSeq: openSequence(state, host.clock.nowMs()),
    nowMs: host.clock.nowMs,
    runId: host.runId,
  })
  const keys = new Map(identity.commandKeys.map(({ kid, publicKey }) => [kid, readPublicKey(publicKey)]))
  const tamper = listDamage(journal, host.clock.nowMs())
  const findKey = (kid: string): KeyObject | undefined => keys.get(kid)
  const rules = openRuleKeeper({ run: host.run, clock: host.clock, state, log: host.log })
  const session: Session = {
    host,
    rules,
    identity,
    config,
    state,
    journal,
    transport,
    channel,
    capabilities,
    findKey,
    tamper,
    ...createMemory(),
    facts: await readHostFacts(host.run, identity.name ?? undefined),
    policy: readPolicy(state, findKey),
    actions: {
      run: host.run,
      clock: host.clock,
      sleep: host.sleep,
      state,
      config,
      deviceId: identity.deviceId,
      egressHook: capabilities.egressHook,
      guard: openGuardControl(state),
      serverName: readServerUrl(identity.server).hostname,
      sweepProcesses: rules.sweep,
      policy: () => session.policy,
      packages: channel.packages,
      resolveControl: () => resolveControl(identity, transport),
      probeControl: async (address, timeoutMs, observed) => {
        await channel.probe(writeHeartbeat(session, observed), address, timeoutMs)
      },
      failpoint: host.failpoint,
    },
  }
  return session
}

/** What a session begins with, whatever the host is like. */
function createMemory(): Pick<
  Session,
  'exclusive' | 'guardTurn' | 'turn' | 'restriction' | 'reported' | 'beside' | 'given' | 'ending'
> {
  return {
    exclusive: createExclusive(),
    guardTurn: createExclusive(),
    turn: new AbortController(),
    restriction: { restricted: false, restrictedUntil: null },
    reported: new Set(),
    beside: new Map(),
    given: new Set(),
    ending: new AbortController(),
  }
}

function listDamage({ damagedLines }: Journal, nowMs: number): Tamper[] {
  if (damagedLines === 0) return []
  return [{ kind: 'JournalDamaged', at: formatInstant(nowMs), detail: `${damagedLines} unreadable lines` }]
}

/** Closes what a session holds open. */
export function closeSession(session: Session): void {
  session.rules.close()
  session.transport.close()
  session.journal.close()
}

/**
 * Takes over a policy the server sent, unless its signature is wrong or it is older than the one in force.
 * @returns whether it counts now
 */
export function adoptPolicy(session: Session, jws: string): boolean {
  const policy = openPolicy(jws, session.findKey)
  const current = session.policy
  if (policy === undefined || (current !== undefined && policy.v < current.v)) {
    session.tamper.push({
      kind: policy === undefined ? 'BadPolicy' : 'OldPolicy',
      at: formatInstant(session.host.clock.nowMs()),
      detail: policy === undefined ? 'signature or form is wrong' : `version ${policy.v} after ${current?.v}`,
    })
    return false
  }
  if (policy.v !== current?.v || policy.notAfter > current.notAfter) session.state.write(stateFiles.policy, jws)
  session.policy = policy
  return true
}

/** The version to name when asking for a newer policy: 0, for any, when there is none or half of its time is over. */
export function nameHeldPolicy({ policy, host, channel }: Session): number {
  if (policy === undefined) return 0
  const leftMs = parseInstantMs(policy.notAfter) - host.clock.nowMs() - channel.serverOffsetMs()
  return leftMs < (POLICY_DAYS * 86_400_000) / 2 ? 0 : policy.v
}

/** Looks anew at what this host can do: a package may have come or gone. Every heartbeat tells it. */
export async function refreshCapabilities(session: Session): Promise<void> {
  const { host, config } = session
  const found = await probeCapabilities(host.run, host.uid, config)
  if (JSON.stringify(found.list) !== JSON.stringify(session.capabilities.list)) host.log('capabilities changed')
  session.capabilities = found
}

/** Reads our tables back, or says "not isolated" on a host that cannot isolate. */
export function observeHost(session: Session): Promise<ObservedIsolation> {
  return canDo(session.capabilities, 'isolateDevice')
    ? observeIsolation(session.host.run)
    : Promise.resolve(notIsolated)
}

/** Looks the facts up anew that heartbeats carry. */
export async function refreshFacts(session: Session): Promise<void> {
  noteSeen(session.state, listProcesses(), session.host.clock.nowMs())
  session.facts = await readHostFacts(session.host.run, session.identity.name ?? undefined)
}

/** Writes a heartbeat with the facts last looked up. */
export function writeHeartbeat(session: Session, isolation: IsolatedState): Heartbeat {
  const { host, journal, capabilities, tamper, facts, restriction } = session
  return {
    time: formatInstant(host.clock.nowMs()),
    bootId: readBootId(),
    agentVersion: host.agentVersion,
    journalDepth: journal.entries().filter(({ delivered }) => !delivered).length,
    host: facts,
    state: { ...isolation, ...restriction, iocVersion: journal.highestSeq('ioc') },
    capabilities: capabilities.list,
    tamper: tamper.slice(0, 100),
  }
}

function readPolicy(state: StateDirectory, findKey: (kid: string) => KeyObject | undefined): AgentPolicy | undefined {
  const jws = state.read(stateFiles.policy)
  return jws === undefined ? undefined : openPolicy(jws.trim(), findKey)
}

function pinAddresses(state: StateDirectory, addresses: readonly string[]): void {
  const sorted = [...addresses].sort()
  if (sorted.join() !== [...readControlAddresses(state)].join()) writeState(state, stateFiles.control, sorted)
}

async function resolveControl(identity: Identity, transport: Transport): Promise<readonly Endpoint[]> {
  const url = readServerUrl(identity.server)
  const port = Number(url.port === '' ? 443 : url.port)
  const addresses = (await transport.resolveServer()).filter((address) => addressFamily(address) !== undefined)
  return [...new Set(addresses)].sort().map((address) => ({ address, port }))
}
