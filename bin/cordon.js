#!/usr/bin/env -S node --max-semi-space-size=16
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// The flag above: when much is asked at once, Node lets memory for short-lived objects grow to 96 MiB and keeps it; with 48 MiB the server
// is as quick, and a third smaller.

// A clone runs the sources, the published package its compiled JavaScript: Node strips no types below node_modules.
const sources = new URL('../src/cli/main.ts', import.meta.url)
const entry = existsSync(sources) ? sources : new URL('../dist/cli/main.js', import.meta.url)

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // Later starts take half the time and a quarter less memory. In a folder of whoever installed us, never in a shared one.
  const { enableCompileCache } = await import('node:module')
  enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/cordon', import.meta.url)))
  await import(entry.href)
} else {
  const own = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url))
  if (!existsSync(own)) {
    process.stderr.write(`cordon needs Node 24 or newer; this is ${process.version}\n`)
    process.exit(1)
  }
  const child = spawnSync(own, [...process.execArgv, fileURLToPath(entry), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  process.exit(child.status ?? 1)
}
