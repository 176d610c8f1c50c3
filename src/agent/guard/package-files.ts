import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What the package database says of files: where packages put them, and the MD5 they had then. */
export interface PackageFiles {
  /** MD5 digests a file at this path may have; none when no package brought it. */
  readonly digestsOf: (path: string) => ReadonlySet<string>
  /** Reads what changed since. @returns whether something did */
  readonly refresh: () => boolean
}

/** Debian's package database. @source dpkg(1), deb-md5sums(5) */
export const DPKG_FOLDER = '/var/lib/dpkg'

interface KnownFile {
  readonly version: string
  /** Lines of digest and path, as in an md5sums file; parsed anew when they go, because there are a hundred thousand of them. */
  readonly text: string
}

/** Opens the database and reads it once: about half a second for a hundred thousand files; later only what changed. */
export function openPackageFiles(folder: string = DPKG_FOLDER): PackageFiles {
  const known = new Map<string, KnownFile>()
  // Digests by path, with a space between them where several files claim one.
  const digests = new Map<string, string>()
  const aliases = readAliases()
  let seen = ''
  let diversions: ReadonlyMap<string, Diversion> = new Map()

  const placeOf = (file: string, path: string): string => {
    const diversion = diversions.get(path)
    const moved = diversion !== undefined && diversion.keeper !== nameOwner(file)
    return followAlias(aliases, moved ? diversion.to : path)
  }
  const drop = (file: string): void => {
    for (const [path, md5] of parseLines(known.get(file)?.text ?? '')) {
      const place = placeOf(file, path)
      const left = digests.get(place)?.split(' ') ?? []
      const at = left.indexOf(md5)
      if (at >= 0) left.splice(at, 1)
      if (left.length === 0) digests.delete(place)
      else digests.set(place, left.join(' '))
    }
    known.delete(file)
  }
  const add = (file: string, version: string): void => {
    const text = readLines(folder, file)
    known.set(file, { version, text })
    for (const [path, md5] of parseLines(text)) {
      const place = placeOf(file, path)
      const present = digests.get(place)
      digests.set(place, present === undefined ? md5 : `${present} ${md5}`)
    }
  }
  const refresh = (): boolean => {
    // dpkg puts each of these files in place by a rename.
    const version = ['info', 'status', 'diversions'].map((name) => readVersion(join(folder, name))).join()
    if (version === seen) return false
    seen = version
    const moved = readDiversions(folder)
    if (JSON.stringify([...moved]) !== JSON.stringify([...diversions])) {
      for (const file of [...known.keys()]) drop(file)
      diversions = moved
    }
    const names = listIfThere(join(folder, 'info')).filter((name) => name.endsWith('.md5sums'))
    const files = new Set(['status', ...names.map((name) => join('info', name))])
    for (const file of [...known.keys()]) if (!files.has(file)) drop(file)
    for (const file of files) {
      const present = readVersion(join(folder, file))
      if (known.get(file)?.version === present) continue
      drop(file)
      add(file, present)
    }
    return true
  }
  refresh()
  return { digestsOf: (path) => new Set(digests.get(path)?.split(' ')), refresh }
}

function readLines(folder: string, file: string): string {
  const text = readIfThere(join(folder, file))
  return file === 'status' ? readConfigurationFiles(text) : text
}

function* parseLines(text: string): Generator<readonly [path: string, md5: string]> {
  for (const line of text.split('\n')) {
    if (/^[0-9a-f]{32} [ *]./.test(line)) yield [`/${line.slice(34)}`, line.slice(0, 32)]
  }
}

/** Configuration files stand with their digests in the status file alone; a script among them is trusted as it was delivered. */
function readConfigurationFiles(text: string): string {
  const lines = text.split('\n').flatMap((line) => {
    const match = /^ \/(.+) ([0-9a-f]{32})(?: obsolete| remove-on-upgrade)*$/.exec(line)
    return match === null ? [] : [`${match[2]}  ${match[1]}`]
  })
  return lines.join('\n')
}

interface Diversion {
  readonly to: string
  /** The package whose file keeps the place. */
  readonly keeper: string
}

/** Three lines each: the place, where files of other packages go, and the package that keeps the place. @source dpkg-divert(1) */
function readDiversions(folder: string): ReadonlyMap<string, Diversion> {
  const lines = readIfThere(join(folder, 'diversions')).split('\n')
  const moved = new Map<string, Diversion>()
  for (let at = 0; at + 2 < lines.length; at += 3) {
    const [place, to, keeper] = lines.slice(at, at + 3)
    if (place !== undefined && to !== undefined && keeper !== undefined) moved.set(place, { to, keeper })
  }
  return moved
}

/** `info/libc6:amd64.md5sums` belongs to libc6. */
function nameOwner(file: string): string {
  return file.replace(/^info\//, '').replace(/(:[a-z0-9]+)?\.md5sums$/, '')
}

/** Folders of the root that are links since /usr was merged: packages name files by the link, the kernel by what it points at. */
function readAliases(): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>()
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) {
    try {
      aliases.set(name, join('/', readlinkSync(`/${name}`)))
    } catch {
      // A folder of its own, or none.
    }
  }
  return aliases
}

function followAlias(aliases: ReadonlyMap<string, string>, path: string): string {
  const end = path.indexOf('/', 1)
  const target = end < 0 ? undefined : aliases.get(path.slice(1, end))
  return target === undefined ? path : target + path.slice(end)
}

function readVersion(path: string): string {
  const status = statSync(path, { bigint: true, throwIfNoEntry: false })
  return status === undefined ? '' : `${status.ino}:${status.size}:${status.mtimeNs}`
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

function listIfThere(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
