import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs'
import { sha256Hex } from '../../../protocol/canonical.ts'
import { joinPath } from '../../host/walk.ts'
import { holdDirectory, splitPath } from '../file/held-directory.ts'
import { readTail } from './bounded-file.ts'
import { type Collected, cutLines } from './collected.ts'

/** Where Linux starts things by itself, or lets others in; folders with all that is below them. */
const places = [
  ...['/etc/crontab', '/etc/cron.d', '/etc/cron.hourly', '/etc/cron.daily', '/etc/cron.weekly', '/etc/cron.monthly'],
  ...['/var/spool/cron', '/etc/anacrontab', '/etc/at.allow', '/var/spool/at'],
  ...['/etc/systemd/system', '/etc/systemd/user', '/run/systemd/system', '/usr/local/lib/systemd', '/etc/init.d'],
  ...['/etc/rc.local', '/etc/inittab', '/etc/ld.so.preload', '/etc/ld.so.conf', '/etc/ld.so.conf.d'],
  ...['/etc/profile', '/etc/profile.d', '/etc/bash.bashrc', '/etc/environment', '/etc/update-motd.d'],
  ...['/etc/modules', '/etc/modules-load.d', '/etc/modprobe.d', '/etc/udev/rules.d', '/etc/pam.d'],
  ...['/etc/ssh/sshd_config', '/etc/ssh/sshd_config.d', '/etc/sudoers.d', '/etc/apt/apt.conf.d', '/etc/xdg/autostart'],
]

/** Below each home. */
const homePlaces = [
  ...[
    '.ssh/authorized_keys',
    '.ssh/authorized_keys2',
    '.ssh/rc',
    '.profile',
    '.bashrc',
    '.bash_profile',
    '.bash_login',
  ],
  ...['.bash_logout', '.zshrc', '.config/autostart', '.config/systemd/user'],
]

const MAX_CONTENT_BYTES = 64 * 1024
const MAX_FILES = 5_000

/** Every file in a place of persistence with its metadata and the beginning of its content, one JSON object a line. */
export function listPersistence(maxBytes: number): Collected {
  const lines: string[] = []
  for (const place of [...places, ...listHomes().flatMap((home) => homePlaces.map((name) => `${home}/${name}`))]) {
    visit(Buffer.from(place), lines, true)
  }
  return cutLines(lines, maxBytes)
}

/** What lies in the temporary folders, without content. */
export function listTemporary(maxBytes: number): Collected {
  const lines: string[] = []
  for (const folder of ['/tmp', '/var/tmp', '/dev/shm']) visit(Buffer.from(folder), lines, false)
  return cutLines(lines, maxBytes)
}

function visit(start: Buffer, lines: string[], withContent: boolean): void {
  const waiting = [start]
  for (let path = waiting.pop(); path !== undefined && lines.length < MAX_FILES; path = waiting.pop()) {
    const stat = statOf(path)
    if (stat === undefined) continue
    if (stat.isDirectory()) waiting.push(...listFolder(path))
    if (!stat.isDirectory() || !withContent) lines.push(JSON.stringify(describe(path, stat, withContent)))
  }
}

function describe(path: Buffer, stat: Stats, withContent: boolean): Readonly<Record<string, unknown>> {
  const { mode, uid, gid, size, mtime, ctime } = stat
  const facts = {
    path: path.toString('utf8'),
    mode: mode.toString(8),
    uid,
    gid,
    size,
    modified: mtime.toISOString(),
    changed: ctime.toISOString(),
  }
  if (stat.isSymbolicLink()) return { ...facts, link: readLink(path) }
  if (!withContent || !stat.isFile()) return facts
  const { content, truncated, error } = readHeld(path)
  if (error !== null) return { ...facts, error }
  return { ...facts, sha256: sha256Hex(content), truncated, content: content.toString('utf8') }
}

/** Reads a file below folders that are held open, so that none of them can be made a link on the way. */
function readHeld(path: Buffer): Collected {
  const { folder, name } = splitPath(path)
  try {
    const held = holdDirectory(folder)
    try {
      return readTail(held.entry(name), MAX_CONTENT_BYTES)
    } finally {
      held.close()
    }
  } catch {
    return { content: Buffer.alloc(0), truncated: false, error: 'a folder of the path is a link or gone' }
  }
}

function listHomes(): readonly string[] {
  const homes = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':')[5] ?? '')
    .filter((home) => home.startsWith('/') && home.length > 1)
  return [...new Set(['/root', ...homes])].slice(0, 500)
}

function statOf(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    // A part of the path is no folder.
    return undefined
  }
}

function listFolder(path: Buffer): readonly Buffer[] {
  try {
    return readdirSync(path, { encoding: 'buffer' })
      .slice(0, 2_000)
      .map((name) => joinPath(path, name))
  } catch {
    // Gone since it was looked at.
    return []
  }
}

function readLink(path: Buffer): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
