import assert from 'node:assert/strict'
import { existsSync, linkSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { createFileHost, describeFile, isRunning, makeProgram, startSleeper } from '../support/file-host.ts'

const quarantineSteps = [
  'after-receive',
  'after-acknowledge',
  'after-begin',
  'file-begun',
  'file-stopped',
  'file-killed',
  'file-planned',
  'file-sealed',
  'file-renamed',
  'file-unlinked',
  'file-moved',
  'after-finish',
  'after-result',
]

test('an agent killed at any step of a quarantine finishes it once', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  for (const step of quarantineSteps) {
    await t.test(`killed ${step}`, async (t) => {
      const path = join(host.folder, `tool-${step}`)
      const { sha256 } = makeProgram(path)
      linkSync(path, join(host.folder, `link-${step}`))
      const child = await startSleeper(t, path)
      host.sendQuarantine(step, { hashes: { sha256 } })
      assert.equal(await host.runDoomed(step), 'SIGKILL')

      const agent = await host.start()
      const result = await host.control.resultOf(step)
      await host.stop(agent)

      assert.equal(result.state, 'succeeded', JSON.stringify(result))
      assert.equal(result.targets[0]?.changed, true)
      assert.equal(result.before?.processes, 1)
      assert.equal(result.after?.killedTotal, 1)
      assert.equal(result.after?.movedTotal, 2)
      assert.deepEqual(readdirSync(host.folder), [])
      assert.equal(isRunning(child.pid ?? 0), false)
      const answers = host.control.results.filter(({ commandId }) => commandId === step)
      for (const answer of answers) assert.deepEqual(answer, result)
    })
  }
})

const restoreSteps = ['restore-begun', 'restore-written', 'restore-linked', 'restore-recorded', 'after-finish']

test('an agent killed at any step of a restore brings every file back once', async (t) => {
  const host = await createFileHost(t)
  if (host === undefined) return
  for (const step of restoreSteps) {
    await t.test(`killed ${step}`, async () => {
      const path = join(host.folder, step)
      const link = join(host.folder, `link-${step}`)
      const { sha256 } = makeProgram(path)
      linkSync(path, link)
      const { mode, mtimeMs } = statSync(path)
      const first = await host.start()
      await host.quarantine(`q-${step}`, { hashes: { sha256 } })
      await host.stop(first)
      assert.equal(existsSync(path), false)
      host.sendRestore(step, `q-${step}`, sha256)
      assert.equal(await host.runDoomed(step), 'SIGKILL')

      const agent = await host.start()
      const result = await host.control.resultOf(step)
      await host.stop(agent)

      assert.equal(result.state, 'succeeded', JSON.stringify(result))
      assert.equal(result.after?.restoredTotal, 2)
      assert.equal(describeFile(path).sha256, sha256)
      const back = statSync(path)
      assert.deepEqual([back.mode, back.mtimeMs, back.nlink, back.ino], [mode, mtimeMs, 2, statSync(link).ino])
      assert.deepEqual(
        readdirSync(host.folder).filter((name) => name.startsWith('.')),
        [],
      )
    })
  }
})
