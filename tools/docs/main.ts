import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { statusCodesPath, writeStatusCodes } from './status-codes.ts'

// Writes the pages of docs/ that are derived from code; with --check only says whether they are fresh.

const path = join(import.meta.dirname, '../..', statusCodesPath)
const content = writeStatusCodes()

if (!process.argv.includes('--check')) {
  writeFileSync(path, content)
  console.log(`Wrote ${statusCodesPath}.`)
} else if (readFileSync(path, 'utf8') === content) console.log(`${statusCodesPath} fits the code.`)
else {
  console.error(`${statusCodesPath} is stale. Run: node tools/docs/main.ts`)
  process.exitCode = 1
}
