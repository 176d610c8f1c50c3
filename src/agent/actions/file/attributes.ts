import type { RunProgram } from '../../host/run-program.ts'
import { VaultError } from './vault.ts'

/** Longest attributes of one file, as text; a record holds those of many files. */
const MAX_CHARACTERS = 256 * 1024

/** What the kernel computes for each file anew. */
const computed = /^security\.(?:ima|evm)=/

/**
 * Reads every extended attribute of an open file: of users, capabilities, ACLs, labels. Node cannot; the tools of Debian's package `attr` do.
 * @returns sorted lines `name=0xhex`, as getfattr(1) writes and setfattr(1) reads them; empty when there are none
 * @throws VaultError AttributesNotKept when they cannot be read, or are too long to keep
 */
export async function readAttributes(run: RunProgram, descriptor: number): Promise<string> {
  const args = ['--dump', '--match=-', '--encoding=hex', '--absolute-names', '--', pathOf(descriptor)]
  const { code, stdout, stderr } = await run('getfattr', args)
  if (code !== 0) throw new VaultError('AttributesNotKept', stderr.slice(0, 300))
  const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('# file: ') && !computed.test(line))
  const text = lines.sort().join('\n')
  // A name that is no UTF-8 would come back as another one.
  if (text.length > MAX_CHARACTERS || text.includes('\ufffd')) {
    throw new VaultError('AttributesNotKept', 'the attributes are too long, or one has a name that is no text')
  }
  return text
}

/**
 * Gives an open file the attributes that were read from another, and no others: a new file may have got an ACL from its folder. Owner and
 * mode must be set before, because changing the owner takes capabilities away.
 * @throws VaultError AttributesNotRestored
 */
export async function writeAttributes(run: RunProgram, descriptor: number, wanted: string): Promise<void> {
  const path = pathOf(descriptor)
  const names = new Set(wanted.split('\n').map(readName))
  const given = await readAttributes(run, descriptor)
  for (const name of given.split('\n').map(readName)) {
    if (name === '' || names.has(name)) continue
    const { code, stderr } = await run('setfattr', ['--remove', name, '--', path])
    if (code !== 0) throw new VaultError('AttributesNotRestored', stderr.slice(0, 300))
  }
  if (wanted === '') return
  const { code, stderr } = await run('setfattr', ['--restore=-'], `# file: ${path}\n${wanted}\n\n`)
  if (code !== 0) throw new VaultError('AttributesNotRestored', stderr.slice(0, 300))
}

/** How many attributes a text of {@link readAttributes} names. */
export function countAttributes(text: string): number {
  return text === '' ? 0 : text.split('\n').length
}

function readName(line: string): string {
  return line.split('=', 1)[0] ?? ''
}

/** Leads another program to this very file, whatever its name leads to by now. */
function pathOf(descriptor: number): string {
  return `/proc/${process.pid}/fd/${descriptor}`
}
