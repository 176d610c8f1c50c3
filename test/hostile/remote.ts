import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ending, onEnd } from '../support/cleanup.ts'
import { type Cordon, speakTo } from '../support/cordon.ts'
import { type DatabaseKind, makeMigratedDatabase } from '../support/databases.ts'
import { findFreePort } from '../support/postgres.ts'
import { shareCordon } from '../support/shared-cordon.ts'

const cli = join(import.meta.dirname, '../../src/cli/main.ts')

/** A server in a process of its own, over TLS, that may be killed and started again. */
export interface RemoteServer {
  readonly cordon: Cordon
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  /** Starts it again at the same place and waits until it listens. */
  start(): Promise<void>
}

/** Where a remote server runs, when that is not simply beside the test. */
export interface Place {
  readonly host: string
  readonly port: number
  /** Further arguments of `cordon serve`. */
  readonly options: readonly string[]
  readonly spawn: (program: string, ...args: string[]) => ChildProcess
}

/** Starts a server on a data folder of its own; it ends with the test. */
export async function startRemote(t: Ending, kind: DatabaseKind, place?: Place): Promise<RemoteServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'cordon-remote-'))
  onEnd(t, () => rmSync(dataDir, { recursive: true, force: true }))
  const database = kind === 'postgres' ? await makeMigratedDatabase(t, 'postgres') : undefined
  const { host, port, options, spawn: spawnServer } = place ?? (await beside())
  const url = `https://${host}:${port}`
  const where = ['--data', dataDir, '--host', host, '--port', String(port)]
  const args = [cli, 'serve', ...where, ...(database === undefined ? [] : ['--database', database]), ...options]
  let child: ChildProcess | null = null
  const start = async (): Promise<void> => {
    child = spawnServer(process.execPath, ...args)
    await untilListening(child)
  }
  const kill = async (): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  onEnd(t, kill)
  await start()
  // Which operations there are is the same everywhere.
  const { routes } = (await shareCordon()).server
  const running = { url, caPath: join(dataDir, 'tls/ca.crt'), signInUrl: null, routes, stop: kill }
  return { cordon: await speakTo(t, running, dataDir, database), kill, start }
}

async function beside(): Promise<Place> {
  const port = await findFreePort()
  return { host: 'localhost', port, options: [], spawn: (program, ...args) => spawn(program, args) }
}

function untilListening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    const read = (chunk: Buffer): void => {
      log = (log + chunk.toString()).slice(-10_000)
      if (log.includes('"msg":"listening"')) resolve()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', (code, signal) => reject(new Error(`the server ended with ${code ?? signal}: ${log}`)))
  })
}
