import { rmSync } from 'node:fs'
import { createConnection, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { DecodeError, decode, integer, list, object, parseJson, text } from '../../protocol/decode.ts'
import { instant } from '../../protocol/instants.ts'
import { stateFiles } from '../state.ts'

/** A program that was kept from starting. */
export interface Denial {
  readonly path: string
  /** User who wanted to start it; -1 when the process was gone. */
  readonly uid: number
  readonly count: number
  readonly lastAt: string
}

/** What the guard says of itself. */
export interface GuardStatus {
  readonly pid: number
  /** Mount points of the file systems it watches. */
  readonly marked: readonly string[]
  /** Those it was to watch and cannot, with the reason. */
  readonly unmarked: readonly string[]
  readonly allowed: number
  readonly denied: number
  /** Allowed because no answer was found in time. */
  readonly late: number
  /** The last of them by program, at most {@link MAX_DENIALS}. */
  readonly denials: readonly Denial[]
}

/** How many programs are named. */
export const MAX_DENIALS = 100

const count = integer(0, Number.MAX_SAFE_INTEGER)

const decodeStatus = object<GuardStatus>({
  pid: integer(1, 2 ** 31),
  marked: list(text(4096), 100_000),
  unmarked: list(text(5000), 100_000),
  allowed: count,
  denied: count,
  late: count,
  denials: list(object<Denial>({ path: text(8192), uid: integer(-1, 2 ** 32), count, lastAt: instant }), MAX_DENIALS),
})

/** Answers everybody who connects with the status, one JSON document each. */
export async function serveStatus(stateDirectory: string, describe: () => GuardStatus): Promise<Server> {
  const path = join(stateDirectory, stateFiles.guardSocket)
  rmSync(path, { force: true })
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(JSON.stringify(describe()))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  return server
}

const MAX_STATUS_BYTES = 4 * 1024 * 1024

/**
 * Asks the guard how it stands.
 * @returns `dead` when none listens; `silent` when one does and says nothing usable in time: every start of a program waits for it
 */
export function askGuard(stateDirectory: string, timeoutMs = 3_000): Promise<GuardStatus | 'dead' | 'silent'> {
  return new Promise((resolve) => {
    const socket = createConnection(join(stateDirectory, stateFiles.guardSocket))
    const chunks: Buffer[] = []
    let connected = false
    const end = (answer: GuardStatus | 'dead' | 'silent'): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => end('silent'), timeoutMs)
    socket.once('connect', () => {
      connected = true
    })
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    // Reset on the way: it ended while it was asked.
    socket.once('error', () => end('dead'))
    socket.once('end', () => end(connected ? readStatus(Buffer.concat(chunks)) : 'dead'))
  })
}

function readStatus(bytes: Buffer): GuardStatus | 'silent' {
  try {
    return decode(decodeStatus, parseJson(bytes.toString('utf8'), MAX_STATUS_BYTES))
  } catch (error) {
    if (error instanceof DecodeError) return 'silent'
    throw error
  }
}
