import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../../bin/cordon.js', import.meta.url))

/** Runs one `cordon` command and answers what it printed. @throws Error with its error output when it fails */
export function runCordon(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [cli, ...args],
      { encoding: 'utf8', timeout: 600_000, maxBuffer: 1 << 24 },
      (error, out, err) => {
        if (error) reject(new Error(`cordon ${args[0]} ${args[1] ?? ''}: ${err.trim() || error.message}`))
        else resolve(out)
      },
    )
  })
}

/** The command line that runs `cordon` with this very Node. */
export function cordonCommand(...args: string[]): [string, ...string[]] {
  return [process.execPath, cli, ...args]
}

/** A started server and where it listens. */
export interface ServerProcess {
  readonly child: ChildProcess
  readonly url: string
  readonly ca: string
}

/** Starts `cordon serve` and waits for its listening line. */
export async function startServerProcess(dataDir: string, host: string): Promise<ServerProcess> {
  const [program, ...args] = cordonCommand('serve', '--data', dataDir, '--host', host, '--port', '0')
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  const lines = createInterface({ input: child.stdout })
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${complaint.trim()}`)))
    lines.on('line', (line) => {
      const entry: unknown = JSON.parse(line)
      if (isListening(entry)) resolve({ child, url: entry.url, ca: entry.ca })
    })
  })
}

function isListening(
  entry: unknown,
): entry is { readonly msg: 'listening'; readonly url: string; readonly ca: string } {
  return typeof entry === 'object' && entry !== null && 'msg' in entry && entry.msg === 'listening'
}

/** Asks a child to end, waits, and ends it the hard way after 10 s. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(timer)
}
