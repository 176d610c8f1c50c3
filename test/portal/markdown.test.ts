import assert from 'node:assert/strict'
import { test } from 'node:test'
import { escapeText, writeMarkdown } from '../../src/portal/app/screens/report/markdown.ts'
import type { Report } from '../../src/portal/app/screens/report/report.ts'
import { payloads } from './payloads.ts'

const more = [
  '[click](javascript:alert(1))',
  '![x](https://evil.example/x.png)',
  '<img src=x onerror=alert(1)>',
  '# not a heading\n- not a list\n\n    not code',
  'www.evil.example and https://evil.example and mallory@evil.example',
  '| not | a | cell |',
  '`code` **bold** ~~gone~~ &lt; [^1]: $x$ ==y== :smile: @everyone',
  'file\u202egnp.exe and zero\u200bwidth',
  '=== \n --- \n 1. one',
]

/** A report in which every text is this one. */
function fill(text: string): Report {
  const at = '2026-11-21T02:14:07.7433333Z'
  const check = { name: text, want: text, got: text }
  const proof = { level: text, method: text, observedAt: at, checks: [check] }
  const run = { kind: 'run', state: text, by: text, at, finishedAt: at, connector: text, reason: text, proof }
  const task = { title: text, description: text, status: text, actionStatus: text, actionType: text, target: text }
  return {
    title: text,
    facts: [['Owner', text]],
    summary: text,
    leftOut: '',
    timeline: [{ at, lane: text, text, by: text }],
    evidence: [{ kind: text, name: text, verdict: text, count: 2 }],
    alerts: [{ at, severity: text, title: text, source: text, techniques: [text], why: text }],
    tasks: [{ ...task, by: text, at, runs: [run] }],
  }
}

test('attacker text means nothing in Markdown: what is left without its escapes has no mark, and no line of its own', () => {
  const lines = writeMarkdown(fill('x')).split('\n').length

  for (const payload of [...payloads, ...more]) {
    const written = escapeText(payload)
    const bare = written.replaceAll(/\\[!-/:-@[-`{-~]|&(amp|lt|gt);/g, '')
    assert.doesNotMatch(bare, /[!-$&(-+\-./:-@[-`{-~]/, payload)
    assert.doesNotMatch(written, /[\p{Cc}\p{Cf}]/u, payload)
    const summaryLines = payload.split(/\r\n|\r|\n/).length - 1
    assert.equal(writeMarkdown(fill(payload)).split('\n').length, lines + summaryLines, payload)
  }
  assert.ok(payloads.length + more.length > 210)
})

test('instants stand in a report as the server wrote them, with all digits and Z', () => {
  const written = writeMarkdown(fill('x'))

  assert.match(written, /^\| 2026-11-21T02:14:07\.7433333Z \| x \| x \| x \|$/m)
  assert.equal(escapeText('a.b'), 'a\\.b')
})

test('a report without anything says so in words', () => {
  const written = writeMarkdown({ ...fill(''), timeline: [], evidence: [], alerts: [], tasks: [] })

  assert.match(written, /## Timeline\n\nThere is nothing\.\n/)
  assert.match(written, /## Tasks\n\nThere were none\.\n$/)
  assert.match(written, /Nobody has written a summary\./)
})
