import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { onEnd } from '../../support/cleanup.ts'
import type { Cordon } from '../../support/cordon.ts'
import { tenantTest } from '../../support/shared-cordon.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../..')

const compilerOptions = {
  target: 'es2023',
  lib: ['es2023', 'dom'],
  types: [],
  module: 'commonjs',
  moduleResolution: 'bundler',
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noEmitOnError: true,
  // The declarations of odata2ts' own packages do not fit each other; the generated client and the program are checked whole.
  skipLibCheck: true,
  rootDir: '.',
  outDir: 'out',
}

/** Generates the client from the server's own metadata and compiles the program beside it. Returns the compiled program's path. */
async function buildProgram(t: TestContext, cordon: Cordon): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-odata2ts-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'metadata.xml'), (await cordon.anonymous.get('/beta/$metadata')).text)
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
  // odata2ts knows fewer options than the compiler.
  writeFileSync(join(folder, 'generate.json'), '{"compilerOptions":{"target":"es2022","module":"commonjs"}}')
  copyFileSync(join(import.meta.dirname, 'program.txt'), join(folder, 'program.ts'))

  const odata2ts = join(createRequire(import.meta.url).resolve('@odata2ts/odata2ts'), '../run-cli.js')
  const hook = ['--import', join(import.meta.dirname, 'load-typescript.ts')]
  const options = ['-s', 'metadata.xml', '-o', 'generated', '-m', 'service', '-e', 'ts', '-t', 'generate.json']
  await run(process.execPath, [...hook, odata2ts, ...options], { cwd: folder })
  await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]).catch((error) => assert.fail(error.stdout))
  return join(folder, 'out/program.js')
}

tenantTest(
  'a client that odata2ts generates from our $metadata compiles strictly, and does the whole job',
  async (tenant, cordon, t) => {
    const names = ['Beacon of web-07', 'Beacon of web-08', 'Phishing', 'Beacon of web-09']
    const incidents: string[] = []
    for (const [index, displayName] of names.entries()) {
      const createdDateTime = `2026-01-0${index + 1}T00:00:00.0000000Z`
      const customTags = index === 2 ? ['vip'] : []
      incidents.push(await tenant.incident({ displayName, severity: 'high', createdDateTime, customTags }))
    }
    const [incident = '', second, third, fourth] = incidents
    const alert = await tenant.alert(incident, { title: 'Known bad address' })
    const running = await tenant.task(incident)
    const task = await tenant.task(incident)
    // The turn of the device is taken, so the task's action stays under way.
    await tenant.execution(running, 'running', { targetKey: 'device:web-07' })
    const env = {
      ...process.env,
      NODE_EXTRA_CA_CERTS: cordon.caPath,
      CORDON_URL: cordon.url,
      CORDON_TOKEN: await cordon.token(await cordon.createClient('admin', tenant.id)),
      CORDON_INCIDENT: incident,
      CORDON_TASK: task,
    }

    const { stdout } = await run(process.execPath, [await buildProgram(t, cordon)], { env })

    const seen = JSON.parse(stdout)
    assert.deepEqual(seen.listed['@odata.count'], 3)
    assert.deepEqual(seen.listed.value, [
      { id: fourth, displayName: 'Beacon of web-09', severity: 'high' },
      { id: second, displayName: 'Beacon of web-08', severity: 'high' },
    ])
    assert.deepEqual([...seen.all].sort(), [...incidents].sort())
    assert.deepEqual(seen.tagged, [third])
    assert.deepEqual([seen.one.id, seen.one.alerts[0].title], [incident, 'Known bad address'])
    assert.deepEqual(seen.alerts, [alert])
    assert.deepEqual(
      [seen.patchStatus, seen.patched.status, seen.patched.customTags],
      [200, 'inProgress', ['odata2ts']],
    )
    assert.deepEqual([seen.task.incident.id, seen.wasOpen, seen.isolationType], [incident, true, 'full'])
    assert.deepEqual([seen.executed, seen.isRunning], [204, true])
    assert.equal(seen.merged.targetIncidentId, [second, third].sort()[0])
    assert.deepEqual([seen.refused.name, seen.refused.status], ['FetchClientError', 404])
  },
)
