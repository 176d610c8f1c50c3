import { type ChildProcess, spawn } from 'node:child_process'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { ensurePortal } from '../tools/portal/build.ts'
import { journeysVariable } from './support/journeys.ts'
import { runInLanes } from './support/lanes.ts'
import { startPostgres } from './support/postgres.ts'
import { installPackages, listMissing } from './support/programs.ts'
import { report } from './support/reporter.ts'
import { makePostgresTemplate, makeSqliteTemplate, sqliteTemplateVariable } from './support/templates.ts'

// `npm test`: static checks, then every suite beside one PostgreSQL. `node test/run.ts store agent` runs only those folders of test/,
// without the static checks.

const root = join(import.meta.dirname, '..')
/** A file that runs longer hangs: something it started is still open. The longest takes a sixth of it on a machine with nothing else to do. */
const fileTimeoutMs = 1_800_000
/** Files at the same time: the suites wait more than they reckon. With twice as many as cores, hosts fail to prove in time what they did. */
const lanes = Math.ceil(1.5 * Math.min(availableParallelism(), 4))
/** The suites and the tools they start use this Node, whatever the machine's own is. */
const searchPath = [dirname(process.execPath), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)

let current: ChildProcess | null = null
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopping.abort()
    current?.kill(signal)
  })
}

/** Runs a program to its end with its output shown. @returns its exit code; 1 when a signal ended it */
async function run(program: string, args: readonly string[]): Promise<number> {
  const child = spawn(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: searchPath } })
  current = child
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code ?? 1))
    })
  } finally {
    current = null
  }
}

function requirePrograms(): boolean {
  const missing = listMissing()
  if (missing.length === 0) return true
  if (process.getuid?.() === 0) {
    console.log(`Installing what the suites need: ${missing.join(' ')}`)
    installPackages(missing)
    return true
  }
  console.error(`The suites need Debian packages that are missing. Install them, then run again:\n
  sudo apt-get update && sudo apt-get install --yes --no-install-recommends ${missing.join(' ')}\n`)
  return false
}

const checks: readonly (readonly [name: string, program: string, args: readonly string[]])[] = [
  ['format and lint', 'biome', ['ci', '.']],
  ['types', 'tsc', ['--noEmit']],
  ['types of the portal', 'tsc', ['-p', 'src/portal']],
  ['generated files', process.execPath, ['tools/generate/main.ts', '--check']],
]

async function runChecks(): Promise<number> {
  for (const [name, program, args] of checks) {
    console.log(`\n== ${name}`)
    const code = await run(program, args)
    if (code !== 0) {
      console.error(`\n${name}: failed`)
      return code
    }
  }
  return 0
}

function listTestFiles(folders: readonly string[]): string[] {
  const patterns = folders.length === 0 ? ['test/**/*.test.ts'] : folders.map((name) => `test/${name}/**/*.test.ts`)
  return patterns.flatMap((pattern) => {
    const files = globSync(pattern, { cwd: root }).sort()
    if (files.length === 0) console.error(`No tests match ${pattern}`)
    return files
  })
}

async function runSuites(files: readonly string[]): Promise<number> {
  console.log('\n== suites')
  const cluster = await startPostgres()
  const folder = mkdtempSync(join(tmpdir(), 'cordon-run-'))
  try {
    if (stopping.signal.aborted) return 1
    const journeys = join(folder, 'journeys')
    await makePostgresTemplate(cluster.url)
    Object.assign(process.env, {
      CORDON_TEST_POSTGRES: cluster.url,
      [sqliteTemplateVariable]: await makeSqliteTemplate(folder),
      [journeysVariable]: journeys,
      // Hundreds of processes load the same sources: what the first made of them serves all others.
      NODE_COMPILE_CACHE: join(folder, 'compiled'),
      PATH: searchPath,
    })
    const suites = runInLanes(files, { root, lanes, timeoutMs: fileTimeoutMs, signal: stopping.signal })
    for await (const text of report(suites.events, journeys, suites.times)) process.stdout.write(text)
    return suites.hasFailed() || stopping.signal.aborted ? 1 : 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await cluster.stop()
  }
}

async function main(folders: readonly string[]): Promise<number> {
  const files = listTestFiles(folders)
  if (files.length === 0 || !requirePrograms()) return 1
  await ensurePortal()
  const code = folders.length === 0 ? await runChecks() : 0
  return code === 0 && !stopping.signal.aborted ? runSuites(files) : code || 1
}

process.exitCode = await main(process.argv.slice(2))
