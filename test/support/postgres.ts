import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Debian's folder of PostgreSQL 15 programs. */
export const binaries = '/usr/lib/postgresql/15/bin'

/** For a cluster whose folder ends with it: what it writes outlives its crash all the same, and a power cut takes the tests as well. */
const unsynced = ['-c', 'fsync=off', '-c', 'full_page_writes=off']

/** A PostgreSQL cluster of the tests' own, in a temporary folder. */
export interface Cluster {
  /** `postgres://...` of the maintenance database. */
  readonly url: string
  readonly port: number
  /** Process id of the postmaster, for fault tests. */
  readonly pid: number
  /** Ends it at once, without a checkpoint: `pg_ctl stop -m immediate`. */
  crash(): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts PostgreSQL from Debian's binaries on a free loopback port, as a user that is not root. Its default collation is a linguistic one,
 * so that a query that leans on byte order without saying so fails here.
 * @param kept an existing folder to keep it in, for the next start; a temporary one without
 * @param fixedPort the port of an earlier start, for clients that come back
 */
export async function startPostgres(kept?: string, fixedPort?: number): Promise<Cluster> {
  if (!existsSync(binaries)) throw new Error('PostgreSQL 15 is missing: apt-get install postgresql-15')
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'cordon-postgres-'))
  const owner = process.getuid?.() === 0 ? readUser('postgres') : null
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  const as = owner ?? {}
  const locale = ['--encoding=UTF8', '--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en-US', '--no-sync']
  if (!existsSync(data)) {
    await run(join(binaries, 'initdb'), ['-D', data, '-U', 'cordon', '-A', 'trust', ...locale], as)
  }
  const port = fixedPort ?? (await findFreePort())
  const settings = [
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `unix_socket_directories=${folder}`,
    '-c',
    'max_connections=200',
    ...(kept === undefined ? unsynced : []),
  ]
  const child = spawn(join(binaries, 'postgres'), ['-D', data, '-p', String(port), ...settings], {
    ...as,
    stdio: 'ignore',
  })
  await waitUntilReady(child, port, as)
  return {
    url: `postgres://cordon@127.0.0.1:${port}/postgres`,
    port,
    pid: child.pid ?? 0,
    crash: () => stopChild(child, 'SIGQUIT'),
    stop: async () => {
      await stopChild(child, 'SIGINT')
      if (kept === undefined) rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function waitUntilReady(child: ChildProcess, port: number, as: object): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended with ${child.exitCode} before it was ready`)
    try {
      await run(join(binaries, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], as)
      return
    } catch (cause) {
      if (Date.now() > deadline) throw new Error('PostgreSQL was not ready within 60 s', { cause })
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** Sends a signal and waits for the end. */
export async function stopChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(signal)
  await ended
}

/** How many ports below those the kernel gives out are drawn from. */
const drawnPorts = 12_000

/**
 * A port nobody listens on right now, at any address. It is none of those that the kernel gives out by itself: a server that is killed and
 * started again finds it free still, whatever else begins on the machine meanwhile.
 */
export async function findFreePort(): Promise<number> {
  const [first = 32_768] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/).map(Number)
  for (let tries = 0; tries < 100; tries++) {
    const port = first - 1 - Math.floor(Math.random() * drawnPorts)
    if (port > 1_024 && (await isFree(port))) return port
  }
  throw new Error(`no free port below ${first}`)
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    // Without an address: those of both families, and the wildcard.
    server.listen(port, () => server.close(() => resolve(true)))
  })
}

function readUser(name: string): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  const fields = line?.split(':')
  if (!fields?.[2] || !fields[3]) throw new Error(`there is no user '${name}' to run PostgreSQL as`)
  return { uid: Number(fields[2]), gid: Number(fields[3]) }
}
