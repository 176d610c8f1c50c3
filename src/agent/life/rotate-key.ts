import { setTimeout as sleep } from 'node:timers/promises'
import { sha256Hex } from '../../protocol/canonical.ts'
import { decode, nullable, object, parseJson } from '../../protocol/decode.ts'
import { formatInstant, instant, parseInstantMs } from '../../protocol/instants.ts'
import { makeKeyPair, readPrivateKey, writePublicKey } from '../../protocol/jws.ts'
import type { AgentHost } from '../host/agent-host.ts'
import { closeSession, NotEnrolled, openSession, type Session } from '../session.ts'
import { openStateDirectory, readIdentity, type StateDirectory, stateFiles, writeState } from '../state.ts'
import { isLocked, takeLock } from './lock.ts'

/** How old the device key is, and when the server last said no to another. */
interface KeyAge {
  readonly since: string
  readonly refusedAt: string | null
}

const decodeKeyAge = object<KeyAge>({ since: instant, refusedAt: nullable(instant) })
const dayMs = 86_400_000
const patienceMs = 60_000

/**
 * Puts a new device key in the place of the old one, when the old one has reached the age the policy allows, when somebody asked for it on
 * this host or at the server, or when an earlier attempt was cut off. The new key is on the disk before the server hears of it, and the old one stays until
 * the server has said yes: whenever the agent is killed, one of the two counts, and the next run finds out which.
 * @throws ChannelError when no usable answer came; it is tried again
 */
export async function settleKey(session: Session): Promise<void> {
  const { state, host, channel } = session
  const pending = state.read(stateFiles.nextKey)
  if (pending === undefined) {
    if (!isKeyWanted(state) && !isDue(session)) return
    // What is being sent beside the loop is signed with the key of now.
    if (session.beside.size > 0) return
  }
  const pem = pending ?? makeKeyPair().privateKeyPem
  if (pending === undefined) state.write(stateFiles.nextKey, pem)
  host.failpoint('key-made')
  const now = formatInstant(host.clock.nowMs())
  if (pem !== state.read(stateFiles.deviceKey)) {
    const delivery = await channel.rotateKey(readPrivateKey(pem))
    host.failpoint('key-taken')
    if (delivery.kind === 'refused') {
      host.log('new device key refused', { status: delivery.status, code: delivery.code })
      writeState(state, stateFiles.keyAge, { since: readSince(session), refusedAt: now })
      endAttempt(state)
      return
    }
    state.write(stateFiles.deviceKey, pem)
    host.failpoint('key-written')
  }
  writeState(state, stateFiles.keyAge, { since: now, refusedAt: null })
  endAttempt(state)
  host.log('device key rotated', { key: nameKey(pem) })
}

/** True when somebody on this host asks for a new key and nothing stands against it. Cheap: asked once a second. */
export function hasKeyWork(session: Session): boolean {
  return session.beside.size === 0 && isKeyWanted(session.state)
}

/** What became of a rotation somebody asked for on the host. */
export type RotationOutcome =
  | { readonly rotated: true; readonly key: string }
  | { readonly rotated: false; readonly reason: string }

/**
 * `cordon agent rotate-key`: asks the agent that runs on this host, or does it here when none does.
 * @throws NotEnrolled; ChannelError when no agent runs and the server does not answer
 */
export async function rotateKeyOnHost(
  host: AgentHost,
  stateDirectory: string,
  configPath: string,
): Promise<RotationOutcome> {
  const state = openStateDirectory(stateDirectory)
  const identity = readIdentity(state)
  if (identity === undefined) throw new NotEnrolled(state.path, 'no device')
  const before = state.read(stateFiles.deviceKey)
  state.write(stateFiles.keyWanted, `${formatInstant(host.clock.nowMs())}\n`)
  if (isLocked(state)) {
    const deadlineMs = host.clock.elapsedMs() + patienceMs
    while (isKeyWanted(state) && host.clock.elapsedMs() < deadlineMs) await sleep(200)
    if (isKeyWanted(state)) {
      return { rotated: false, reason: 'the agent has not done it yet; it will when it has reached its server' }
    }
  } else {
    const giveBack = takeLock(state, host.pid)
    try {
      const session = await openSession(host, state, identity, configPath, [])
      try {
        await settleKey(session)
      } finally {
        closeSession(session)
      }
    } finally {
      giveBack()
    }
  }
  const after = state.read(stateFiles.deviceKey)
  if (after === undefined || after === before) return { rotated: false, reason: 'the server refused the new key' }
  return { rotated: true, key: nameKey(after) }
}

/** Takes an order of the server to make another key; it is done with the next turn, or when what runs beside it has ended. */
export function noteKeyOrder({ state, host }: Session): void {
  if (isKeyWanted(state)) return
  state.write(stateFiles.keyWanted, `${formatInstant(host.clock.nowMs())}\n`)
  host.log('the server wants another device key')
}

/** True while another key is asked for and has not been made. */
export function isKeyWanted(state: StateDirectory): boolean {
  return state.read(stateFiles.keyWanted) !== undefined
}

function isDue(session: Session): boolean {
  const { policy, host } = session
  if (policy?.keyDays === undefined) return false
  const nowMs = host.clock.nowMs()
  const refusedAt = readAge(session.state)?.refusedAt
  if (typeof refusedAt === 'string' && nowMs - parseInstantMs(refusedAt) < dayMs) return false
  return nowMs - parseInstantMs(readSince(session)) >= policy.keyDays * dayMs
}

function readSince({ state, identity }: Session): string {
  return readAge(state)?.since ?? identity.enrolledAt
}

function readAge(state: StateDirectory): KeyAge | undefined {
  const content = state.read(stateFiles.keyAge)
  return content === undefined ? undefined : decode(decodeKeyAge, parseJson(content, 1024))
}

function endAttempt(state: StateDirectory): void {
  state.remove(stateFiles.nextKey)
  if (isKeyWanted(state)) state.remove(stateFiles.keyWanted)
}

/** Enough to tell keys apart; the audit log of the server names them the same way. */
function nameKey(pem: string): string {
  return `sha256:${sha256Hex(writePublicKey(readPrivateKey(pem))).slice(0, 16)}`
}
