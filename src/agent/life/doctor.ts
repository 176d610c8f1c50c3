import { statSync } from 'node:fs'
import { join } from 'node:path'
import { parseInstantMs } from '../../protocol/instants.ts'
import { readPublicKey } from '../../protocol/jws.ts'
import { openPolicy } from '../../protocol/policy.ts'
import { observeIsolation } from '../actions/nftables.ts'
import { type AgentConfig, ConfigError, defaultConfig, readConfig } from '../config.ts'
import { openGuardControl } from '../guard/control.ts'
import { readRestriction } from '../guard/record.ts'
import type { AgentHost } from '../host/agent-host.ts'
import { probeCapabilities } from '../host/capabilities.ts'
import { countDamage } from '../journal.ts'
import {
  type Identity,
  openStateDirectory,
  readControlAddresses,
  readIdentity,
  readIsolation,
  type StateDirectory,
  stateFiles,
} from '../state.ts'
import { ChannelError, openTransport } from '../transport.ts'
import { isLocked } from './lock.ts'

/** One thing that was looked at. */
export interface Finding {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** What to do about it; null when nothing has to be done. */
  readonly fix: string | null
}

const CONTACT_TIMEOUT_MS = 5_000
const MAX_CLOCK_OFFSET_MS = 60_000

/** Looks at everything the agent needs on this host, and changes nothing. */
export async function examineHost(
  host: AgentHost,
  stateDirectory: string,
  configDirectory: string,
): Promise<readonly Finding[]> {
  const state = openStateDirectory(stateDirectory)
  const identity = readIdentity(state)
  const findings = [
    good('root', host.uid === 0, `user ${host.uid}`, 'run as root'),
    describeDirectory(stateDirectory),
    describeConfig(join(configDirectory, 'agent.conf')),
    ...(await describeCapabilities(host, join(configDirectory, 'agent.conf'))),
  ]
  if (identity === undefined) {
    return [...findings, good('enrolled', false, 'no device in the state directory', 'cordon agent enroll')]
  }
  return [
    ...findings,
    good('enrolled', true, `${identity.deviceId} since ${identity.enrolledAt}`, ''),
    good('running', isLocked(state), isLocked(state) ? 'yes' : 'no', 'systemctl start cordon-agent'),
    describeJournal(stateDirectory),
    describePolicy(host, state, identity),
    ...(await describeContact(host, state, identity)),
    ...(await describeIsolation(host, state)),
    ...(await describeGuard(host, state)),
  ]
}

function good(name: string, ok: boolean, detail: string, fix: string): Finding {
  return { name, ok, detail, fix: ok ? null : fix }
}

function describeDirectory(path: string): Finding {
  try {
    const mode = statSync(path).mode & 0o777
    return good('state directory', mode === 0o700, `${path} has mode ${mode.toString(8)}`, `chmod 700 ${path}`)
  } catch {
    return good('state directory', false, `${path} is not there or not readable`, 'cordon agent enroll makes it')
  }
}

function describeConfig(path: string): Finding {
  try {
    const { allow } = readConfig(path)
    return good('agent.conf', true, `allows ${[...allow].join(' ')}`, '')
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return good('agent.conf', false, error.message, `edit ${path}`)
  }
}

async function describeCapabilities(host: AgentHost, configPath: string): Promise<readonly Finding[]> {
  const { list, egressHook } = await probeCapabilities(host.run, host.uid, readUsable(configPath))
  const restriction = list.find(({ actionType }) => actionType === 'restrictAppExecution')
  const isolation = list.find(({ actionType }) => actionType === 'isolateDevice')
  const quarantine = list.find(({ actionType }) => actionType === 'stopAndQuarantineFile')
  const able = list.filter(({ supported }) => supported).map(({ actionType }) => actionType)
  return [
    good('isolation', isolation?.supported === true, isolation?.reason ?? 'possible', 'apt-get install nftables'),
    good(
      'raw sockets',
      egressHook,
      egressHook ? 'covered' : 'no netfilter egress hook',
      'use a kernel of 5.16 or newer',
    ),
    good('execution guard', restriction?.supported === true, restriction?.reason ?? 'possible', 'see the reason'),
    good('quarantine', quarantine?.supported === true, quarantine?.reason ?? 'possible', 'apt-get install attr'),
    good('actions', able.length > 0, able.join(' '), 'see: cordon agent status'),
  ]
}

/** The file itself is a finding of its own. */
function readUsable(path: string): AgentConfig {
  try {
    return readConfig(path)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return defaultConfig
  }
}

async function describeGuard(host: AgentHost, state: StateDirectory): Promise<readonly Finding[]> {
  if (host.uid !== 0) return []
  const guard = await openGuardControl(state).ask()
  const wanted = readRestriction(state) !== undefined
  const seen =
    typeof guard === 'string'
      ? `guard ${guard}`
      : `process ${guard.pid} guards ${guard.marked.length} file systems, ${guard.denied} programs denied, ${guard.late} late`
  const same = wanted === (typeof guard === 'object')
  const detail = same ? (wanted ? seen : 'not restricted') : `${seen}, which is not what is recorded`
  return [good('restriction now', same, detail, 'start the agent')]
}

function describeJournal(stateDirectory: string): Finding {
  const path = join(stateDirectory, stateFiles.journal)
  const { lines, damaged } = countDamage(path)
  return good('journal', damaged === 0, `${lines} lines, ${damaged} damaged`, `keep a copy of ${path} and report it`)
}

function describePolicy(host: AgentHost, state: StateDirectory, identity: Identity): Finding {
  const keys = new Map(identity.commandKeys.map(({ kid, publicKey }) => [kid, readPublicKey(publicKey)]))
  const jws = state.read(stateFiles.policy)
  const policy = jws === undefined ? undefined : openPolicy(jws.trim(), (kid) => keys.get(kid))
  if (policy === undefined) return good('policy', false, 'none that is signed by the server', 'let the agent reach it')
  const valid = parseInstantMs(policy.notAfter) > host.clock.nowMs()
  return good('policy', valid, `version ${policy.v}, until ${policy.notAfter}`, 'let the agent reach the server')
}

async function describeContact(
  host: AgentHost,
  state: StateDirectory,
  identity: Identity,
): Promise<readonly Finding[]> {
  const ca = state.read(stateFiles.ca)
  if (ca === undefined) return [good('server', false, 'the CA is missing', 'enrol this host anew')]
  const transport = openTransport(identity.server, ca, {
    read: () => readControlAddresses(state),
    write: () => {},
    onlyPinned: () => readIsolation(state) !== undefined,
  })
  try {
    const asked = { method: 'GET', pathAndQuery: '/healthz', headers: {}, body: '' }
    const answer = await transport.send({ ...asked, timeoutMs: CONTACT_TIMEOUT_MS, maxAnswerBytes: 65_536 })
    const offsetMs = answer.dateMs === undefined ? 0 : answer.dateMs - host.clock.nowMs()
    return [
      good('server', answer.status === 200, `${identity.server} answers ${answer.status}`, 'look at the server'),
      good(
        'clock',
        Math.abs(offsetMs) < MAX_CLOCK_OFFSET_MS,
        `${Math.round(offsetMs / 1000)} s behind the server`,
        'set the clock of this host',
      ),
    ]
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error
    return [good('server', false, `${identity.server}: ${error.message}`, 'check name, route, firewall and CA')]
  } finally {
    transport.close()
  }
}

async function describeIsolation(host: AgentHost, state: StateDirectory): Promise<readonly Finding[]> {
  if (host.uid !== 0) return []
  const observed = await observeIsolation(host.run)
  const record = readIsolation(state)
  const same = observed.isolated === (record !== undefined)
  const detail = observed.isolated ? `${observed.mode}, ${observed.remainingSeconds} s left` : 'not isolated'
  return [good('isolation now', same, same ? detail : `${detail}, which is not what is recorded`, 'start the agent')]
}
