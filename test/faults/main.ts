import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

// `npm run test:crash -- --rounds N`: the long form of kill-*.test.ts, N kills per database. It prints the seed and a table of what was
// acknowledged, lost, doubled, unaccounted and stuck, and exits with 1 when any of these is not 0.

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '500' }, seed: { type: 'string' } } })
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) {
  process.stderr.write(`--rounds takes a whole number of kills per database, not '${values.rounds}'\n`)
  process.exit(2)
}
const env = {
  ...process.env,
  CORDON_CRASH_ROUNDS: String(rounds),
  ...(values.seed === undefined ? {} : { CORDON_TEST_SEED: values.seed }),
}
const files = globSync(join(import.meta.dirname, 'kill-*.test.ts'))
const options = ['--test', '--test-reporter=spec', ...files]
spawn(process.execPath, options, { stdio: 'inherit', env }).once('exit', (code) => {
  process.exitCode = code ?? 1
})
