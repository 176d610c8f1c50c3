import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Step } from '../../tools/demo/steps.ts'

const demo = fileURLToPath(new URL('../../tools/demo/main.ts', import.meta.url))

test('the demo holds from the first alert to the last packet, and cleans up', async (t) => {
  if (process.getuid?.() !== 0) {
    t.skip('needs root for network namespaces')
    return
  }

  const { code, out, pid } = await run(process.execPath, demo, '--json')

  const steps: Step[] = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    steps.filter((step) => !step.ok),
    [],
  )
  assert.equal(code, 0)
  assert.equal(steps.length, 13)
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0)
  t.diagnostic(`${steps.length} steps in ${seconds.toFixed(1)} s`)
  // A lab is named after the process that made it: others come and go in the meantime.
  assert.doesNotMatch((await run('ip', 'netns', 'list')).out, new RegExp(`^cordon-${pid}-`, 'm'))
})

function run(program: string, ...args: string[]): Promise<{ code: number; out: string; pid: number | undefined }> {
  return new Promise((resolve) => {
    const { pid } = execFile(program, args, { encoding: 'utf8', timeout: 900_000 }, (error, out) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, pid })
    })
  })
}
