import { type ChildProcess, spawn } from 'node:child_process'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { ensurePortal } from '../tools/portal/build.ts'
import { journeysVariable } from './support/journeys.ts'
import { startPostgres } from './support/postgres.ts'
import { installPackages, listMissing } from './support/programs.ts'

// `npm test`: static checks, then every suite beside one PostgreSQL. `node test/run.ts store agent` runs only those folders of test/,
// without the static checks.

const root = join(import.meta.dirname, '..')
/** A file that runs longer hangs: something it started is still open. */
const fileTimeoutMs = 600_000
const reporter = join(root, 'test/support/reporter.ts')

let current: ChildProcess | null = null
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true
    current?.kill(signal)
  })
}

/** Runs a program to its end with its output shown. @returns its exit code; 1 when a signal ended it */
async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  // The suites and the tools they start use this Node, whatever the machine's own is.
  const path = [dirname(process.execPath), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  const child = spawn(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env, PATH: path } })
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
    if (interrupted) return 1
    const journeys = join(folder, 'journeys')
    const options = ['--test', '--test-concurrency=2', `--test-reporter=${reporter}`, `--test-timeout=${fileTimeoutMs}`]
    const env = { CORDON_TEST_POSTGRES: cluster.url, [journeysVariable]: journeys }
    return await run(process.execPath, [...options, ...files], env)
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
  return code === 0 && !interrupted ? runSuites(files) : code || 1
}

process.exitCode = await main(process.argv.slice(2))
