import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfPresent, replaceFile } from '../io/key-files.ts'

/**
 * A folder of signed notes, outside of the database: `<log>/<day>.checkpoint`, the last note of each UTC day. A file is replaced as a whole
 * or not at all. The notes are no secret; whoever may read them can verify with them.
 */
export interface CheckpointFolder {
  readonly path: string
  /** Every note of every log; files that are none of ours are passed over. */
  listNotes(): Promise<NoteFile[]>
  /** The notes of a log's last `days` days that have one; all of them without. */
  listNotesOf(log: string, days?: number): Promise<NoteFile[]>
  /** The note of a day, if there is one. */
  readNote(log: string, day: string): Promise<NoteFile | null>
  /** Writes a note so that a power cut leaves the old one or this. @param day `2026-01-31` */
  writeNote(log: string, day: string, note: string): Promise<void>
  /** What {@link CheckpointFolder.writeState} last wrote; null when there is nothing. A cache: its reader checks it. */
  readState(log: string): Promise<string | null>
  writeState(log: string, state: string): Promise<void>
}

/** A note and where it lies. */
export interface NoteFile {
  readonly path: string
  readonly text: string
}

const ending = '.checkpoint'
const stateFile = 'tree'

/** Opens a folder; it is made when the first note is written. */
export function openCheckpointFolder(path: string): CheckpointFolder {
  const folderOf = (log: string): string => join(path, encodeURIComponent(log).replace(/^\./, '%2E'))
  const write = async (log: string, name: string, content: string): Promise<void> => {
    await mkdir(folderOf(log), { recursive: true })
    await replaceFile(join(folderOf(log), name), 0o644, content)
  }
  return {
    path,
    listNotes: async () => {
      const lists = await Promise.all((await listNames(path)).map((name) => listNoteFiles(join(path, name))))
      return lists.flat()
    },
    listNotesOf: (log, days) => listNoteFiles(folderOf(log), days),
    readNote: (log, day) => readNoteFile(join(folderOf(log), `${day}${ending}`)),
    writeNote: (log, day, note) => write(log, `${day}${ending}`, note),
    readState: async (log) => (await readIfPresent(join(folderOf(log), stateFile))) ?? null,
    writeState: (log, state) => write(log, stateFile, state),
  }
}

async function listNoteFiles(folder: string, days = Number.POSITIVE_INFINITY): Promise<NoteFile[]> {
  const names = (await listNames(folder)).filter((name) => name.endsWith(ending)).sort()
  const files = await Promise.all(names.slice(-days).map((name) => readNoteFile(join(folder, name))))
  return files.flatMap((file) => file ?? [])
}

async function readNoteFile(path: string): Promise<NoteFile | null> {
  const text = await readIfPresent(path)
  return text === undefined ? null : { path, text }
}

/** The names in a folder; none when it does not exist or is a file. */
async function listNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw cause
  }
}
