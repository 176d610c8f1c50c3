import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApplication } from '../../src/access/applications.ts'
import { ensureFirstTenant } from '../../src/access/tenants.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { databaseFile } from '../../src/io/data-dir.ts'
import { openStore } from '../../src/store/db.ts'
import { createSource, openTally, type Run, runEach, runMeasured } from './campaign.ts'
import { createDice } from './dice.ts'
import { type FuzzInput, writeRequest } from './input.ts'
import { type FuzzAnswer, findFault } from './judge.ts'
import { openLane } from './lane.ts'
import type { Memory } from './memory.ts'
import { mutateText } from './mutate.ts'
import { type Connection, openConnection } from './wire.ts'
import { fillTenant, useUpQuota } from './world.ts'

/** What the parent asks for, as JSON in the first argument. */
interface Order {
  readonly seed: number
  readonly count: number
  /** Requests with bytes changed anywhere, their framing too. */
  readonly broken: number
  /** Connections, each with one request under way. */
  readonly connections: number
  readonly regressions: readonly FuzzInput[]
  readonly routes: readonly { readonly method: string; readonly path: string }[]
}

/** An answer that takes longer never comes. */
const deadlineMs = 20_000
/** The broken requests come after this part of the run. */
const brokenAfterPart = 5
/** How long a request that may not be whole is given to be answered. */
const brokenPatienceMs = 150

const order: Order = JSON.parse(process.argv[2] ?? '{}')
const dataDir = mkdtempSync(join(tmpdir(), 'cordon-fuzz-'))
const store = await openStore(databaseFile(dataDir))
const access = { store, clock: systemClock, ids: randomIds }
const { id: tenantId } = await ensureFirstTenant(access)
const actor = { tenantId, id: 'fuzz', kind: 'system', name: 'fuzz' } as const
const { clientId, clientSecret } = await createApplication(access, actor, { name: 'fuzz', role: 'expert' })
await useUpQuota(store, tenantId, clientId)
const rows = await fillTenant(store, tenantId)
const server = startServerProcess()
let ended: string | null = null
server.once('exit', (code, signal) => {
  ended = `the server ended with ${code ?? signal}`
})

try {
  const port = await readPort(server)
  const host = `127.0.0.1:${port}`
  const authorization = `Bearer ${await fetchToken(host)}`
  const target = openTarget(port, (input) => writeRequest(input, host, authorization))
  const source = createSource(order.seed, { ...rows, tenantId, routes: order.routes }, order.regressions)
  const tally = openTally()
  const run: Run = { target, source, tally, seed: order.seed, lane: openLane() }
  await runEach(run, order.regressions)
  let answered = 0
  const samples = await runMeasured(run, order.count, order.connections, async (part) => {
    const sample = await measure(server)
    // In the middle, so that what they leave behind would show afterwards.
    if (part === brokenAfterPart)
      answered = await sendBroken(run, port, (input) => writeRequest(input, host, authorization))
    return sample
  })
  if (ended !== null) throw new Error(ended)
  const { statuses, ...rest } = tally
  console.log(JSON.stringify({ ...rest, statuses: [...statuses], samples, broken: order.broken, answered }))
  target.close()
} finally {
  await store.close()
  server.kill('SIGKILL')
  rmSync(dataDir, { recursive: true, force: true })
}

function startServerProcess(): ChildProcess {
  const probe = join(import.meta.dirname, 'probe.ts')
  const cli = join(import.meta.dirname, '../../src/cli/main.ts')
  const options = ['--data', dataDir, '--host', '127.0.0.1', '--port', '0', '--http']
  const env = { ...process.env, CORDON_LOG_LEVEL: 'info', CORDON_FAILPOINT: '' }
  return spawn(process.execPath, ['--expose-gc', '--import', probe, cli, 'serve', ...options], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env,
  })
}

async function readPort(child: ChildProcess): Promise<number> {
  let log = ''
  for await (const chunk of child.stdout ?? []) {
    log += String(chunk)
    const url = /"url":"([^"]+)"/.exec(log)?.[1]
    if (url !== undefined) {
      // Whatever it says from now on is of no interest, but has to be read.
      child.stdout?.resume()
      return Number(new URL(url).port)
    }
  }
  throw new Error(`the server did not listen: ${log}`)
}

async function fetchToken(host: string): Promise<string> {
  const scope = 'https://graph.microsoft.com/.default'
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, scope }
  const url = `http://${host}/${tenantId}/oauth2/v2.0/token`
  const answer: unknown = await (await fetch(url, { method: 'POST', body: new URLSearchParams(form) })).json()
  return String(Object(answer).access_token)
}

/** A target that keeps its connections and takes a free one for each input. */
function openTarget(port: number, write: (input: FuzzInput) => string): Run['target'] & { close(): void } {
  const free: Connection[] = []
  return {
    run: async (input) => {
      let connection = free.pop()
      while (connection !== undefined && !connection.isOpen) connection = free.pop()
      connection ??= await openConnection(port)
      const answer = await connection.exchange(write(input), input.method === 'HEAD', deadlineMs)
      if (answer === null) throw new Error(`no answer to ${JSON.stringify(input)}; ${ended ?? 'the server runs'}`)
      if (connection.isOpen) free.push(connection)
      return answer
    },
    close: () => {
      for (const connection of free) connection.close()
    },
  }
}

/** Sends requests whose framing may be wrong, too; such a one need not be answered, but what is answered must be right. @returns how many were */
async function sendBroken(run: Run, port: number, write: (input: FuzzInput) => string): Promise<number> {
  const dice = createDice(run.seed + 1)
  let left = order.broken
  let answered = 0
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const bytes = dice.several(1, 3, () => 0).reduce((text) => mutateText(dice, text, text), write(run.source.next()))
      const connection = await openConnection(port)
      const answer = await connection.exchange(bytes, bytes.startsWith('HEAD '), brokenPatienceMs)
      connection.close()
      if (answer === null) continue
      answered++
      const fault = judgeBroken(answer, bytes)
      if (fault !== null) throw new Error(`${fault}\nseed of this run ${run.seed}\nbytes: ${JSON.stringify(bytes)}`)
    }
  }
  await Promise.all(Array.from({ length: order.connections }, work))
  return answered
}

function judgeBroken(answer: FuzzAnswer, bytes: string): string | null {
  const [method = '', target = ''] = bytes.split('\r\n', 1)[0]?.split(' ') ?? []
  return answer.status === 505 ? null : findFault(answer, { method, target })
}

async function measure(child: ChildProcess): Promise<Memory> {
  child.send('measure')
  const [told]: Memory[] = await once(child, 'message')
  if (told === undefined) throw new Error('the server does not say what it holds')
  return told
}
