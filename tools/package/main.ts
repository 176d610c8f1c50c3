import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildDeb } from './deb.ts'

// `npm run package:agent`: builds dist/cordon-agent_<version>_<architecture>.deb with the Node it runs on.
const manifest: { version: string } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))
const folder = join(import.meta.dirname, '../../dist')
const path = await buildDeb({ folder, version: manifest.version, node: process.execPath, compression: 'gzip' })
process.stdout.write(`${path}\n`)
