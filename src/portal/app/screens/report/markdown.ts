import type { Report, ReportRun, ReportTask } from './report.ts'

/**
 * Writes a report as Markdown (CommonMark with tables). Every text that came with data is escaped whole: no line, link, picture, address or
 * tag of it means anything to whoever renders the file. Instants stand as the server wrote them, ISO 8601 with Z.
 */
export function writeMarkdown(report: Report): string {
  const { title, facts, summary, leftOut, timeline, evidence, alerts, tasks } = report
  const parts = [
    `# ${escapeText(title)}`,
    writeTable(['What', 'Value'], facts),
    '## Summary',
    summary === ''
      ? 'Nobody has written a summary.'
      : summary
          .split(/\r\n|\r|\n/)
          .map(escapeText)
          .join('  \n'),
    ...(leftOut === '' ? [] : [escapeText(leftOut)]),
    '## Timeline',
    writeTable(
      ['Time (UTC)', 'What kind', 'What', 'Who'],
      timeline.map(({ at, lane, text, by }) => [at, lane, text, by]),
    ),
    '## Evidence',
    writeTable(
      ['Kind', 'Name', 'Verdict', 'Alerts'],
      evidence.map(({ kind, name, verdict, count }) => [kind, name, verdict, String(count)]),
    ),
    '## Alerts',
    writeTable(
      ['Time (UTC)', 'Severity', 'Title', 'Source', 'ATT&CK', 'Why it is here'],
      alerts.map((alert) => [
        ...[alert.at, alert.severity, alert.title, alert.source],
        ...[alert.techniques.join(', '), alert.why],
      ]),
    ),
    '## Tasks',
    ...(tasks.length === 0 ? ['There were none.'] : tasks.flatMap(writeTask)),
  ]
  return `${parts.join('\n\n')}\n`
}

function writeTask(task: ReportTask): string[] {
  return [
    `### ${escapeText(task.title)}`,
    writeTable(
      ['What', 'Value'],
      [
        ['Task', task.status],
        ['Action', task.actionStatus],
        ['Type', task.actionType],
        ['Target', task.target],
        ['Proposed', `${task.at} by ${task.by}`],
        ['Why', task.description],
      ],
    ),
    ...task.runs.flatMap(writeRun),
  ]
}

function writeRun({ kind, state, by, at, finishedAt, connector, reason, proof }: ReportRun): string[] {
  const ended = finishedAt === null ? '' : `, ended ${finishedAt}`
  const through = connector === '' ? '' : ` through ${connector}`
  const line = `${kind === 'undo' ? 'Undo' : 'Run'} ${at} by ${by}${through}: ${state}${ended}${reason === '' ? '' : `. ${reason}`}`
  if (proof === null) return [escapeText(line)]
  return [
    escapeText(line),
    escapeText(`Proof, ${proof.level}: ${proof.method}, ${proof.observedAt}`),
    writeTable(
      ['Check', 'Wanted', 'Found'],
      proof.checks.map(({ name, want, got }) => [name, want, got]),
    ),
  ]
}

function writeTable(names: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'There is nothing.'
  const lines = [names, names.map(() => '---'), ...rows.map((row) => row.map(escapeText))]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Instants stay legible; nothing in them can be taken for markup. */
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$/

/**
 * Makes text mean nothing but itself: on one line, punctuation behind a backslash, brackets of tags as entities, and characters that cannot
 * be seen or turn the writing around by their number.
 * @source CommonMark 0.31 section 2.4; Unicode UAX 9
 */
export function escapeText(text: string): string {
  if (instant.test(text)) return text
  return text
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) => {
      return `[U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`
    })
    .replaceAll(/[!-/:-@[-`{-~]/g, (mark) => entities[mark] ?? `\\${mark}`)
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  ',': ',',
  '%': '%',
  "'": "'",
}
