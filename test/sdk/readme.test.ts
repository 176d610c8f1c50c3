import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const readme = join(import.meta.dirname, '../../README.md')
const skip = existsSync(readme) ? false : 'README.md does not exist yet'

/** The contents of the fenced code blocks of a Markdown text. */
function blocksOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```\w*\n(.*?)^```$/gms)].map((match) => (match[1] ?? '').trim())
}

for (const name of ['list-incidents.ts', 'list_incidents.py', 'list-incidents.sh']) {
  test(`README.md shows ${name} as it is tested`, { skip }, () => {
    const example = readFileSync(join(import.meta.dirname, 'examples', name), 'utf8').trim()

    assert.ok(blocksOf(readFileSync(readme, 'utf8')).includes(example), `no code block of README.md equals ${name}`)
  })
}
