import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'

/** Where the system resolver looks first. */
export const HOSTS_FILE = '/etc/hosts'

const begin = '# Cordon rules: begin (written by the agent; changes here are lost)'
const end = '# Cordon rules: end'

/**
 * The hosts file with exactly these names blocked: they resolve to addresses nobody has. Everything outside of our block stays as it is,
 * and without names the block is gone.
 */
export function writeBlocked(content: string, names: readonly string[]): string {
  const kept = withoutBlock(content)
  if (names.length === 0) return kept
  const lines = [...new Set(names)].sort().flatMap((name) => [`0.0.0.0 ${name}`, `:: ${name}`])
  const gap = kept === '' || kept.endsWith('\n') ? '' : '\n'
  return `${kept}${gap}${begin}${gap === '' ? '' : noNewline}\n${lines.join('\n')}\n${end}\n`
}

/** Names our block holds. */
export function listBlocked(content: string): readonly string[] {
  const from = content.indexOf(begin)
  const to = content.indexOf(end, from)
  if (from < 0 || to < 0) return []
  return [...content.slice(from, to).matchAll(/^0\.0\.0\.0 (\S+)$/gm)].map((match) => match[1] ?? '')
}

/**
 * Brings the hosts file in line with the names. It is written in place: in a container it is a mount that cannot be replaced.
 * @returns whether it had to be changed
 */
export function blockNames(names: readonly string[], path: string = HOSTS_FILE): boolean {
  const before = readIfThere(path)
  const after = writeBlocked(before, names)
  if (after === before) return false
  const descriptor = openSync(path, 'r+')
  try {
    // Written first and cut off afterwards, so that the file is never empty.
    writeSync(descriptor, after, 0)
    ftruncateSync(descriptor, Buffer.byteLength(after))
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  return true
}

/** Names the hosts file blocks now. */
export function readBlocked(path: string = HOSTS_FILE): readonly string[] {
  return listBlocked(readIfThere(path))
}

/** Marks a block before which we had to end the last line; it is taken back with the block. */
const noNewline = ' [last line was open]'

function withoutBlock(content: string): string {
  const from = content.indexOf(begin)
  const to = content.indexOf(end, from)
  if (from < 0 || to < 0) return content
  const open = content.startsWith(noNewline, from + begin.length)
  const after = content.slice(to + end.length).replace(/^\n/, '')
  return `${content.slice(0, open ? from - 1 : from)}${after}`
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
