import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { contractPath, writeContract } from './contract.ts'
import { statusCodesPath, writeStatusCodes } from './status-codes.ts'

// Writes the pages of docs/ that are derived from code; with --check only says whether they are fresh.

const pages = [
  { path: statusCodesPath, content: writeStatusCodes() },
  { path: contractPath, content: writeContract() },
]

for (const { path, content } of pages) {
  const file = join(import.meta.dirname, '../..', path)
  if (!process.argv.includes('--check')) {
    writeFileSync(file, content)
    console.log(`Wrote ${path}.`)
  } else if (readFileSync(file, 'utf8') === content) console.log(`${path} fits the code.`)
  else {
    console.error(`${path} is stale. Run: node tools/docs/main.ts`)
    process.exitCode = 1
  }
}
