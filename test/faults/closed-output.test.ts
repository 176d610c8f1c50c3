import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { onEnd } from '../support/cleanup.ts'

const cli = join(import.meta.dirname, '../../src/cli/main.ts')
/** Far beyond what a busy machine takes to stop, and far from never. */
const stopWithinMs = 60_000

/** Starts a server on a folder of its own and waits until it listens. @returns it and its origin */
async function startServer(t: TestContext): Promise<{ readonly child: ChildProcess; readonly origin: string }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'cordon-output-'))
  onEnd(t, () => rmSync(dataDir, { recursive: true, force: true }))
  const options = ['--data', dataDir, '--host', '127.0.0.1', '--port', '0', '--http']
  const env = { ...process.env, CORDON_LOG_LEVEL: 'trace', CORDON_FAILPOINT: '' }
  const child = spawn(process.execPath, [cli, 'serve', ...options], { stdio: ['ignore', 'pipe', 'pipe'], env })
  onEnd(t, () => child.kill('SIGKILL'))
  let [log, told] = ['', '']
  child.stderr.on('data', (chunk: Buffer) => {
    told += chunk.toString()
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      log += chunk.toString()
      if (log.includes('"msg":"listening"')) resolve()
    })
    child.once('exit', (code, signal) => reject(new Error(`the server ended with ${code ?? signal}: ${log}${told}`)))
  })
  return { child, origin: /"url":"([^"]+)"/.exec(log)?.[1] ?? '' }
}

/** Waits for the end of a process. @returns its exit code, the signal that ended it, or that it has not ended in time */
function endOf(child: ChildProcess): Promise<number | string | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`still running after ${stopWithinMs} ms`), stopWithinMs)
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      resolve(code ?? signal)
    })
  })
}

for (const closed of [['stdout'], ['stderr'], ['stdout', 'stderr']] as const) {
  test(`a server whose ${closed.join(' and ')} nobody reads any more goes on, and stops on SIGTERM`, async (t) => {
    const { child, origin } = await startServer(t)
    for (const name of closed) child[name]?.destroy()
    // A refused token is a line of log in the server; writing it fails from now on.
    const refused = await fetch(`${origin}/v1.0/security/incidents`, { headers: { authorization: 'Bearer x.y.z' } })
    const alive = await fetch(`${origin}/healthz`)
    const ended = endOf(child)

    child.kill('SIGTERM')
    const code = await ended

    assert.deepEqual([refused.status, alive.status], [401, 200])
    assert.equal(code, 0)
  })
}
