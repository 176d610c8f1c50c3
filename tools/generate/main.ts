import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { contractPath, generate } from './generate.ts'

const root = join(import.meta.dirname, '../..')
const check = process.argv.includes('--check')

function readIfPresent(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

const stale: string[] = []
for (const [path, content] of generate(readFileSync(join(root, contractPath), 'utf8'))) {
  const target = join(root, path)
  if (readIfPresent(target) === content) continue
  stale.push(path)
  if (check) continue
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, content)
}

if (stale.length === 0) console.log(`Generated files fit ${contractPath}.`)
else if (!check) console.log(`Wrote ${stale.join(', ')}.`)
else {
  console.error(`${stale.join(', ')} differ from what ${contractPath} gives. Run: npm run generate`)
  process.exitCode = 1
}
